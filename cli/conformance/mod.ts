/**
 * What a broker has to do, as far as it can be seen from outside: checks by
 * chapter, how they are run, and reports.
 *
 * @module
 */

export * from "./_check.ts";
export * from "./_checks.ts";
export * from "./_report.ts";
export * from "./_run.ts";
export * from "./_stage.ts";

/**
 * Lines for people: what comes from a client is quoted, shortened, and rid of
 * whatever ends a line or moves a cursor, so that nobody can forge a line.
 */

/** Characters of the longest text that is quoted in full. */
const LONGEST = 256;

/** A text in quotes, not longer than a line can bear. */
export function quote(text: string): string {
  const shown = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  return JSON.stringify(shown);
}

/** What ends a line, means something to a terminal or turns text around is shown. */
export function visible(line: string): string {
  return line.replaceAll(
    // deno-lint-ignore no-control-regex -- these are what is looked for
    /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** What was thrown, with its stack if it has one. */
export function describe(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}

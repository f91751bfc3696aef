// deno-lint-ignore-file no-console -- it is what is tested

import { assertEquals } from "@std/assert";
import { consoleLogger } from "../../broker/_console_logger.ts";

Deno.test("consoleLogger says warnings and errors, and nothing else", () => {
  const { warn, error, info, debug, log } = console;
  const lines: string[] = [];
  const note = (level: string) => (line: string) =>
    void lines.push(`${level} ${line}`);
  try {
    console.warn = note("warn");
    console.error = note("error");
    console.info = console.debug = console.log = note("other");
    for (const level of ["debug", "info", "warn", "error"] as const) {
      consoleLogger[level](level);
      const said = lines.some((line) => line.endsWith(` ${level}`));
      assertEquals(consoleLogger.enabled!(level), said, level);
    }
  } finally {
    Object.assign(console, { warn, error, info, debug, log });
  }
  assertEquals(lines, ["warn warn", "error error"]);
});

import { assertEquals } from "@std/assert";
import { failures } from "../../broker/_failures.ts";
import type { Logger } from "../../broker/mod.ts";

/** A logger that keeps errors, without the rest of stacks. */
function keeping(lines: string[]): Logger {
  const unexpected = (line: string): never => {
    throw new Error(line);
  };
  return {
    debug: unexpected,
    info: unexpected,
    warn: (line) => lines.push(line),
    error: (line) => lines.push(line.replace(/\\n.*/, "")),
  };
}

Deno.test("failures() says what no plugin watches", () => {
  const lines: string[] = [];
  const { on } = failures([], keeping(lines));
  const error = new TypeError("out of order");
  const address = "192.0.2.1";
  on!.broker_address_banned!({ address, seconds: 10, reason: 'bad "\n"' });
  on!.broker_plugin_failed!({ plugin: "p", hook: "authorize", error });
  on!.broker_store_failed!({ error: "full" });
  on!.broker_internal_error!({ clientId: "c", error });
  assertEquals(lines, [
    'Banned: 192.0.2.1 for 10 s: too many bad attempts, the last: "bad \\"\\n\\""',
    'Plugin p failed in authorize: "TypeError: out of order',
    'Store failed, trying again: "full"',
    'Internal error, please report it: client "c": "TypeError: out of order',
  ]);
});

Deno.test("failures() leaves to plugins what they watch", () => {
  const watcher = { name: "w", on: { broker_plugin_failed() {} } };
  const { on } = failures([watcher], keeping([]));
  assertEquals(Object.keys(on!), [
    "broker_address_banned",
    "broker_store_failed",
    "broker_internal_error",
  ]);
});

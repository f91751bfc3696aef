import { assertEquals } from "@std/assert";
import { failures } from "../../broker/_failures.ts";
import type { Logger } from "../../broker/mod.ts";

/** A logger that keeps warnings and errors, without the rest of stacks. */
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
  const limit = 2 ** 30;
  on!.broker_overloaded!({ level: "high", used: limit * 1.01, limit });
  on!.broker_overloaded!({ level: "critical", used: limit * 1.11, limit });
  on!.broker_overloaded!({ level: "normal", used: limit * 0.8, limit });
  assertEquals(lines, [
    'Banned: 192.0.2.1 for 10 s: too many bad attempts, the last: "bad \\"\\n\\""',
    'Plugin p failed in authorize: "TypeError: out of order',
    'Store failed, trying again: "full"',
    'Internal error, please report it: client "c": "TypeError: out of order',
    "Memory short: 1034 MiB are in use, limits.memory is 1024 MiB",
    "Memory critical: 1137 MiB are in use, limits.memory is 1024 MiB",
    "Memory enough again: 819 MiB are in use, limits.memory is 1024 MiB",
  ]);
});

Deno.test("failures() leaves to plugins what they watch", () => {
  const watcher = { name: "w", on: { broker_plugin_failed() {} } };
  const { on } = failures([watcher], keeping([]));
  assertEquals(Object.keys(on!), [
    "broker_address_banned",
    "broker_store_failed",
    "broker_internal_error",
    "broker_overloaded",
  ]);
});

import { assertEquals, assertInstanceOf } from "@std/assert";
import { BrokerError } from "../../broker/mod.ts";

Deno.test("BrokerError is an error with its name, its message and its cause", () => {
  const cause = new Error("why");
  const error = new BrokerError("Cannot go on", { cause });
  assertInstanceOf(error, Error);
  assertEquals(
    [error.name, error.message, error.cause],
    ["BrokerError", "Cannot go on", cause],
  );
  assertEquals(String(error), "BrokerError: Cannot go on");
});

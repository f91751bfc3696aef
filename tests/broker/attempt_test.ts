import { assertEquals } from "@std/assert";
import { Attempt } from "../../broker/_attempt.ts";

Deno.test("attempt tells who asked that it is over, and who asks later", () => {
  const attempt = new Attempt();
  const { signal } = attempt;
  assertEquals(signal.aborted, false);
  attempt.end();
  assertEquals(signal.aborted, true);
  const late = new Attempt();
  late.end();
  assertEquals(late.signal.aborted, true);
});

Deno.test("attempt says by which method", () => {
  assertEquals(new Attempt().method, undefined);
  assertEquals(new Attempt("SCRAM-SHA-256").method, "SCRAM-SHA-256");
});

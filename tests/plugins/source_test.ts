import { assertEquals } from "@std/assert";
import type { ClientInfo } from "../../broker/mod.ts";
import { sourceOf } from "../../plugins/_source.ts";

const sources: readonly [hostname: string, source: string][] = [
  ["192.0.2.1", "192.0.2.1"],
  ["::ffff:192.0.2.1", "192.0.2.1"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
  ["2001:db8:1:2::6", "2001:db8:1:2"],
  ["2001:db8::6", "2001:db8:0:0"],
  ["2001:db8::", "2001:db8:0:0"],
  ["::1", "0:0:0:0"],
];

for (const [hostname, source] of sources) {
  Deno.test(`client at ${hostname} comes from ${source}`, () => {
    const address = { hostname, port: 1 };
    assertEquals(sourceOf({ address } as ClientInfo), source);
  });
}

Deno.test("client whose address is not known comes from nowhere", () => {
  assertEquals(sourceOf({ address: undefined } as ClientInfo), "");
  const address = { path: "/run/x" };
  assertEquals(sourceOf({ address } as ClientInfo), "");
});

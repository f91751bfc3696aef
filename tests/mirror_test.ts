/** Every source has its tests, and every unit test its source. */

import { assertEquals } from "@std/assert";
import { filesIn, folders, nameOf, sources } from "./_sources.ts";

/** Sources without a test file of their own, and why. */
const untested: Record<string, string> = {
  "mod.ts": "re-exports: public_api_test.ts",
  "broker/mod.ts": "re-exports: public_api_test.ts",
  "client/mod.ts": "re-exports: public_api_test.ts",
  "codec/mod.ts": "re-exports: public_api_test.ts",
  "plugins/mod.ts": "re-exports: public_api_test.ts",
  "broker/_peer.ts": "types only",
  "broker/_state.ts": "types only",
  "broker/plugin.ts": "types only",
  "codec/transport.ts": "types only",
};

/** Tests that are not of one source, and why. */
const unmirrored: Record<string, string> = {
  "tests/codec/round_trip_test.ts":
    "decode.ts and encode.ts, each by the other",
};

/** Where the tests of a source stand. */
function testOf(source: string): string {
  const folder = source.slice(0, source.lastIndexOf("/") + 1);
  const name = nameOf(source).replace(/^_/, "").replace(/\.ts$/, "_test.ts");
  return `tests/${folder}${name}`;
}

const tests = folders.flatMap((folder) => filesIn(`tests/${folder}`))
  .filter((path) => path.endsWith("_test.ts"));

for (const source of sources()) {
  const test = testOf(source);
  if (Object.hasOwn(untested, source)) continue;
  Deno.test(`${source} has its tests in ${test}`, () => {
    assertEquals(tests.includes(test), true);
  });
}

Deno.test("every unit test is of a source", () => {
  const mirrors = sources().map(testOf);
  const others = tests.filter((path) => !mirrors.includes(path));
  assertEquals(others, Object.keys(unmirrored));
});

Deno.test("sources that are said to have no tests exist, and have none", () => {
  for (const source of Object.keys(untested)) {
    assertEquals(sources().includes(source), true, source);
    assertEquals(tests.includes(testOf(source)), false, source);
  }
});

Deno.test("no two sources share a test file", () => {
  const mirrors = sources().filter((one) => !Object.hasOwn(untested, one))
    .map(testOf);
  assertEquals(mirrors.length, new Set(mirrors).size);
});

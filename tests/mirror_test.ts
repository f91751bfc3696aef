/** Every source has its tests, and every unit test its source. */

import { assertEquals } from "@std/assert";
import { filesIn, folders, nameOf, sourceOf, sources } from "./_sources.ts";

/** Sources with nothing to test, and why. */
const untested: Record<string, string> = {
  "mod.ts": "re-exports: public_api_test.ts",
  "broker/mod.ts": "re-exports: public_api_test.ts",
  "cli/conformance/mod.ts": "re-exports: what ambermq test uses",
  "client/mod.ts": "re-exports: public_api_test.ts",
  "codec/mod.ts": "re-exports: public_api_test.ts",
  "plugins/mod.ts": "re-exports: public_api_test.ts",
  "broker/_peer.ts": "types only",
  "broker/_state.ts": "types only",
  "broker/plugin.ts": "types only",
  "client/options.ts": "types only",
  "codec/schema.ts": "types only",
  "codec/transport.ts": "types only",
};

/** Sources that are parts of another's subject, and the tests of that. */
const covered: Record<string, string> = {
  "broker/_inflight.ts": "tests/broker/deliveries_test.ts",
  "broker/_session.ts": "tests/broker/deliveries_test.ts",
  "cli/_flight.ts": "tests/cli/pub_test.ts",
  "cli/_output.ts": "tests/cli/sub_test.ts",
  "cli/_terminal.ts": "tests/cli/mod_test.ts",
  "cli/_version.ts": "tests/cli/mod_test.ts",
  "cli/ambermq_pub.ts": "tests/cli/mod_test.ts",
  "cli/ambermq_sub.ts": "tests/cli/mod_test.ts",
  "cli/conformance/_connect.ts": "tests/cli/conformance/checks_test.ts",
  "cli/conformance/_control.ts": "tests/cli/conformance/checks_test.ts",
  "cli/conformance/_flow.ts": "tests/cli/conformance/checks_test.ts",
  "cli/conformance/_properties.ts": "tests/cli/conformance/checks_test.ts",
  "cli/conformance/_qos.ts": "tests/cli/conformance/checks_test.ts",
  "cli/conformance/_retained.ts": "tests/cli/conformance/checks_test.ts",
  "cli/conformance/_session.ts": "tests/cli/conformance/checks_test.ts",
  "cli/conformance/_shared.ts": "tests/cli/conformance/checks_test.ts",
  "cli/conformance/_strings.ts": "tests/cli/conformance/checks_test.ts",
  "cli/conformance/_subscribe.ts": "tests/cli/conformance/checks_test.ts",
  "cli/conformance/_topics.ts": "tests/cli/conformance/checks_test.ts",
  "cli/conformance/_verdict.ts": "tests/cli/conformance/check_test.ts",
  "cli/conformance/_will.ts": "tests/cli/conformance/checks_test.ts",
  "client/_arguments.ts": "tests/client/publisher_test.ts",
  "client/_reason.ts": "tests/client/connection_test.ts",
  "client/_refusal.ts": "tests/client/connect_test.ts",
  "client/message.ts": "tests/client/inbox_test.ts",
  "codec/_decode_connect.ts": "tests/codec/decode_test.ts",
  "codec/_encode_connect.ts": "tests/codec/encode_test.ts",
  "codec/_encode_fields.ts": "tests/codec/encode_test.ts",
  "codec/_properties.ts": "tests/codec/property_test.ts",
  "codec/_topic_cache.ts": "tests/codec/decode_test.ts",
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
  const test = covered[source] ?? testOf(source);
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

Deno.test("exceptions are of sources that exist and have no tests of their own", () => {
  for (const source of [...Object.keys(untested), ...Object.keys(covered)]) {
    assertEquals(sources().includes(source), true, source);
    assertEquals(tests.includes(testOf(source)), false, source);
  }
});

Deno.test("sources with nothing to test have no statements", () => {
  for (const [source, reason] of Object.entries(untested)) {
    const { onlyReexports, onlyTypes } = sourceOf(source);
    const fine = reason === "types only" ? onlyTypes : onlyReexports;
    assertEquals(fine, true, source);
  }
});

Deno.test("no two sources mirror the same test file", () => {
  const mirrors = sources().map(testOf);
  assertEquals(mirrors.length, new Set(mirrors).size);
});

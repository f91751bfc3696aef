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
  "cli/_command.ts": "types only",
  "client/call_options.ts": "types only",
  "client/events.ts": "types only",
  "client/options.ts": "types only",
  "client/packet_view.ts": "types only",
  "client/subscription.ts": "types only",
  "codec/schema.ts": "types only",
  "codec/transport.ts": "types only",
};

/** Sources that are parts of another's subject, and the tests of that. */
const covered: Record<string, string> = {
  "broker/_input.ts": "tests/broker/connection_test.ts",
  "broker/_inflight.ts": "tests/broker/deliveries_test.ts",
  "broker/_dispatch.ts": "tests/broker/connection_test.ts",
  "broker/_ending.ts": "tests/broker/connection_test.ts",
  "broker/_read_ahead.ts": "tests/broker/connection_test.ts",
  "broker/_dump_line.ts": "tests/broker/store_dump_test.ts",
  "broker/_sqlite_check.ts": "tests/broker/store_upkeep_test.ts",
  "broker/_sqlite_metrics.ts": "tests/broker/sqlite_store_test.ts",
  "broker/_sqlite_reader.ts": "tests/broker/store_upkeep_test.ts",
  "broker/_sqlite_file.ts": "tests/broker/sqlite_store_test.ts",
  "broker/_sqlite_pending.ts": "tests/broker/sqlite_store_test.ts",
  "broker/_sqlite_replay.ts": "tests/broker/sqlite_store_test.ts",
  "broker/_sqlite_tables.ts": "tests/broker/sqlite_store_test.ts",
  "broker/_reason.ts": "tests/broker/connection_test.ts",
  "broker/_pause.ts": "tests/broker/connection_test.ts",
  "broker/_watch.ts": "tests/broker/connection_test.ts",
  "broker/_ways_in.ts": "tests/broker/broker_test.ts",
  "broker/_within.ts": "tests/broker/broker_test.ts",
  "broker/_secrets.ts": "tests/broker/connection_test.ts",
  "broker/_session.ts": "tests/broker/deliveries_test.ts",
  "broker/_tls_handshake.ts": "tests/broker/tls_test.ts",
  "cli/_completions_bash.ts": "tests/cli/completions_test.ts",
  "cli/_completions_fish.ts": "tests/cli/completions_test.ts",
  "cli/_completions_zsh.ts": "tests/cli/completions_test.ts",
  "cli/_exit_status.ts": "tests/cli/pub_test.ts",
  "cli/_broker_flags.ts": "tests/cli/broker_test.ts",
  "cli/_flight.ts": "tests/cli/pub_test.ts",
  "cli/_format_json.ts": "tests/cli/format_test.ts",
  "cli/_output.ts": "tests/cli/sub_test.ts",
  "cli/_rr_run.ts": "tests/cli/rr_test.ts",
  "cli/_session_options.ts": "tests/cli/client_options_test.ts",
  "cli/_sub_run.ts": "tests/cli/sub_test.ts",
  "cli/_version.ts": "tests/cli/mod_test.ts",
  "cli/ambermq_pub.ts": "tests/cli/mod_test.ts",
  "cli/ambermq_sub.ts": "tests/cli/mod_test.ts",
  "cli/_test_flags.ts": "tests/cli/test_test.ts",
  "cli/conformance/_acknowledgements.ts":
    "tests/cli/conformance/checks_test.ts",
  "cli/conformance/_identifiers.ts": "tests/cli/conformance/checks_test.ts",
  "cli/conformance/_refusal.ts": "tests/cli/conformance/checks_test.ts",
  "cli/conformance/_resend.ts": "tests/cli/conformance/checks_test.ts",
  "cli/conformance/_capabilities.ts": "tests/cli/conformance/stage_test.ts",
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
  "cli/conformance/_link.ts": "tests/cli/conformance/peer_test.ts",
  "cli/conformance/_unoffered.ts": "tests/cli/conformance/checks_test.ts",
  "cli/conformance/_verdict.ts": "tests/cli/conformance/check_test.ts",
  "cli/conformance/_will.ts": "tests/cli/conformance/checks_test.ts",
  "cli/conformance/_authentication.ts": "tests/cli/conformance/checks_test.ts",
  "cli/conformance/_sizes.ts": "tests/cli/conformance/checks_test.ts",
  "cli/conformance/_verdicts.ts": "tests/cli/conformance/checks_test.ts",
  "cli/conformance/_websocket.ts": "tests/cli/conformance/checks_test.ts",
  "client/_builtin.ts": "tests/client/dial_test.ts",
  "client/_socket.ts": "tests/client/dial_test.ts",
  "client/_websocket.ts": "tests/client/dial_test.ts",
  "client/_arguments.ts": "tests/client/publisher_test.ts",
  "client/_calls.ts": "tests/client/session_test.ts",
  "client/_capabilities.ts": "tests/client/session_test.ts",
  "client/_config_fields.ts": "tests/client/config_test.ts",
  "client/_deliver.ts": "tests/client/client_test.ts",
  "client/_entry.ts": "tests/client/subscriptions_test.ts",
  "client/_heartbeat.ts": "tests/client/connection_test.ts",
  "client/_reason.ts": "tests/client/connection_test.ts",
  "client/_receipt.ts": "tests/client/subscriber_test.ts",
  "client/_refusal.ts": "tests/client/connect_test.ts",
  "client/_stream.ts": "tests/client/subscriptions_test.ts",
  "codec/_decode_connect.ts": "tests/codec/decode_test.ts",
  "codec/_encode_connect.ts": "tests/codec/encode_test.ts",
  "codec/_encode_fields.ts": "tests/codec/encode_test.ts",
  "codec/_properties.ts": "tests/codec/property_test.ts",
  "codec/_scram_keys.ts": "tests/codec/scram_test.ts",
  "codec/_scram_messages.ts": "tests/codec/scram_server_test.ts",
  "codec/_topic_cache.ts": "tests/codec/decode_test.ts",
  "codec/_websocket_decoder.ts": "tests/codec/websocket_frames_test.ts",
  "codec/_websocket_mask.ts": "tests/codec/websocket_frames_test.ts",
  "plugins/_user_file.ts": "tests/plugins/auth_file_test.ts",
  "plugins/_hash_worker.ts": "tests/plugins/hash_workers_test.ts",
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

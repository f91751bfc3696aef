import { assertEquals } from "@std/assert";
import { jsonHelp, jsonLine } from "../../cli/_json_line.ts";
import { IncomingApplicationMessage, type PublishPacket } from "../../mod.ts";

const time = { seconds: 1_700_000_000, nanoseconds: 987_654_321 };

function line(packet: Partial<PublishPacket>, pretty = false): string {
  const message = new IncomingApplicationMessage({
    type: "publish",
    topic: "a/b",
    payload: new Uint8Array(0),
    qos: 0,
    retain: false,
    dup: false,
    ...packet,
  });
  return jsonLine(message, time, pretty);
}

Deno.test("--json writes a text as it is", () => {
  const payload = new TextEncoder().encode('\ufeff"é"\n\0💧');
  assertEquals(
    line({ payload, qos: 2, retain: true }),
    '{"topic":"a/b","payload":"\ufeff\\"é\\"\\n\\u0000💧","encoding":"utf-8",' +
      '"qos":2,"retain":true,"timestamp":"2023-11-14T22:13:20.987Z"}',
  );
  assertEquals(JSON.parse(line({})).payload, "");
});

Deno.test("--json writes in base64 what is no text", () => {
  const payload = new Uint8Array([0, 255, 128]);
  const { payload: text, encoding } = JSON.parse(line({ payload }));
  assertEquals([text, encoding], ["AP+A", "base64"]);
});

Deno.test("--json has the properties, if there are any", () => {
  assertEquals(
    Object.hasOwn(JSON.parse(line({ properties: {} })), "properties"),
    false,
  );
  const properties = {
    contentType: "x",
    correlationData: new Uint8Array([255]),
    userProperties: [["a", "1"], ["a", "2"]] as [string, string][],
    subscriptionIdentifiers: [1],
  };
  assertEquals(JSON.parse(line({ properties })).properties, {
    ...properties,
    correlationData: "/w==",
  });
});

Deno.test("--json is one line, unless it is to be pretty", () => {
  assertEquals(line({}).includes("\n"), false);
  assertEquals(line({}, true).split("\n")[1], '  "topic": "a/b",');
});

Deno.test("the help has every key of --json, in its order", () => {
  const keys = Object.keys(JSON.parse(line({})));
  const described = Array.from(
    jsonHelp.matchAll(/^ {2}(\w+) {2}/gm),
    ([, key]) => key,
  );
  assertEquals(described, keys);
});

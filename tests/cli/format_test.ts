import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../cli/_flags.ts";
import { compileFormat } from "../../cli/_format.ts";
import { formatJson, PayloadError } from "../../cli/_format_json.ts";
import {
  type ApplicationMessage,
  IncomingApplicationMessage,
  type PublishPacket,
} from "../../mod.ts";

function message(packet: Partial<PublishPacket> = {}): ApplicationMessage {
  return new IncomingApplicationMessage({
    type: "publish",
    topic: "a/é",
    payload: new TextEncoder().encode("xyz"),
    qos: 1,
    retain: true,
    dup: false,
    packetId: 42,
    ...packet,
  });
}

const full = message({
  properties: {
    contentType: "text/plain",
    userProperties: [["a", "1"], ["b", "2"], ["a", "3"]],
    responseTopic: "re/x",
    messageExpiryInterval: 100,
    payloadFormatIndicator: true,
    correlationData: new Uint8Array([255, 0]),
    subscriptionIdentifiers: [7, 8],
  },
});

const time = { seconds: 1_700_000_000, nanoseconds: 1_002_003 };

/** What a format makes of a message, a character for each byte. */
function format(text: string, of = message(), pretty = false): string {
  return compileFormat(text, pretty)(of, time).map((part) =>
    typeof part === "string" ? part : new TextDecoder("latin1").decode(part)
  ).join("");
}

Deno.test("-F has the message", () => {
  assertEquals(format("%t|%p|%l|%q|%r|%m"), "a/é|xyz|3|1|1|42");
  assertEquals(
    format("%x|%X", message({ payload: new Uint8Array([171]) })),
    "ab|AB",
  );
  const simple: Partial<PublishPacket> = { qos: 0, retain: false };
  const { packetId: _, ...none } = message(simple);
  assertEquals(format("%q%r", none as ApplicationMessage), "00");
  const bytes = new Uint8Array([0, 255, 10]);
  assertEquals(format("<%p>", message({ payload: bytes })), "<\0ÿ\n>");
});

Deno.test("-F has the properties of MQTT 5.0, or nothing", () => {
  assertEquals(
    format("%C|%D|%E|%F|%P|%R|%S|%A", full),
    "text/plain|ÿ\0|100|1|a:1 b:2 a:3|re/x|7|",
  );
  assertEquals(format("%C|%D|%E|%F|%P|%R|%S|%A"), "|||||||");
});

Deno.test("-F has the time", () => {
  assertEquals(format("%U @N"), "1700000000.001002003 001002003");
  assertEquals(format("@s@@@Q"), "1700000000@%Q");
  assertEquals(format("%I"), format("@Y-@m-@dT@H:@M:@S@z"));
});

Deno.test("-F has control characters and signs", () => {
  assertEquals(
    format("\\n\\t\\r\\v\\a\\e\\0\\\\%%@@"),
    "\n\t\r\v\x07\x1b\0\\%@",
  );
  assertEquals(format("é 💧 %5%"), "é 💧 %");
});

Deno.test("-F fills and cuts", () => {
  const cases: Record<string, string> = {
    "%6t|%-6t|%06t": "   a/é|a/é   |   a/é",
    "%.2t|%4.2t|%-4.2t|%.t|%2.t": "a/|  a/|a/  ||  ",
    "%6p|%-6p|%06p|%-06p|%2p|%.1p": "   xyz|xyz   |000xyz|xyz   |xyz|xyz",
    "%4l|%04l|%-4l|%-04l": "   3|0003|3   |3   ",
    "%8x|%08X|%-8x": "  78797a|0078797A|78797a  ",
    "%3q%3r": "11", // these have no width
    "%4C|%04E|%4S": "    |0000|    ",
  };
  for (const [text, expected] of Object.entries(cases)) {
    assertEquals(format(text), expected, text);
  }
  // not in the middle of a character
  assertEquals(format("%.1t", message({ topic: "💧é" })), "💧");
});

Deno.test("-F refuses what has no meaning", () => {
  for (const text of ["%Q", "%", "%5", "%--t", "@", "\\q", "\\", "a%.", "%é"]) {
    assertThrows(() => compileFormat(text, false), UsageError, "-F has ");
  }
});

Deno.test("-F %j has all as JSON, properties in their order", () => {
  const parsed = JSON.parse(format("%j"));
  assertEquals(parsed, {
    tst: format("@Y-@m-@dT@H:@M:@S.001002@z"),
    topic: "a/é",
    qos: 1,
    retain: 1,
    payloadlen: 3,
    mid: 42,
    payload: "xyz",
  });
  const text = format("%j", full);
  assertEquals(
    text.slice(text.indexOf('"properties"')),
    '"properties":{"content-type":"text/plain",' +
      '"user-properties":{"a":"1","b":"2","a":"3"},"response-topic":"re/x",' +
      '"message-expiry-interval":100,"payload-format-indicator":1,' +
      '"correlation-data":"\ufffd\\u0000","subscription-identifier":7},' +
      '"payload":"xyz"}',
  );
  const empty = message({ payload: new Uint8Array(0) });
  assertEquals(JSON.parse(format("%j", empty)).payload, null);
});

Deno.test("-F %J has the payload as JSON", () => {
  const of = (text: string) =>
    message({ payload: new TextEncoder().encode(text) });
  const options = { pretty: false, parsed: true };
  const json = formatJson(of('{"a": [1.0,\n2]}'), time, options);
  assertEquals(json.slice(json.indexOf('"payload"')), '"payload":{"a":[1,2]}}');
  assertThrows(
    () => formatJson(of("nope"), time, options),
    PayloadError,
    'Cannot write the payload as JSON: that of topic "a/é" is none',
  );
});

Deno.test("--pretty indents JSON", () => {
  const text = format(
    "%J",
    message({
      payload: new TextEncoder().encode('{"b":[1]}'),
      properties: { userProperties: [["a", "1"], ["a", "2"]] },
    }),
    true,
  );
  assertEquals(
    text.slice(text.indexOf('"mid"')),
    '"mid": 42,\n\t"properties": {\n\t\t"user-properties": {\n' +
      '\t\t\t"a": "1",\n\t\t\t"a": "2"\n\t\t}\n\t},\n' +
      '\t"payload": {\n\t\t"b": [\n\t\t\t1\n\t\t]\n\t}\n}',
  );
});

Deno.test("-F has no field that is wider than any line", () => {
  assertEquals(format("%10000t").length, 10_000);
  for (const sequence of ["%10001t", "%-999999999999p", "%0999999999999l"]) {
    assertThrows(
      () => compileFormat(sequence, false),
      UsageError,
      `-F has ${JSON.stringify(sequence)}, which is wider than 10000`,
    );
  }
});

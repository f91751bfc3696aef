import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  checkResponse,
  endOfHead,
  isEnough,
  makeKey,
  openingRequest,
  parseHead,
  refusal,
  type Response,
} from "../../client/_websocket_handshake.ts";
import { text } from "../_raw_packets.ts";
import { ACCEPT, KEY } from "../_websocket_peer.ts";

function ask(url: string, headers: Record<string, string> = {}): string {
  const bytes = openingRequest(new URL(url), headers, KEY);
  return new TextDecoder("latin1").decode(bytes);
}

function respond(start: string, headers: Record<string, string>): Response {
  const lines = Object.entries(headers).map((one) => `${one.join(": ")}\r\n`);
  return parseHead(text(`${start}\r\n${lines.join("")}\r\n`));
}

Deno.test("openingRequest() asks for a WebSocket with mqtt [MQTT-6.0.0-3]", () => {
  assertEquals(
    ask("ws://user:password@[::1]:80/a%20b?c=ü#d", { "X-Token": " Zoë\t1 " }),
    "GET /a%20b?c=%C3%BC HTTP/1.1\r\n" +
      "Host: [::1]\r\n" +
      "Upgrade: websocket\r\n" +
      "Connection: Upgrade\r\n" +
      `Sec-WebSocket-Key: ${KEY}\r\n` +
      "Sec-WebSocket-Version: 13\r\n" +
      "Sec-WebSocket-Protocol: mqtt, mqttv3.1\r\n" +
      "X-Token: Zoë\t1\r\n\r\n",
  );
  const secure = ask("wss://münchen.example:8443").split("\r\n");
  assertEquals(secure.slice(0, 2), [
    "GET / HTTP/1.1",
    "Host: xn--mnchen-3ya.example:8443",
  ]);
});

for (
  const [name, value, problem] of [
    ["a b", "c", "that is no name of a header"],
    ["a\r\nb", "c", "that is no name of a header"],
    ["a:", "c", "that is no name of a header"],
    ["ü", "c", "that is no name of a header"],
    ...[
      ...["HOST", "Connection", "Content-Length", "transfer-encoding"],
      ...["sec-websocket-key", "Sec-WebSocket-Extensions"],
    ].map((one) =>
      [
        one,
        "c",
        "the handshake of WebSocket sets it itself, or cannot have it",
      ] as const
    ),
    ...["secret\r\nb: c", "secret\n", "secret\0", "secret €"].map((one) =>
      [
        "authorization",
        one,
        "its value has a line break or a character that headers cannot have",
      ] as const
    ),
  ] as const
) {
  const shown = `${JSON.stringify(name)}: ${JSON.stringify(value)}`;
  Deno.test(`openingRequest() sends no header ${shown}`, () => {
    const { message } = assertThrows(
      () => ask("ws://broker", { [name]: value }),
      TypeError,
    );
    assertEquals(
      message,
      `Cannot send the header ${JSON.stringify(name)}: ${problem}`,
    );
  });
}

Deno.test("makeKey() makes 16 bytes that are others each time", () => {
  const keys = Array.from({ length: 20 }, makeKey);
  for (const key of keys) assertEquals(atob(key).length, 16);
  assertEquals(new Set(keys).size, 20);
});

Deno.test("endOfHead() finds the empty line, and what is no HTTP at once", () => {
  const head = "HTTP/1.1 200 OK\r\nA: b\r\n\r\n";
  for (let length = 1; length < head.length; length++) {
    assertEquals(endOfHead(text(head.slice(0, length))), -1);
  }
  assertEquals(endOfHead(text(`${head}\r\n\r\n`)), head.length);
  for (const wrong of [" ", "HTTP/2", "SSH-2.0", "http/1.1"]) {
    assertThrows(
      () => endOfHead(text(wrong)),
      Error,
      "what answers does not speak HTTP; is it the port of another scheme?",
    );
  }
});

Deno.test("parseHead() reads status and headers, and nothing that is malformed", () => {
  const bytes = text("HTTP/1.0 404\r\nA:b \r\na: ü\r\nC:\r\n\r\n");
  const { status, statusText, headers } = parseHead(bytes);
  assertEquals([status, statusText], [404, "404"]);
  assertEquals([headers.get("a"), headers.get("c")], ["b, Ã¼", ""]);
  const start = "HTTP/1.1 101 Switching Protocols";
  for (
    const wrong of [
      ...["HTTP/1.1 ok", "HTTP/1.1 1010 Many", "HTTP/1.1"],
      ...["a", " a: b", "a : b", ": b", "a: \0"].map((line) =>
        `${start}\r\n${line}`
      ),
    ]
  ) {
    assertThrows(
      () => parseHead(text(`${wrong}\r\n\r\n`)),
      Error,
      "what answers does not speak HTTP as it should",
    );
  }
});

const START = "HTTP/1.1 101 Switching Protocols";

/** What a good response has. */
const good = {
  Upgrade: "websocket",
  Connection: "Upgrade",
  "Sec-WebSocket-Accept": ACCEPT,
  "Sec-WebSocket-Protocol": "mqtt",
};

Deno.test("checkResponse() takes what opens a WebSocket", async () => {
  await checkResponse(respond(START, good), KEY);
  const other = {
    ...good,
    Upgrade: "WebSocket",
    Connection: "keep-alive, upgrade",
    "Sec-WebSocket-Protocol": "mqttv3.1",
  };
  await checkResponse(respond(START, other), KEY);
});

for (
  const [name, value] of [
    ["Upgrade", "h2c"],
    ["Upgrade", undefined],
    ["Connection", "close"],
    ["Connection", undefined],
    ["Sec-WebSocket-Accept", ACCEPT.toLowerCase()],
    ["Sec-WebSocket-Accept", undefined],
    ["Sec-WebSocket-Extensions", "permessage-deflate"],
  ] as const
) {
  Deno.test(`checkResponse() takes no response with ${name} ${value}`, async () => {
    const { [name as "Upgrade"]: _, ...rest } = good;
    const headers = value === undefined ? rest : { ...rest, [name]: value };
    await assertRejects(
      () => checkResponse(respond(START, headers), KEY),
      Error,
      "what answers does not open a WebSocket as it should: its header " +
        `${name} is not right`,
    );
  });
}

for (const protocol of [undefined, "", "amqp", "mqtt, mqttv3.1", "MQTT"]) {
  Deno.test(`checkResponse() takes no subprotocol ${protocol} [MQTT-6.0.0-4]`, async () => {
    const { "Sec-WebSocket-Protocol": _, ...rest } = good;
    const headers = protocol === undefined
      ? rest
      : { ...rest, "Sec-WebSocket-Protocol": protocol };
    await assertRejects(
      () => checkResponse(respond(START, headers), KEY),
      Error,
      "what answers did not choose the subprotocol mqtt; is it a broker, " +
        "and the path that of its WebSocket?",
    );
  });
}

const chunked = { "Transfer-Encoding": "chunked" };
const long = "x".repeat(300);

for (
  const [start, headers, body, expected] of [
    ["403 Forbidden", {}, "", "403 Forbidden"],
    ["403 Forbidden", {}, "\n Not you.\r\nNever.", "403 Forbidden: Not you."],
    ["403", {}, "<html>\n<title>", "403"],
    ["400 Bad Request", chunked, "5\r\nWhat?\r\n", "400 Bad Request: What?"],
    ["400 \x1b[31m", {}, "\x07a\x85b", "400  [31m: a b"],
    ["500 Oh", {}, `${long}\n`, `500 Oh: ${long.slice(0, 200)}…`],
    [
      "301 Moved",
      { Location: "https://elsewhere.example/" },
      "Gone",
      "301 Moved, a redirect to https://elsewhere.example/; redirects are " +
      "not followed",
    ],
    ["304 Not Modified", {}, "", "304 Not Modified"],
    [
      "200 OK",
      {},
      "Welcome",
      "200 OK and opened no WebSocket; is the path right?",
    ],
  ] as const
) {
  Deno.test(`refusal() says ${JSON.stringify(expected.slice(0, 60))}`, () => {
    const response = respond(`HTTP/1.1 ${start}`, headers);
    const { message } = refusal(response, new TextEncoder().encode(body));
    assertEquals(message, `the server answered ${expected}`);
  });
}

for (
  const [what, status, headers, body, expected] of [
    ["no length", 403, {}, "", true],
    ["a status without a body", 204, chunked, "", true],
    ["a length, and less", 403, { "Content-Length": "3" }, "No", false],
    ["a length, and as much", 403, { "Content-Length": "3" }, "No.", true],
    ["a length, and a line", 403, { "Content-Length": "9" }, "No.\r\n", true],
    [
      "a length, and no line",
      403,
      { "Content-Length": "9" },
      "\r\n\r\n",
      false,
    ],
    ["a length that is none", 403, { "Content-Length": "x" }, "", true],
    ["no chunk yet", 403, chunked, "", false],
    ["the size of a chunk", 403, chunked, "1f\r\n", false],
    ["part of a chunk", 403, chunked, "1f\r\nNo", false],
    ["a chunk", 403, chunked, "3\r\nNo.\r\n", true],
    ["no chunk at all", 403, chunked, "0\r\n", true],
  ] as const
) {
  Deno.test(`isEnough() is ${expected} for ${what}`, () => {
    const response = respond(`HTTP/1.1 ${status} A`, headers);
    assertEquals(isEnough(response, text(body)), expected);
  });
}

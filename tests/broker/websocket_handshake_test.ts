import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  answer,
  chooseSubprotocol,
  endOfRequest,
  LONGEST_REQUEST,
  otherProtocol,
  refuse,
  type WebSocketOptions,
} from "../../broker/_websocket_handshake.ts";
import { text } from "../_raw_packets.ts";
import { ACCEPT, request } from "../_websocket_peer.ts";

const decoder = new TextDecoder();

interface Answer {
  readonly status: string;
  readonly headers: Headers;
  readonly body: string;
  readonly refusal: string | undefined;
}

async function ask(
  bytes: Uint8Array,
  options: WebSocketOptions = {},
): Promise<Answer> {
  const { response, refusal } = await answer(bytes, options);
  const [head, body] = decoder.decode(response).split("\r\n\r\n") as [
    string,
    string,
  ];
  const [status, ...lines] = head.split("\r\n") as [string, ...string[]];
  const headers = new Headers(
    lines.map((line) => line.split(": ") as [string, string]),
  );
  return { status, headers, body, refusal };
}

Deno.test("answer() upgrades the connection, with the key's answer and the subprotocol [MQTT-6.0.0-4]", async () => {
  const { response, refusal } = await answer(request(), {});
  assertEquals(refusal, undefined);
  assertEquals(
    decoder.decode(response),
    "HTTP/1.1 101 Switching Protocols\r\n" +
      "Upgrade: websocket\r\n" +
      "Connection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${ACCEPT}\r\n` +
      "Sec-WebSocket-Protocol: mqtt\r\n\r\n",
  );
});

/** Requests that are good, though not as short as they could be. */
const good: readonly (readonly [what: string, bytes: Uint8Array])[] = [
  [
    "lists in its headers",
    request({ Upgrade: "h2c, WebSocket", Connection: "keep-alive, UPGRADE" }),
  ],
  [
    "extensions",
    request({ "Sec-WebSocket-Extensions": "permessage-deflate" }),
  ],
  ["a query", request({}, "GET /mqtt?token=a HTTP/1.1")],
  ["an absolute URI", request({}, "GET http://broker/mqtt HTTP/1.1")],
  ["an origin", request({ Origin: "https://Example.org" })],
  [
    "no space after colons",
    text(decoder.decode(request()).replaceAll(": ", ":")),
  ],
  ["a body of no bytes", request({ "Content-Length": "0" })],
  ["bytes above 127", request({ "X-Name": "Müller" })],
];

for (const [what, bytes] of good) {
  Deno.test(`answer() upgrades a request with ${what}`, async () => {
    const options = { path: "/mqtt", origins: ["https://example.org"] };
    const { status, headers, refusal } = await ask(bytes, options);
    assertEquals(refusal, undefined);
    assertEquals(status, "HTTP/1.1 101 Switching Protocols");
    assertEquals(headers.get("Sec-WebSocket-Extensions"), null);
  });
}

/** Requests that are refused. */
const bad: readonly (readonly [
  what: string,
  bytes: Uint8Array,
  status: string,
  reason: string,
])[] = [
  ...["POST", "HEAD", "PUT", "OPTIONS"].map((method) =>
    [
      `is a ${method}`,
      request({ "Content-Length": "5" }, `${method} /mqtt HTTP/1.1`),
      "405 Method Not Allowed",
      `${method} is not allowed`,
    ] as const
  ),
  ...["/", "/MQTT", "/mqtt/"].map((path) =>
    [
      `is for ${path}`,
      request({}, `GET ${path} HTTP/1.1`),
      "404 Not Found",
      `there is nothing at ${path}`,
    ] as const
  ),
  [
    "is a plain GET",
    request({ Upgrade: undefined, Connection: undefined }),
    "426 Upgrade Required",
    "connect by WebSocket",
  ],
  [
    "has no Connection: Upgrade",
    request({ Connection: "keep-alive" }),
    "426 Upgrade Required",
    "connect by WebSocket",
  ],
  [
    "is of another version",
    request({ "Sec-WebSocket-Version": "8" }),
    "426 Upgrade Required",
    "only version 13 of WebSocket is spoken",
  ],
  ...[undefined, "", "dGhl", "dGhlIHNhbXBsZSBub25jZQ", "x".repeat(24)].map(
    (key) =>
      [
        `has the key ${key}`,
        request({ "Sec-WebSocket-Key": key }),
        "400 Bad Request",
        "Sec-WebSocket-Key is not 16 bytes in base 64",
      ] as const,
  ),
  [
    "has two keys",
    request({ "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==" }),
    "400 Bad Request",
    "the header sec-websocket-key comes twice",
  ],
  [
    "is of another origin",
    request({ Origin: "https://example.org.evil" }),
    "403 Forbidden",
    "the origin https://example.org.evil is not allowed",
  ],
  ...[undefined, "", "MQTT", "mqttv5", "mqtt5,stomp"].map((offered) =>
    [
      `offers ${offered} [MQTT-6.0.0-3]`,
      request({ "Sec-WebSocket-Protocol": offered }),
      "400 Bad Request",
      "offer the subprotocol mqtt",
    ] as const
  ),
  [
    "has no Host",
    request({ Host: undefined }),
    "400 Bad Request",
    "Host is missing",
  ],
  ...([["Content-Length", "5"], ["Transfer-Encoding", "chunked"]] as const)
    .map(([name, value]) =>
      [
        `has ${name}`,
        request({ [name]: value }),
        "400 Bad Request",
        "the request has a body",
      ] as const
    ),
  ...[
    "GET /mqtt HTTP/1.0",
    "GET /mqtt HTTP/2",
    "GET /mqtt",
    "GET  /mqtt HTTP/1.1",
    "get /mqtt HTTP/1.1",
    "GET /mq tt HTTP/1.1",
  ].map((start) =>
    [
      `begins with ${start}`,
      request({}, start),
      "400 Bad Request",
      "the request is not one of HTTP/1.1",
    ] as const
  ),
  ...["a\0b", "a\rb", "a\nb", "a\x7f"].map((value) =>
    [
      `has a control character in ${JSON.stringify(value)}`,
      request({ "X-Name": value }),
      "400 Bad Request",
      "the request is not one of HTTP/1.1",
    ] as const
  ),
  ...["X Name", "", " X-Folded"].map((name) =>
    [
      `has a header with the name ${JSON.stringify(name)}`,
      request({ [name]: "value" }),
      "400 Bad Request",
      "a header is malformed",
    ] as const
  ),
  [
    "has a line without a colon",
    request({}, "GET /mqtt HTTP/1.1\r\nnonsense"),
    "400 Bad Request",
    "a header is malformed",
  ],
];

for (const [what, bytes, status, reason] of bad) {
  Deno.test(`answer() says ${status} when a request ${what}`, async () => {
    const options = { path: "/mqtt", origins: ["https://example.org", "null"] };
    const answer = await ask(bytes, options);
    assertEquals(answer.status, `HTTP/1.1 ${status}`);
    assertEquals(answer.body, `This is an MQTT broker: ${reason}\n`);
    const { headers, body, refusal } = answer;
    assertEquals(headers.get("Content-Length"), `${body.length}`);
    assertStringIncludes(headers.get("Connection")!, "close");
    assertEquals(refusal, `WebSocket: ${reason} (HTTP ${status.slice(0, 3)})`);
  });
}

Deno.test("answer() says what would be right in headers", async () => {
  const post = await ask(request({}, "POST / HTTP/1.1"));
  assertEquals(post.headers.get("Allow"), "GET");
  const plain = await ask(request({ Upgrade: undefined }));
  assertEquals(plain.headers.get("Upgrade"), "websocket");
  const old = await ask(request({ "Sec-WebSocket-Version": "8" }));
  assertEquals(old.headers.get("Sec-WebSocket-Version"), "13");
});

Deno.test("answer() serves any path to any origin when nothing is said", async () => {
  for (const start of ["GET / HTTP/1.1", "GET /a/b?c HTTP/1.1"]) {
    const { refusal } = await ask(request({ Origin: "https://a.b" }, start));
    assertEquals(refusal, undefined);
  }
  const root = await ask(request({}, "GET http://broker HTTP/1.1"), {
    path: "/",
  });
  assertEquals(root.refusal, undefined);
});

Deno.test("answer() lets in who is no browser, whatever the origins [RFC 6455, 10.2]", async () => {
  const { refusal } = await ask(request(), { origins: [] });
  assertEquals(refusal, undefined);
});

for (
  const [offered, chosen] of [
    [["mqtt"], "mqtt"],
    [["foo", "mqttv3.1", "mqtt"], "mqtt"],
    [["mqttv3.1"], "mqttv3.1"],
    [["Mqtt", "foo", ""], undefined],
    [[], undefined],
  ] as const
) {
  Deno.test(`chooseSubprotocol() takes ${chosen} of ${offered.join()} [MQTT-6.0.0-3]`, () => {
    assertEquals(chooseSubprotocol(offered), chosen);
  });
}

Deno.test("answer() takes subprotocols that are offered in several headers", async () => {
  const bytes = request({ "sec-websocket-protocol": "mqttv3.1 , foo" });
  const { headers } = await ask(bytes);
  assertEquals(headers.get("Sec-WebSocket-Protocol"), "mqtt");
});

Deno.test("endOfRequest() finds an empty line, and no other", () => {
  const bytes = request();
  for (let length = 0; length < bytes.length; length++) {
    assertEquals(endOfRequest(bytes.subarray(0, length)), -1);
  }
  const more = new Uint8Array([...bytes, 1, 2, 13, 10, 13, 10]);
  assertEquals(endOfRequest(more), bytes.length);
  assertEquals(endOfRequest(text("GET / HTTP/1.1\n\n\r\r\n")), -1);
  assert(bytes.length < LONGEST_REQUEST);
});

Deno.test("otherProtocol() knows who is wrong here by the first byte", () => {
  assertEquals(otherProtocol(0x47), undefined); // G
  assertEquals(otherProtocol(0x10), "the client speaks MQTT without WebSocket");
  assertEquals(
    otherProtocol(0x16),
    "the client speaks TLS, this listener does not",
  );
  assertEquals(otherProtocol(0), "the client does not speak HTTP");
});

Deno.test("refuse() says 503 when there is no room", () => {
  const { response } = refuse(503, "too many");
  assertStringIncludes(
    decoder.decode(response),
    "HTTP/1.1 503 Service Unavailable\r\n",
  );
});

/** M16: WebSocket: subprotocols, headers, paths, origins. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { ConnectError, MQTTClient } from "../../mod.ts";
import { connect, join, pingreq, within } from "../_raw_client.ts";
import { request } from "../_websocket_peer.ts";
import { ConfiguredBroker, run } from "./_stage.ts";

const yaml = `
listeners:
  default: {type: ws}
  any: {bind: "127.0.0.1:0"}
  one-path: {bind: "127.0.0.1:0", path: /mqtt}
  origins: {bind: "127.0.0.1:0", origins: ["https://example.org"]}
`;

/** Opens a WebSocket as a browser does; gives the subprotocol. */
async function open(url: string, protocols: string[]): Promise<string> {
  const socket = new WebSocket(url, protocols);
  const done = Promise.withResolvers<void>();
  socket.onopen = () => done.resolve();
  socket.onerror = () => done.reject(new Error("refused"));
  const closed = new Promise((resolve) => socket.onclose = resolve);
  try {
    await within(done.promise, url);
    return socket.protocol;
  } finally {
    socket.close();
    await within(closed, `the end of ${url}`);
  }
}

Deno.test("M16: the broker chooses mqtt, or mqttv3.1 where that alone is offered", async () => {
  await using broker = await ConfiguredBroker.start(yaml);
  const url = broker.url("any", "ws");
  for (
    const [offered, chosen] of [
      [["mqtt"], "mqtt"],
      [["mqttv3.1"], "mqttv3.1"],
      [["mqttv3.1", "mqtt"], "mqtt"],
      [["other", "mqtt"], "mqtt"],
    ] as const
  ) {
    const got = await open(url, [...offered]);
    assert(
      offered.length === 1 ? got === chosen : /^mqtt(v3\.1)?$/.test(got),
      `${offered}: ${got}`,
    );
  }
  for (const offered of [[], ["other"]]) {
    await assertRejects(() => open(url, offered), Error, "refused");
  }
});

Deno.test("M16: MQTT in frames, however it is cut", async () => {
  await using broker = await ConfiguredBroker.start(yaml);
  const socket = new WebSocket(broker.url("any", "ws"), "mqtt");
  socket.binaryType = "arraybuffer";
  const got: number[] = [];
  const wake = Promise.withResolvers<void>();
  socket.onmessage = ({ data }) => {
    got.push(...new Uint8Array(data));
    if (got.length >= 6) wake.resolve();
  };
  const closed = new Promise((resolve) => socket.onclose = resolve);
  await within(
    new Promise((resolve) => socket.onopen = resolve),
    "the WebSocket",
  );
  const bytes = join(connect(4, { clientId: "cut" }), pingreq);
  for (const byte of bytes) socket.send(Uint8Array.of(byte));
  await within(wake.promise, "CONNACK and PINGRESP");
  assertEquals(got, [0x20, 2, 0, 0, 0xd0, 0]);
  // Text is no MQTT.
  socket.send("hello");
  await within(closed, "the end");
  await broker.find(/WARNING - Disconnected: .*"cut"/);
});

/** What the broker answers to a request. */
async function answer(
  port: number,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(bytes);
  const buffer = new Uint8Array(4096);
  let text = "";
  while (!text.includes("\r\n\r\n")) {
    const count = await within(connection.read(buffer), "an answer");
    if (count === null) break;
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
  return text;
}

Deno.test("M16: a path and origins may be the only ones; what is refused is told so by HTTP", async () => {
  await using broker = await ConfiguredBroker.start(yaml);
  const start = (path: string) => `GET ${path} HTTP/1.1`;
  const cases = [
    ["any", request({}, start("/")), "101"],
    ["any", request({}, start("/whatever?x=1")), "101"],
    ["one-path", request({}, start("/mqtt")), "101"],
    ["one-path", request({}, start("/other")), "404"],
    ["origins", request({ Origin: "https://example.org" }), "101"],
    ["origins", request({ Origin: "https://evil.example" }), "403"],
    // It has none who is no browser.
    ["origins", request({}), "101"],
    ["any", request({ "Sec-WebSocket-Protocol": "other" }), "400"],
    ["any", request({ "Sec-WebSocket-Protocol": undefined }), "400"],
    ["any", request({ Upgrade: undefined }), "426"],
    ["any", request({ "Sec-WebSocket-Version": "8" }), "426"],
    ["any", request({}, "POST /mqtt HTTP/1.1"), "405"],
  ] as const;
  for (const [listener, bytes, status] of cases) {
    const text = await answer(broker.port(listener), bytes);
    assertMatch(text, new RegExp(`^HTTP/1.1 ${status} `));
    if (status === "101") {
      assertMatch(text, /\r\nsec-websocket-protocol: mqtt\r\n/i);
    } else {
      const reason = new RegExp(`Refused: .*WebSocket: .*HTTP ${status}`);
      await broker.find(reason);
    }
  }
  // Who comes with a browser's address bar is told what this is.
  const page = await fetch(broker.url("any", "http"));
  assertEquals(page.status, 426);
  assertStringIncludes(await page.text(), "WebSocket");
});

/** A server that keeps the headers and paths of WebSockets, and refuses them. */
async function recorded(
  go: (url: string) => Promise<unknown>,
): Promise<{ path: string; headers: Headers }[]> {
  const seen: { path: string; headers: Headers }[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    ({ url, headers }) => {
      const { pathname, search } = new URL(url);
      // They are gone with their request.
      const copy = new Headers([...headers]);
      seen.push({ path: `${pathname}${search}`, headers: copy });
      return new Response("no", { status: 403 });
    },
  );
  await go(`ws://127.0.0.1:${server.addr.port}`);
  await server.shutdown();
  return seen;
}

Deno.test("M16: the client offers mqtt, and sends headers, path and query", async () => {
  const [seen] = await recorded(async (url) => {
    const client = new MQTTClient({ autoReconnect: false });
    await assertRejects(
      () =>
        client.connect(`${url}/some/path?token=1`, {
          headers: { "X-One": "1", authorization: "Bearer x" },
        }),
      ConnectError,
    );
  });
  assertEquals(seen!.path, "/some/path?token=1");
  assertEquals(seen!.headers.get("x-one"), "1");
  assertEquals(seen!.headers.get("authorization"), "Bearer x");
  assertMatch(seen!.headers.get("sec-websocket-protocol")!, /^mqtt\b/);
});

Deno.test("M16: --extra-headers are sent by pub and sub; what is no object of texts is a wrong command line", async () => {
  const json = '{"Authorization": "Bearer <token>"}';
  for (const command of [["pub", "-n"], ["sub"]]) {
    const [seen] = await recorded(async (url) => {
      const { code, stderr } = await run([
        ...[...command, "--url", url, "-t", "a", "--extra-headers", json],
      ]);
      assertEquals(code, 1);
      assertStringIncludes(stderr, "Cannot connect to 127.0.0.1:");
    });
    assertEquals(seen!.headers.get("authorization"), "Bearer <token>");
  }
  for (const wrong of ["{", "[]", '"x"', '{"a": 1}', '{"a b": "c"}']) {
    const { code, stderr } = await run([
      ...["sub", "--url", "ws://127.0.0.1:1", "-t", "a"],
      ...["--extra-headers", wrong],
    ]);
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, "ambermq sub: ");
  }
});

Deno.test("M16: a web server that is no broker is said to be none", async () => {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("hello"),
  );
  const url = `ws://127.0.0.1:${server.addr.port}/`;
  const { code, stderr } = await run(["sub", "--url", url, "-t", "a"]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "ambermq sub: Cannot connect to 127.0.0.1:");
  await server.shutdown();
});

import { assert, assertEquals, assertRejects } from "@std/assert";
import { WebSocketTransport } from "../../broker/_websocket.ts";
import type { Transport } from "../../codec/mod.ts";
import { type MemoryConnection, MemoryListener } from "../_memory_transport.ts";
import { within } from "../_raw_client.ts";
import { join, text } from "../_raw_packets.ts";
import { frame, framesOf, opcodes, request } from "../_websocket_peer.ts";

/** Both ends of a WebSocket. */
class Stage {
  readonly transport: WebSocketTransport;
  readonly client: MemoryConnection;

  constructor(
    transport: WebSocketTransport,
    client: MemoryConnection,
  ) {
    this.transport = transport;
    this.client = client;
  }

  static async make(): Promise<Stage> {
    const listener = new MemoryListener();
    const client = listener.connect();
    const transport = new WebSocketTransport(await listener.accept());
    return new Stage(transport, client);
  }

  /** What is answered to the request. */
  async head(): Promise<string> {
    let head = "";
    while (!head.includes("\r\n\r\n")) {
      const bytes = await within(this.client.receive(), "the answer");
      if (bytes === null) break;
      head += new TextDecoder().decode(bytes);
    }
    return head;
  }

  async read(size = 1000): Promise<string | null> {
    const buffer = new Uint8Array(size);
    const count = await within(this.transport.read(buffer), "bytes");
    return count === null
      ? null
      : new TextDecoder().decode(buffer.subarray(0, count));
  }
}

Deno.test("WebSocketTransport shakes hands though the request comes byte by byte", async () => {
  const stage = await Stage.make();
  const done = stage.transport.handshake();
  for (const byte of request()) stage.client.send(Uint8Array.of(byte));
  await within(done, "the handshake");
});

Deno.test("WebSocketTransport keeps what comes with the request", async () => {
  const stage = await Stage.make();
  const first = frame({ payload: "first" });
  stage.client.send(join(request(), first, frame({ payload: "second" })));
  await stage.transport.handshake();
  let got = "";
  while (got.length < 11) got += await stage.read(4);
  assertEquals(got, "firstsecond");
});

Deno.test("WebSocketTransport refuses, answers and lets the answer be read", async () => {
  const stage = await Stage.make();
  stage.client.send(request({ "Sec-WebSocket-Protocol": "foo" }));
  await assertRejects(
    () => stage.transport.handshake(),
    Error,
    "WebSocket: offer the subprotocol mqtt (HTTP 400)",
  );
  assert((await stage.head()).startsWith("HTTP/1.1 400 Bad Request\r\n"));
  // What comes then means nothing, and is no frame.
  stage.client.send(frame({ opcode: opcodes.ping }));
  assertEquals(await stage.transport.read(new Uint8Array(99)), 6);
});

for (
  const [what, bytes, reason] of [
    [
      "a request of 8 KiB",
      new Uint8Array(8192).fill(65),
      "the request is too long (HTTP 431)",
    ],
    [
      "MQTT",
      Uint8Array.of(0x10, 12),
      "the client speaks MQTT without WebSocket",
    ],
    [
      "TLS",
      Uint8Array.of(0x16, 3, 1),
      "the client speaks TLS, this listener does not",
    ],
  ] as const
) {
  Deno.test(`WebSocketTransport is not waiting for more when ${what} comes`, async () => {
    const stage = await Stage.make();
    stage.client.send(bytes);
    const handshake = stage.transport.handshake();
    await assertRejects(() => within(handshake, "the end"), Error, reason);
  });
}

Deno.test("WebSocketTransport says when the client leaves in its request", async () => {
  const stage = await Stage.make();
  stage.client.send(text("GET / HTTP"));
  stage.client.end();
  await assertRejects(
    () => stage.transport.handshake(),
    Error,
    "WebSocket: the client left before its request ended",
  );
});

Deno.test("WebSocketTransport turns away with 503", async () => {
  const stage = await Stage.make();
  const done = stage.transport.turnAway("too many connections");
  stage.client.send(request());
  const head = await stage.head();
  assert(head.startsWith("HTTP/1.1 503 Service Unavailable\r\n"), head);
  stage.client.send(text("whatever"));
  stage.client.end();
  await within(done, "the end");
});

Deno.test("WebSocketTransport speaks frames once hands are shaken, not before", async () => {
  const { transport, client } = await Stage.make();
  await assertRejects(
    () => transport.write(text("early")),
    Error,
    "The WebSocket is not open",
  );
  client.send(request());
  await transport.handshake();
  await client.receive(); // the answer
  client.send(frame({ payload: "to the broker" }));
  const buffer = new Uint8Array(99);
  const count = await transport.read(buffer);
  assertEquals(buffer.subarray(0, count!), text("to the broker"));
  await transport.write(text("to the client"));
  await transport.closeWrite();
  transport.close();
  let bytes: Uint8Array = new Uint8Array(0);
  for (let more; (more = await client.receive()) !== null;) {
    bytes = join(bytes, more);
  }
  assertEquals(framesOf(bytes)[0], [
    { opcode: opcodes.binary, payload: text("to the client") },
    { opcode: opcodes.close, payload: Uint8Array.of(3, 232) },
  ]);
});

Deno.test("WebSocketTransport has what is below it do the rest", async () => {
  const calls: unknown[] = [];
  const certificate = {} as NonNullable<Transport["certificate"]>;
  const below: Transport = {
    read: () => Promise.resolve(null),
    write: (bytes) => Promise.resolve(bytes.length),
    close: () => void calls.push("close"),
    setNoDelay: (noDelay) => void calls.push(noDelay),
    setKeepAlive: (keepAlive) => void calls.push(`alive ${keepAlive}`),
    handshake: () => Promise.resolve(calls.push("handshake")),
    remoteAddr: { hostname: "a", port: 1 },
    certificate,
  };
  const transport = new WebSocketTransport(below);
  assertEquals(transport.remoteAddr, { hostname: "a", port: 1 });
  assertEquals(transport.certificate, certificate);
  transport.setNoDelay(true);
  transport.setKeepAlive(true);
  await assertRejects(() => transport.handshake(), Error, "left");
  transport.close();
  assertEquals(calls, [true, "alive true", "handshake", "close"]);
});

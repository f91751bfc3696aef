import { assert, assertEquals, assertRejects } from "@std/assert";
import { WebSocketTransport } from "../../broker/_websocket.ts";
import type { Transport } from "../../codec/mod.ts";
import {
  type MemoryConnection,
  MemoryListener,
  type MemoryTransportOptions,
} from "../_memory_transport.ts";
import { within } from "../_raw_client.ts";
import { join, text } from "../_raw_packets.ts";
import {
  close,
  frame,
  framesOf,
  opcodes,
  type Received,
  request,
} from "../_websocket_client.ts";

/** Both ends of a WebSocket. */
class Stage {
  readonly transport: WebSocketTransport;
  readonly client: MemoryConnection;
  #left: Uint8Array = new Uint8Array(0);

  constructor(
    transport: WebSocketTransport,
    client: MemoryConnection,
  ) {
    this.transport = transport;
    this.client = client;
  }

  static async make(options: MemoryTransportOptions = {}): Promise<Stage> {
    const listener = new MemoryListener();
    const client = listener.connect(options);
    const transport = new WebSocketTransport(await listener.accept());
    return new Stage(transport, client);
  }

  static async open(options: MemoryTransportOptions = {}): Promise<Stage> {
    const stage = await Stage.make(options);
    stage.client.send(request());
    await stage.transport.handshake();
    assertEquals((await stage.head()).split(" ")[1], "101");
    return stage;
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

  /** The next frames. */
  async frames(count: number): Promise<Received[]> {
    const all: Received[] = [];
    while (all.length < count) {
      const bytes = await within(this.client.receive(), "a frame");
      if (bytes === null) throw new Error("No frame, but the end");
      const [frames, left] = framesOf(join(this.#left, bytes));
      all.push(...frames);
      this.#left = left;
    }
    assertEquals(all.length, count);
    return all;
  }

  async read(size = 1000): Promise<string | null> {
    const buffer = new Uint8Array(size);
    const count = await within(this.transport.read(buffer), "bytes");
    return count === null
      ? null
      : new TextDecoder().decode(buffer.subarray(0, count));
  }
}

/** A text as a payload. */
function said(opcode: number, payload: string): Received {
  return { opcode, payload: text(payload) };
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

Deno.test("WebSocketTransport reads payload into the buffer it is given, whatever its size", async () => {
  for (const size of [1, 2, 5, 100]) {
    const stage = await Stage.open();
    const payload = "0123456789".repeat(10);
    const { continuation: opcode, ping } = opcodes;
    const bytes = join(
      frame({ payload: payload.slice(0, 30), final: false }),
      frame({ opcode: ping }),
      frame({ opcode, final: false }),
      frame({ opcode, payload: payload.slice(30) }),
    );
    stage.client.send(bytes.slice(0, -1));
    stage.client.send(bytes.slice(-1));
    let got = "";
    while (got.length < payload.length) got += await stage.read(size);
    assertEquals(got, payload);
  }
});

Deno.test("WebSocketTransport answers pings while nothing is written", async () => {
  const stage = await Stage.open();
  const reading = stage.read();
  stage.client.send(frame({ opcode: opcodes.ping, payload: "one" }));
  assertEquals(await stage.frames(1), [said(opcodes.pong, "one")]);
  stage.client.send(frame({ payload: "x" }));
  assertEquals(await reading, "x");
});

Deno.test("WebSocketTransport answers pings between the frames that are written, the last for all before", async () => {
  const stage = await Stage.open();
  stage.client.stall();
  const writing = stage.transport.write(text("data"));
  const reading = stage.read();
  for (const payload of ["one", "two", "three"]) {
    stage.client.send(frame({ opcode: opcodes.ping, payload }));
  }
  stage.client.send(frame({ payload: "x" }));
  assertEquals(await reading, "x");
  stage.client.resume();
  assertEquals(await writing, 4);
  assertEquals(await stage.frames(2), [
    said(opcodes.binary, "data"),
    said(opcodes.pong, "three"),
  ]);
  assertEquals(await stage.transport.write(text("more")), 4);
  assertEquals(await stage.frames(1), [said(opcodes.binary, "more")]);
});

Deno.test("WebSocketTransport writes one frame for each write, in pieces where the transport takes no more", async () => {
  for (const longestWrite of [1, 3, 1000, Infinity]) {
    const stage = await Stage.open({ longestWrite });
    const payload = text("0123456789".repeat(20));
    for (let done = 0; done < payload.length;) {
      done += await stage.transport.write(payload.subarray(done));
    }
    assertEquals(await stage.frames(1), [
      { opcode: opcodes.binary, payload },
    ]);
  }
});

Deno.test("WebSocketTransport writes large payloads without copying them, in frames that others can get between", async () => {
  const stage = await Stage.open();
  const payload = new Uint8Array(150_000).fill(7);
  const counts: number[] = [];
  for (let done = 0; done < payload.length; done += counts.at(-1)!) {
    counts.push(await stage.transport.write(payload.subarray(done)));
  }
  assertEquals(counts, [65_536, 65_536, 18_928]);
  const frames = await stage.frames(3);
  assertEquals(join(...frames.map((one) => one.payload)), payload);
});

Deno.test("WebSocketTransport answers a close frame and ends", async () => {
  for (const code of [1000, undefined]) {
    const stage = await Stage.open();
    stage.client.send(join(frame({ payload: "last" }), close(code)));
    assertEquals(await stage.read(), "last");
    assertEquals(await stage.read(), null);
    const [{ opcode, payload }] = await stage.frames(1) as [Received];
    assertEquals(opcode, opcodes.close);
    assertEquals(payload, Uint8Array.from(code === undefined ? [] : [3, 232]));
    await assertRejects(
      () => stage.transport.write(text("x")),
      Error,
      "The WebSocket is closed",
    );
  }
});

Deno.test("WebSocketTransport says by a code what is wrong, after what came before [MQTT-6.0.0-1]", async () => {
  const stage = await Stage.open();
  const wrong = frame({ opcode: opcodes.text, payload: "x" });
  stage.client.send(join(frame({ payload: "before" }), wrong));
  assertEquals(await stage.read(), "before");
  await assertRejects(
    () => stage.read(),
    Error,
    "WebSocket: a text frame came, not a binary",
  );
  assertEquals(await stage.frames(1), [
    { opcode: opcodes.close, payload: Uint8Array.of(3, 235) },
  ]);
});

Deno.test("WebSocketTransport does not wait for a peer that reads nothing to tell it what is wrong", async () => {
  const stage = await Stage.open();
  stage.client.stall();
  const writing = stage.transport.write(text("data"));
  stage.client.send(frame({ mask: undefined }));
  await assertRejects(() => stage.read(), Error, "not masked");
  stage.client.resume();
  await writing;
});

Deno.test("WebSocketTransport closes with 1000, and takes no frames after that", async () => {
  const stage = await Stage.open();
  await stage.transport.closeWrite();
  assertEquals(await stage.frames(1), [
    { opcode: opcodes.close, payload: Uint8Array.of(3, 232) },
  ]);
  stage.client.send(frame({ opcode: opcodes.ping }));
  assertEquals(await stage.transport.read(new Uint8Array(99)), 6);
  stage.client.end();
  assertEquals(await stage.read(), null);
});

Deno.test("WebSocketTransport writes no close frame into another frame", async () => {
  const stage = await Stage.open({ longestWrite: 5 });
  assert(await stage.transport.write(text("0123456789")) < 10);
  await stage.transport.closeWrite();
  stage.transport.close();
  const all: number[] = [];
  for (let bytes; (bytes = await stage.client.receive()) !== null;) {
    all.push(...bytes);
  }
  assertEquals(all[0], 0x82);
  assertEquals(all.length < 12, true);
});

Deno.test("WebSocketTransport ends when its transport does, and passes failures on", async () => {
  const gone = await Stage.open();
  gone.client.end();
  assertEquals(await gone.read(), null);
  const broken = await Stage.open();
  const reading = broken.read();
  broken.client.reset();
  await assertRejects(() => reading, Error, "The connection was reset");
  await assertRejects(() => broken.transport.write(text("x")), Error, "gone");
});

Deno.test("WebSocketTransport has what is below it do the rest", async () => {
  const calls: unknown[] = [];
  const certificate = {} as NonNullable<Transport["certificate"]>;
  const below: Transport = {
    read: () => Promise.resolve(null),
    write: (bytes) => Promise.resolve(bytes.length),
    close: () => void calls.push("close"),
    setNoDelay: (noDelay) => void calls.push(noDelay),
    handshake: () => Promise.resolve(calls.push("handshake")),
    remoteAddr: { hostname: "a", port: 1 },
    certificate,
  };
  const transport = new WebSocketTransport(below);
  assertEquals(transport.remoteAddr, { hostname: "a", port: 1 });
  assertEquals(transport.certificate, certificate);
  transport.setNoDelay(true);
  await assertRejects(() => transport.handshake(), Error, "left");
  transport.close();
  assertEquals(calls, [true, "handshake", "close"]);
});

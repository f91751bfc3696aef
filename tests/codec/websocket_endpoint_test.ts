import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Transport, WebSocketEndpoint } from "../../codec/mod.ts";
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
  type FrameFields,
  framesOf,
  opcodes,
  type Received,
} from "../_websocket_peer.ts";

/** What an endpoint is made with. */
interface StageOptions extends MemoryTransportOptions {
  /** Which end it is; by default the server's. */
  readonly role?: "client" | "server";
  readonly received?: Uint8Array;
}

/** An endpoint, and its peer. */
class Stage {
  readonly endpoint: WebSocketEndpoint;
  readonly peer: MemoryConnection;
  /** How the peer masks its frames. */
  readonly fields: FrameFields;
  readonly #client: boolean;
  #left: Uint8Array = new Uint8Array(0);

  private constructor(
    endpoint: WebSocketEndpoint,
    peer: MemoryConnection,
    client: boolean,
  ) {
    this.endpoint = endpoint;
    this.peer = peer;
    this.fields = client ? { mask: undefined } : {};
    this.#client = client;
  }

  static async open(options: StageOptions = {}): Promise<Stage> {
    const { role = "server", received, ...rest } = options;
    const listener = new MemoryListener();
    const peer = listener.connect(rest);
    let mask = 0x01234567;
    const endpoint = new WebSocketEndpoint(await listener.accept(), {
      ...(received && { received }),
      ...(role === "client" && { mask: () => mask = ~mask >>> 0 }),
    });
    return new Stage(endpoint, peer, role === "client");
  }

  /** The next frames. */
  async frames(count: number): Promise<Received[]> {
    const all: Received[] = [];
    while (all.length < count) {
      const bytes = await within(this.peer.receive(), "a frame");
      if (bytes === null) throw new Error("No frame, but the end");
      const [frames, left] = framesOf(join(this.#left, bytes), this.#client);
      all.push(...frames);
      this.#left = left;
    }
    assertEquals(all.length, count);
    return all;
  }

  async read(size = 1000): Promise<string | null> {
    const buffer = new Uint8Array(size);
    const count = await within(this.endpoint.read(buffer), "bytes");
    return count === null
      ? null
      : new TextDecoder().decode(buffer.subarray(0, count));
  }
}

/** A text as a payload. */
function said(opcode: number, payload: string): Received {
  return { opcode, payload: text(payload) };
}

const roles = ["client", "server"] as const;

Deno.test("WebSocketEndpoint begins with what came behind the handshake", async () => {
  const received = join(frame({ payload: "first" }), frame().slice(0, 3));
  const stage = await Stage.open({ received });
  stage.peer.send(join(frame().slice(3), frame({ payload: "second" })));
  let got = "";
  while (got.length < 11) got += await stage.read(4);
  assertEquals(got, "firstsecond");
});

Deno.test("WebSocketEndpoint reads no more from below than it is asked for", async () => {
  const stage = await Stage.open({ role: "client" });
  for (let i = 0; i < 100; i++) {
    stage.peer.send(frame({ ...stage.fields, payload: "0123456789" }));
  }
  assertEquals(stage.peer.unread, 1200);
  assertEquals(await stage.read(12), "0123456789");
  assertEquals(stage.peer.unread, 1188);
});

Deno.test("WebSocketEndpoint of a client masks all it sends, each frame by another mask", async () => {
  const stage = await Stage.open({ role: "client" });
  const payload = new Uint8Array(100_000).fill(7);
  const before = payload.slice();
  assertEquals(await stage.endpoint.write(payload), 65_536);
  assertEquals(await stage.endpoint.write(payload.subarray(65_536)), 34_464);
  const reading = stage.read();
  const { ping } = opcodes;
  stage.peer.send(frame({ ...stage.fields, opcode: ping, payload: "you" }));
  const masks: number[] = [];
  const frames: Received[] = [];
  for (let i = 0; i < 3; i++) {
    const bytes = (await within(stage.peer.receive(), "a frame"))!;
    frames.push(...framesOf(bytes, true)[0]);
    const start = [10, 4, 2][i]!;
    masks.push(new DataView(bytes.slice(start).buffer).getUint32(0));
  }
  assertEquals(frames.map(({ opcode }) => opcode), [2, 2, opcodes.pong]);
  const parts = frames.map((one) => one.payload);
  assertEquals(join(...parts.slice(0, 2)), before);
  assertEquals(parts[2], text("you"));
  assertEquals(payload, before); // the caller's own
  assertEquals(masks, [0xfedcba98, 0x01234567, 0xfedcba98]);
  await stage.endpoint.closeWrite();
  assertEquals(await stage.frames(1), [
    { opcode: opcodes.close, payload: Uint8Array.of(3, 232) },
  ]);
  stage.peer.end();
  assertEquals(await reading, null);
});

Deno.test("WebSocketEndpoint of a client writes frames whole, in pieces where the transport takes no more", async () => {
  for (const longestWrite of [1, 3, 1000]) {
    const stage = await Stage.open({ role: "client", longestWrite });
    const payload = text("0123456789".repeat(20));
    assertEquals(await stage.endpoint.write(payload), 200);
    assertEquals(await stage.frames(1), [{ opcode: opcodes.binary, payload }]);
  }
});

Deno.test("WebSocketEndpoint ends when frames are masked and should not be, or the reverse", async () => {
  for (
    const [role, mask, reason] of [
      ["client", [1, 2, 3, 4], "WebSocket: a frame is masked"],
      ["server", undefined, "WebSocket: a frame is not masked"],
    ] as const
  ) {
    const stage = await Stage.open({ role });
    stage.peer.send(frame({ payload: "x", mask }));
    await assertRejects(() => stage.read(), Error, reason);
    assertEquals(await stage.frames(1), [
      { opcode: opcodes.close, payload: Uint8Array.of(3, 234) },
    ]);
  }
});

Deno.test("WebSocketEndpoint tells why the peer has closed, if something is wrong", async () => {
  for (const role of roles) {
    for (
      const [code, reason, error] of [
        [1008, "no\nmore", "the WebSocket was closed with code 1008: no more"],
        [4000, "", "the WebSocket was closed with code 4000"],
      ] as const
    ) {
      const stage = await Stage.open({ role });
      stage.peer.send(close(code, reason, stage.fields));
      const { message } = await assertRejects(() => stage.read(), Error);
      assertEquals(message, error);
      const [{ opcode, payload }] = await stage.frames(1) as [Received];
      assertEquals(opcode, opcodes.close);
      assertEquals(payload, Uint8Array.of(code >> 8, code & 255));
    }
  }
});

Deno.test("WebSocketEndpoint reads payload into the buffer it is given, whatever its size", async () => {
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
    stage.peer.send(bytes.slice(0, -1));
    stage.peer.send(bytes.slice(-1));
    let got = "";
    while (got.length < payload.length) got += await stage.read(size);
    assertEquals(got, payload);
  }
});

Deno.test("WebSocketEndpoint answers pings while nothing is written", async () => {
  const stage = await Stage.open();
  const reading = stage.read();
  stage.peer.send(frame({ opcode: opcodes.ping, payload: "one" }));
  assertEquals(await stage.frames(1), [said(opcodes.pong, "one")]);
  stage.peer.send(frame({ payload: "x" }));
  assertEquals(await reading, "x");
});

Deno.test("WebSocketEndpoint answers pings between the frames that are written, the last for all before", async () => {
  const stage = await Stage.open();
  stage.peer.stall();
  const writing = stage.endpoint.write(text("data"));
  const reading = stage.read();
  for (const payload of ["one", "two", "three"]) {
    stage.peer.send(frame({ opcode: opcodes.ping, payload }));
  }
  stage.peer.send(frame({ payload: "x" }));
  assertEquals(await reading, "x");
  stage.peer.resume();
  assertEquals(await writing, 4);
  assertEquals(await stage.frames(2), [
    said(opcodes.binary, "data"),
    said(opcodes.pong, "three"),
  ]);
  assertEquals(await stage.endpoint.write(text("more")), 4);
  assertEquals(await stage.frames(1), [said(opcodes.binary, "more")]);
});

Deno.test("WebSocketEndpoint writes one frame for each write, in pieces where the transport takes no more", async () => {
  for (const longestWrite of [1, 3, 1000, Infinity]) {
    const stage = await Stage.open({ longestWrite });
    const payload = text("0123456789".repeat(20));
    for (let done = 0; done < payload.length;) {
      done += await stage.endpoint.write(payload.subarray(done));
    }
    assertEquals(await stage.frames(1), [
      { opcode: opcodes.binary, payload },
    ]);
  }
});

Deno.test("WebSocketEndpoint writes large payloads without copying them, in frames that others can get between", async () => {
  const stage = await Stage.open();
  const payload = new Uint8Array(150_000).fill(7);
  const counts: number[] = [];
  for (let done = 0; done < payload.length; done += counts.at(-1)!) {
    counts.push(await stage.endpoint.write(payload.subarray(done)));
  }
  assertEquals(counts, [65_536, 65_536, 18_928]);
  const frames = await stage.frames(3);
  assertEquals(join(...frames.map((one) => one.payload)), payload);
});

Deno.test("WebSocketEndpoint answers a close frame and ends", async () => {
  for (const code of [1000, undefined]) {
    const stage = await Stage.open();
    stage.peer.send(join(frame({ payload: "last" }), close(code)));
    assertEquals(await stage.read(), "last");
    assertEquals(await stage.read(), null);
    const [{ opcode, payload }] = await stage.frames(1) as [Received];
    assertEquals(opcode, opcodes.close);
    assertEquals(payload, Uint8Array.from(code === undefined ? [] : [3, 232]));
    await assertRejects(
      () => stage.endpoint.write(text("x")),
      Error,
      "The WebSocket is closed",
    );
  }
});

Deno.test("WebSocketEndpoint says by a code what is wrong, after what came before [MQTT-6.0.0-1]", async () => {
  const stage = await Stage.open();
  const wrong = frame({ opcode: opcodes.text, payload: "x" });
  stage.peer.send(join(frame({ payload: "before" }), wrong));
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

Deno.test("WebSocketEndpoint does not wait for a peer that reads nothing to tell it what is wrong", async () => {
  const stage = await Stage.open();
  stage.peer.stall();
  const writing = stage.endpoint.write(text("data"));
  stage.peer.send(frame({ mask: undefined }));
  await assertRejects(() => stage.read(), Error, "not masked");
  stage.peer.resume();
  await writing;
});

Deno.test("WebSocketEndpoint ends its writing with 1000, and reads on", async () => {
  const stage = await Stage.open();
  await stage.endpoint.closeWrite();
  await stage.endpoint.closeWrite();
  assertEquals(await stage.frames(1), [
    { opcode: opcodes.close, payload: Uint8Array.of(3, 232) },
  ]);
  stage.peer.send(frame({ opcode: opcodes.ping }));
  stage.peer.send(frame({ payload: "on its way" }));
  assertEquals(await stage.read(), "on its way");
  stage.peer.send(close(1000));
  assertEquals(await stage.read(), null);
  assertEquals(stage.peer.unreceived, 0); // no pong, and not closed twice
});

Deno.test("WebSocketEndpoint takes nothing for frames after the end", async () => {
  const stage = await Stage.open();
  stage.peer.send(join(close(1001), frame({ payload: "late" })));
  assertEquals(await stage.read(), null);
  stage.peer.send(frame({ opcode: opcodes.ping }));
  assertEquals(await stage.endpoint.read(new Uint8Array(99)), 6);
  stage.peer.end();
  assertEquals(await stage.read(), null);
});

Deno.test("WebSocketEndpoint says that it closes, if that can be at once", async () => {
  for (const role of roles) {
    const stage = await Stage.open({ role });
    stage.endpoint.close();
    assertEquals(await stage.frames(1), [
      { opcode: opcodes.close, payload: Uint8Array.of(3, 232) },
    ]);
    await assertRejects(() => stage.endpoint.write(text("x")), Error, "closed");
    const stalled = await Stage.open({ role });
    stalled.peer.stall();
    const writing = stalled.endpoint.write(text("x"));
    stalled.endpoint.close();
    await assertRejects(() => writing);
    assertEquals(await stalled.peer.receive(), null);
  }
});

Deno.test("WebSocketEndpoint writes no close frame into another frame", async () => {
  const stage = await Stage.open({ longestWrite: 5 });
  assert(await stage.endpoint.write(text("0123456789")) < 10);
  await stage.endpoint.closeWrite();
  stage.endpoint.close();
  const all: number[] = [];
  for (let bytes; (bytes = await stage.peer.receive()) !== null;) {
    all.push(...bytes);
  }
  assertEquals(all[0], 0x82);
  assertEquals(all.length < 12, true);
});

Deno.test("WebSocketEndpoint ends when its transport does, and passes failures on", async () => {
  const gone = await Stage.open();
  gone.peer.end();
  assertEquals(await gone.read(), null);
  const broken = await Stage.open();
  const reading = broken.read();
  broken.peer.reset();
  await assertRejects(() => reading, Error, "The connection was reset");
  await assertRejects(() => broken.endpoint.write(text("x")), Error, "gone");
});

Deno.test("WebSocketEndpoint has what is below it do the rest", () => {
  const calls: unknown[] = [];
  const certificate = {} as NonNullable<Transport["certificate"]>;
  const below: Transport = {
    read: () => Promise.resolve(null),
    write: (bytes) => Promise.resolve(bytes.length),
    close: () => void calls.push("close"),
    setNoDelay: (noDelay) => void calls.push(noDelay),
    setKeepAlive: (keepAlive) => void calls.push(`alive ${keepAlive}`),
    remoteAddr: { hostname: "a", port: 1 },
    certificate,
  };
  const endpoint = new WebSocketEndpoint(below);
  assertEquals(endpoint.remoteAddr, { hostname: "a", port: 1 });
  assertEquals(endpoint.certificate, certificate);
  endpoint.setNoDelay(true);
  endpoint.setKeepAlive(true);
  endpoint.close();
  assertEquals(calls, [true, "alive true", "close"]);
});

import { assert, assertEquals, assertRejects } from "@std/assert";
import { type WebSocketLike, webSocketTransport } from "../../codec/mod.ts";
import { within } from "../_raw_client.ts";

/** A WebSocket in the hand of a test. */
class FakeSocket extends EventTarget implements WebSocketLike {
  binaryType = "blob";
  readyState = 0;
  bufferedAmount = 0;
  readonly sent: Uint8Array[] = [];
  readonly closes: [code: number | undefined, reason: string | undefined][] =
    [];

  send(data: Uint8Array): void {
    this.sent.push(data.slice());
  }

  close(code?: number, reason?: string): void {
    this.closes.push([code, reason]);
    this.readyState = 2;
  }

  /** The handshake is done. */
  open(): void {
    this.readyState = 1;
    this.dispatchEvent(new Event("open"));
  }

  /** A message has come. */
  receive(data: string | readonly number[]): void {
    const payload = typeof data === "string"
      ? data
      : new Uint8Array(data).buffer;
    this.dispatchEvent(new MessageEvent("message", { data: payload }));
  }

  /** It has failed. */
  fail(message: string): void {
    this.dispatchEvent(new ErrorEvent("error", { message }));
    this.end(1006);
  }

  /** It is closed. */
  end(code: number, reason = ""): void {
    this.readyState = 3;
    this.dispatchEvent(new CloseEvent("close", { code, reason }));
  }
}

/** One that is open, with its transport. */
function opened(options = {}) {
  const socket = new FakeSocket();
  const transport = webSocketTransport(socket, options);
  socket.open();
  return { socket, transport };
}

/** What one read gives. */
async function readOnce(
  transport: { read(buffer: Uint8Array): Promise<number | null> },
  length = 100,
): Promise<number[] | null> {
  const buffer = new Uint8Array(length);
  const count = await transport.read(buffer);
  return count === null ? null : [...buffer.subarray(0, count)];
}

Deno.test("webSocketTransport() gives bytes, however they were put into messages [MQTT-6.0.0-2]", async () => {
  const { socket, transport } = opened();
  assertEquals(socket.binaryType, "arraybuffer");
  socket.receive([1, 2, 3, 4, 5]);
  socket.receive([]);
  socket.receive([6]);
  assertEquals(await readOnce(transport, 2), [1, 2]);
  assertEquals(await readOnce(transport, 2), [3, 4]);
  assertEquals(await readOnce(transport, 2), [5]);
  assertEquals(await readOnce(transport, 2), [6]);
  const waiting = readOnce(transport);
  socket.receive([]);
  socket.receive([7, 8]);
  assertEquals(await waiting, [7, 8]);
});

Deno.test("webSocketTransport() sends binary messages only [MQTT-6.0.0-1]", async () => {
  const { socket, transport } = opened();
  const bytes = new Uint8Array([1, 2, 3]);
  assertEquals(await transport.write(bytes), 3);
  assertEquals(socket.sent, [bytes]);
});

Deno.test("webSocketTransport() closes when a text message comes [MQTT-6.0.0-1]", async () => {
  const { socket, transport } = opened();
  socket.receive([1]);
  socket.receive("text");
  const reason = "a text message came, MQTT is in binary ones";
  assertEquals(socket.closes, [[4000, reason]]);
  assertEquals(await readOnce(transport), [1]);
  await assertRejects(() => readOnce(transport), Error, reason);
  await assertRejects(() => transport.write(new Uint8Array(1)), Error, reason);
  socket.receive([2]); // nothing that comes after counts
  await assertRejects(() => readOnce(transport), Error, reason);
});

Deno.test("webSocketTransport() waits for the handshake, and writes after it", async () => {
  const socket = new FakeSocket();
  const transport = webSocketTransport(socket);
  const done: string[] = [];
  const handshake = transport.handshake().then(() => done.push("handshake"));
  const writing = transport.write(new Uint8Array([1]))
    .then(() => done.push("write"));
  await Promise.resolve();
  assertEquals([done, socket.sent], [[], []]);
  socket.open();
  await Promise.all([handshake, writing]);
  assertEquals(done, ["handshake", "write"]);
  assertEquals(socket.sent, [new Uint8Array([1])]);
});

Deno.test("webSocketTransport() takes a WebSocket that is open, or closed, already", async () => {
  const socket = new FakeSocket();
  socket.open();
  await webSocketTransport(socket).handshake();
  for (const state of [2, 3]) {
    const closed = new FakeSocket();
    closed.readyState = state;
    const transport = webSocketTransport(closed);
    await assertRejects(() => transport.handshake(), Error, "closed");
    assertEquals(await readOnce(transport), null);
  }
});

Deno.test("webSocketTransport() tells why there is no connection", async () => {
  for (
    const [message, expected] of [
      ["no route", "no route"],
      ["", "the WebSocket could not be opened"],
    ] as const
  ) {
    const socket = new FakeSocket();
    const transport = webSocketTransport(socket);
    const handshake = transport.handshake();
    const reading = readOnce(transport);
    const writing = transport.write(new Uint8Array(1));
    socket.fail(message);
    await assertRejects(() => handshake, Error, expected);
    await assertRejects(() => reading, Error, expected);
    await assertRejects(() => writing, Error, expected);
  }
});

Deno.test("webSocketTransport() sees the end after all that came before", async () => {
  for (const code of [1000, 1001, 1005]) {
    const { socket, transport } = opened();
    socket.receive([1, 2]);
    socket.end(code);
    assertEquals(await readOnce(transport), [1, 2]);
    assertEquals(await readOnce(transport), null);
    assertEquals(await readOnce(transport), null);
    await assertRejects(
      () => transport.write(new Uint8Array(1)),
      Error,
      "the WebSocket is closed",
    );
  }
});

Deno.test("webSocketTransport() tells an end that was not in order", async () => {
  const cases = [
    [1006, "", "the WebSocket was cut off"],
    [1011, "", "the WebSocket was closed with code 1011"],
    [4001, "go away", "the WebSocket was closed with code 4001: go away"],
  ] as const;
  for (const [code, reason, expected] of cases) {
    const { socket, transport } = opened();
    const reading = readOnce(transport);
    socket.end(code, reason);
    const { message } = await assertRejects(() => reading, Error);
    assertEquals(message, expected);
  }
});

Deno.test("webSocketTransport() closes when more comes while too much waits to be read", async () => {
  const { socket, transport } = opened({ receiveLimit: 4 });
  const long = [1, 2, 3, 4, 5, 6]; // longer than the limit, but alone
  socket.receive(long);
  assertEquals(await readOnce(transport, 3), [1, 2, 3]);
  socket.receive([7, 8]); // 3 wait
  assertEquals(socket.closes, []);
  socket.receive([9]); // 5 wait
  const reason = "more than 4 bytes wait to be read";
  assertEquals(socket.closes, [[4000, reason]]);
  assertEquals(await readOnce(transport), [4, 5, 6]);
  assertEquals(await readOnce(transport), [7, 8]);
  await assertRejects(() => readOnce(transport), Error, reason);
});

Deno.test("webSocketTransport() waits while too much waits to be sent", async () => {
  const { socket, transport } = opened({ sendLimit: 10 });
  socket.bufferedAmount = 10; // not above the limit
  assertEquals(await transport.write(new Uint8Array(7)), 7);
  socket.bufferedAmount = 11;
  let written = false;
  const writing = transport.write(new Uint8Array([9]))
    .then(() => written = true);
  // Two looks later nothing has changed.
  for (let looks = 0; looks < 2; looks++) {
    await new Promise<void>((resolve) => {
      Object.defineProperty(socket, "bufferedAmount", {
        configurable: true,
        get: () => (resolve(), 11),
      });
    });
  }
  assertEquals([written, socket.sent.length], [false, 1]);
  Object.defineProperty(socket, "bufferedAmount", { value: 0 });
  await within(writing, "the write");
  assertEquals(socket.sent.at(-1), new Uint8Array([9]));
});

Deno.test("webSocketTransport() ends a write that waits when the end comes", async () => {
  for (const end of ["close", "end", "fail"] as const) {
    const { socket, transport } = opened({ sendLimit: 10 });
    socket.bufferedAmount = 11;
    const writing = transport.write(new Uint8Array(1));
    await Promise.resolve();
    if (end === "close") transport.close();
    else if (end === "end") socket.end(1000);
    else socket.fail("broken");
    await assertRejects(
      () => writing,
      Error,
      end === "fail" ? "broken" : "the WebSocket is closed",
    );
    assertEquals(socket.sent, []);
  }
});

Deno.test("webSocketTransport() sends what is long in parts", async () => {
  const { socket, transport } = opened();
  const bytes = new Uint8Array(600_000).map((_, i) => i * 7);
  const counts: number[] = [];
  for (let done = 0; done < bytes.length;) {
    const count = await transport.write(bytes.subarray(done));
    counts.push(count);
    done += count;
  }
  assertEquals(counts, [262_144, 262_144, 75_712]);
  assertEquals(socket.sent.map(({ length }) => length), counts);
  const last = socket.sent[2]!;
  assert(last.every((byte, i) => byte === bytes[524_288 + i]));
});

Deno.test("webSocketTransport() forgets what came when it is closed", async () => {
  const { socket, transport } = opened();
  socket.receive([1]);
  transport.close();
  assertEquals(socket.closes, [[undefined, undefined]]);
  assertEquals(await readOnce(transport), null);
  socket.receive([2]);
  socket.end(1006);
  assertEquals(await readOnce(transport), null);
  const other = opened();
  const reading = readOnce(other.transport);
  other.transport.close();
  assertEquals(await reading, null);
});

Deno.test("webSocketTransport() knows where the peer is if it is told", () => {
  const remoteAddr = { hostname: "::1", port: 4711 };
  assertEquals(opened({ remoteAddr }).transport.remoteAddr, remoteAddr);
  assertEquals(opened().transport.remoteAddr, undefined);
});

Deno.test("webSocketTransport() carries megabytes between two ends, from one buffer", async () => {
  const total = 3_000_000;
  const { promise: served, resolve, reject } = Promise.withResolvers<void>();
  /** Sends back what comes, out of one buffer, until the end. */
  const echo = async (socket: WebSocket): Promise<void> => {
    const transport = webSocketTransport(socket);
    await transport.handshake();
    const buffer = new Uint8Array(10_000);
    for (;;) {
      const count = await transport.read(buffer);
      if (count === null) return transport.close();
      for (let done = 0; done < count;) {
        done += await transport.write(buffer.subarray(done, count));
      }
    }
  };
  await using server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen: () => {},
  }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    echo(socket).then(resolve, reject);
    return response;
  });
  const socket = new WebSocket(`ws://127.0.0.1:${server.addr.port}`);
  const transport = webSocketTransport(socket);
  await transport.handshake();
  const sending = (async () => {
    const buffer = new Uint8Array(50_000);
    for (let done = 0; done < total; done += buffer.length) {
      // What was written may change when the promise has settled.
      for (let i = 0; i < buffer.length; i++) buffer[i] = (done + i) % 251;
      for (let part = 0; part < buffer.length;) {
        part += await transport.write(buffer.subarray(part));
      }
    }
  })();
  const buffer = new Uint8Array(7000);
  let wrong = 0;
  for (let done = 0; done < total;) {
    const count = await within(transport.read(buffer), "more bytes");
    assert(count !== null);
    for (let i = 0; i < count; i++) {
      if (buffer[i] !== (done + i) % 251) wrong++;
    }
    done += count;
  }
  await sending;
  assertEquals(wrong, 0);
  transport.close();
  await within(served, "the other end");
});

import { assertEquals, assertRejects } from "@std/assert";
import {
  frame,
  opcode,
  WebSocketWire,
} from "../../../cli/conformance/_websocket_wire.ts";
import { Failure } from "../../../cli/conformance/_verdict.ts";
import type { Transport } from "../../../mod.ts";
import { frame as framed, framesOf } from "../../_websocket_peer.ts";

const url = new URL("ws://broker/mqtt?a=b");
const encoder = new TextEncoder();

const accepted = encoder.encode(
  "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n",
);

/** A server that sends these pieces, and remembers what it was sent. */
class Server implements Transport {
  readonly written: number[] = [];
  readonly #pieces: Uint8Array[];
  readonly #silent = Promise.withResolvers<null>();
  /** Whether it ends when it has sent everything. */
  readonly #ends: boolean;

  constructor(pieces: Uint8Array[], ends = true) {
    this.#pieces = [...pieces];
    this.#ends = ends;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    const piece = this.#pieces.shift();
    if (piece === undefined) {
      return this.#ends ? Promise.resolve(null) : this.#silent.promise;
    }
    buffer.set(piece);
    return Promise.resolve(piece.length);
  }

  write(bytes: Uint8Array): Promise<number> {
    this.written.push(...bytes);
    return Promise.resolve(bytes.length);
  }

  close(): void {
    this.#silent.resolve(null);
  }
}

function open(server: Server, patience = 10_000): Promise<WebSocketWire> {
  return WebSocketWire.open(server, url, ["mqtt", "x"], patience);
}

/** All that can be read. */
async function readAll(wire: WebSocketWire): Promise<string> {
  const buffer = new Uint8Array(3);
  let text = "";
  for (;;) {
    const count = await wire.read(buffer);
    if (count === null) return text;
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
}

Deno.test("the handshake asks for the path and offers the subprotocols", async () => {
  const server = new Server([accepted.slice(0, 20), accepted.slice(20)]);
  const wire = await open(server);
  assertEquals(wire.protocol, "mqtt");
  const lines = new TextDecoder().decode(new Uint8Array(server.written))
    .split("\r\n");
  assertEquals(lines[0], "GET /mqtt?a=b HTTP/1.1");
  assertEquals(lines.includes("Host: broker"), true);
  assertEquals(lines.includes("Sec-WebSocket-Protocol: mqtt, x"), true);
});

Deno.test("a server that refuses, says nothing or goes away is a failure", async () => {
  const refused = [encoder.encode("HTTP/1.1 400 Bad Request\r\n\r\n")];
  const first = await assertRejects(() => open(new Server(refused)), Failure);
  assertEquals(first.actual, "HTTP/1.1 400 Bad Request");
  for (const ends of [true, false]) {
    const server = new Server([], ends);
    const other = await assertRejects(() => open(server, 5), Failure);
    assertEquals(other.actual, "the end of the connection");
  }
});

Deno.test("frames of all sizes are masked, and say how long they are", async () => {
  for (const size of [0, 125, 126, 65_535, 65_536]) {
    const server = new Server([accepted]);
    const wire = await open(server);
    server.written.length = 0;
    const payload = new Uint8Array(size).fill(7);
    assertEquals(await wire.write(payload), size);
    const [frames, rest] = framesOf(new Uint8Array(server.written), true);
    assertEquals(rest.length, 0);
    assertEquals(frames.length, 1);
    assertEquals(frames[0]!.opcode, opcode.binary);
    assertEquals(frames[0]!.payload.length, size);
    assertEquals(frames[0]!.payload.every((byte) => byte === 7), true);
  }
  const [first] = frame(opcode.continuation, new Uint8Array(1), false);
  assertEquals(first, 0);
});

Deno.test("payload is read from messages in any pieces, control frames aside", async () => {
  const all = [
    framed({ payload: "abcd", mask: undefined, final: false }),
    framed({ opcode: opcode.ping, payload: "?", mask: undefined }),
    framed({ opcode: opcode.continuation, payload: "ef", mask: undefined }),
    framed({ payload: "x".repeat(200), mask: undefined }),
    framed({ opcode: opcode.close, mask: undefined }),
  ].flatMap((one) => [...one]);
  const pieces = all.map((byte) => new Uint8Array([byte]));
  const wire = await open(new Server([accepted, ...pieces]));
  assertEquals(await readAll(wire), `abcdef${"x".repeat(200)}`);
  assertEquals(wire.kinds, [2, 9, 0, 2, 8]);
});

Deno.test("a text is an error", async () => {
  const text = framed({ opcode: opcode.text, payload: "x", mask: undefined });
  const wire = await open(new Server([accepted, text]));
  await assertRejects(() => readAll(wire), Error, "a text frame came");
});

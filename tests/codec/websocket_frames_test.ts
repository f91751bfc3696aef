import { assert, assertEquals } from "@std/assert";
import { FrameDecoder } from "../../codec/_websocket_decoder.ts";
import {
  binaryFrame,
  binaryHeader,
  closeFrame,
  pongFrame,
} from "../../codec/_websocket_frames.ts";
import { Random } from "../_random.ts";
import { join, text } from "../_raw_packets.ts";
import {
  close,
  frame,
  type FrameFields,
  framesOf,
  opcodes,
} from "../_websocket_peer.ts";

/** Decodes bytes in pieces; returns the payload. */
function decode(
  decoder: FrameDecoder,
  bytes: Uint8Array,
  piece = Infinity,
): Uint8Array {
  const payload: Uint8Array[] = [];
  for (let i = 0; i < bytes.length; i += piece) {
    const buffer = bytes.slice(i, i + piece);
    const count = decoder.decode(buffer, buffer.length);
    payload.push(buffer.slice(0, count));
  }
  return join(...payload);
}

for (const length of [0, 1, 125, 126, 65_535, 65_536, 200_000]) {
  for (const piece of [Infinity, 4096, 7]) {
    Deno.test(`FrameDecoder takes ${length} bytes out of a frame that comes in pieces of ${piece}`, () => {
      const payload = Uint8Array.from({ length }, (_, i) => i % 251);
      const decoder = new FrameDecoder(true);
      const bytes = join(
        frame({ payload }),
        frame({ payload: "next", mask: [9, 8, 7, 6] }),
      );
      const expected = join(payload, text("next"));
      assertEquals(decode(decoder, bytes, piece), expected);
      assertEquals([decoder.failure, decoder.closed], [undefined, false]);
    });
  }
}

Deno.test("FrameDecoder makes one stream of frames and messages, however they are cut [MQTT-6.0.0-2]", () => {
  const random = new Random(3);
  for (let round = 0; round < 200; round++) {
    const decoder = new FrameDecoder(true);
    const sent: Uint8Array[] = [];
    const expected: Uint8Array[] = [];
    let inMessage = false;
    for (let i = 0; i < 8; i++) {
      const payload = Uint8Array.from(
        random.array(random.integer(0, 299), () => random.integer(0, 255)),
      );
      const mask = random.array(4, () => random.integer(0, 255));
      const final = random.boolean();
      const opcode = inMessage ? opcodes.continuation : opcodes.binary;
      sent.push(frame({ opcode, payload, mask, final }));
      expected.push(payload);
      inMessage = !final;
      const control = random.integer(0, 2);
      if (control === 0) {
        sent.push(frame({ opcode: opcodes.ping, payload: "p" }));
      }
      if (control === 1) {
        sent.push(frame({ opcode: opcodes.pong, payload: "" }));
      }
    }
    const bytes = join(...sent);
    const piece = random.integer(1, bytes.length);
    assertEquals(decode(decoder, bytes, piece), join(...expected));
    assertEquals(decoder.failure, undefined);
  }
});

Deno.test("FrameDecoder unmasks where buffers begin at any byte", () => {
  for (let offset = 0; offset < 8; offset++) {
    for (const length of [63, 64, 65, 66, 67, 1000]) {
      const payload = Uint8Array.from({ length }, (_, i) => i % 253);
      const bytes = frame({ payload });
      const buffer = new Uint8Array(bytes.length + offset).subarray(offset);
      buffer.set(bytes);
      const count = new FrameDecoder(true).decode(buffer, buffer.length);
      assertEquals(buffer.subarray(0, count), payload);
    }
  }
});

Deno.test("FrameDecoder has the last ping, and no more than its bytes", () => {
  const decoder = new FrameDecoder(true);
  const pings = ["one", "two"].map((payload) =>
    frame({ opcode: opcodes.ping, payload })
  );
  assertEquals(decode(decoder, join(...pings)), new Uint8Array(0));
  assertEquals(decoder.ping, text("two"));
  const longest = new Uint8Array(125).fill(7);
  decode(decoder, frame({ opcode: opcodes.ping, payload: longest }), 3);
  assertEquals(decoder.ping, longest);
});

Deno.test("FrameDecoder needs nothing for what a frame announces", () => {
  const decoder = new FrameDecoder(true);
  const most = BigInt(Number.MAX_SAFE_INTEGER);
  assertEquals(
    decode(decoder, frame({ payload: "begin", length: most })),
    text("begin"),
  );
  assertEquals(decoder.failure, undefined);
});

Deno.test("FrameDecoder takes lengths in more bytes than they need", () => {
  const decoder = new FrameDecoder(true);
  for (const lengthBytes of [2, 8]) {
    const bytes = frame({ payload: "x", lengthBytes });
    assertEquals(decode(decoder, bytes), text("x"));
  }
});

Deno.test("FrameDecoder takes frames of servers, which are not masked, and no others", () => {
  for (const length of [0, 10, 126, 65_535, 65_536]) {
    for (const piece of [Infinity, 4096, 7]) {
      const payload = Uint8Array.from({ length }, (_, i) => i % 251);
      const decoder = new FrameDecoder(false);
      const mask = undefined;
      const bytes = join(
        frame({ payload, mask }),
        frame({ opcode: opcodes.ping, payload: "p".repeat(99), mask }),
        frame({ payload: "next", mask }),
        frame({ payload: "masked" }),
      );
      assertEquals(decode(decoder, bytes, piece), join(payload, text("next")));
      assertEquals(decoder.ping, text("p".repeat(99)));
      assertEquals(decoder.failure, {
        code: 1002,
        reason: "WebSocket: a frame is masked",
      });
    }
  }
});

const { binary, continuation, ping } = opcodes;

/** Frames that end a WebSocket: sent after one whole message. */
const wrong: readonly (readonly [
  what: string,
  frames: readonly (FrameFields | Uint8Array)[],
  code: number,
  reason: string,
])[] = [
  ["not masked", [{ mask: undefined }], 1002, "a frame is not masked"],
  ...[1, 2, 4, 7].map((reserved) =>
    [
      `with reserved bits ${reserved}`,
      [{ reserved }],
      1002,
      "reserved bits are set, which no extension uses",
    ] as const
  ),
  ...[3, 7, 11, 15].map((opcode) =>
    [
      `of kind ${opcode}`,
      [{ opcode }],
      1002,
      `there is no frame of kind ${opcode}`,
    ] as const
  ),
  [
    "of text [MQTT-6.0.0-1]",
    [{ opcode: opcodes.text, payload: "x" }],
    1003,
    "a text frame came, not a binary",
  ],
  [
    "of a message that has not begun",
    [{ opcode: continuation }],
    1002,
    "a message is continued that has not begun",
  ],
  [
    "of a message within another",
    [{ final: false }, { opcode: binary }],
    1002,
    "a message begins within another",
  ],
  [
    "of control that is fragmented",
    [{ opcode: ping, final: false }],
    1002,
    "a control frame is fragmented",
  ],
  [
    "of control that is too long",
    [{ opcode: ping, payload: "x".repeat(126) }],
    1002,
    "a control frame is too long",
  ],
  [
    "of a negative length",
    [{ length: 1n << 63n }],
    1002,
    "the length of a frame is negative",
  ],
  [
    "of a length that cannot be counted",
    [{ length: 1n << 53n }],
    1009,
    "a frame is too long",
  ],
  ...[0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65_535].map((code) =>
    [
      `that closes with code ${code}`,
      [close(code)],
      1002,
      "the close code is none",
    ] as const
  ),
  [
    "that closes with half a code",
    [{ opcode: opcodes.close, payload: "x" }],
    1002,
    "the close code is none",
  ],
  [
    "that closes with a reason that is not UTF-8",
    [{
      opcode: opcodes.close,
      payload: Uint8Array.of(3, 232, 0xff),
    }],
    1007,
    "the close reason is not UTF-8",
  ],
];

for (const [what, frames, code, reason] of wrong) {
  for (const piece of [Infinity, 1]) {
    Deno.test(`FrameDecoder stops at a frame ${what}, after what came before, in pieces of ${piece}`, () => {
      const decoder = new FrameDecoder(true);
      const bytes = join(
        frame({ payload: "before" }),
        ...frames.map((one) => one instanceof Uint8Array ? one : frame(one)),
        frame({ payload: "after" }),
      );
      assertEquals(decode(decoder, bytes, piece), text("before"));
      assertEquals(decoder.failure, { code, reason: `WebSocket: ${reason}` });
    });
  }
}

for (const code of [undefined, 1000, 1001, 1011, 3000, 4999]) {
  Deno.test(`FrameDecoder stops when the client closes with ${code}`, () => {
    const decoder = new FrameDecoder(true);
    const bytes = join(
      frame({ payload: "before" }),
      code === undefined ? close() : close(code, "leaving"),
      frame({ payload: "after" }),
    );
    assertEquals(decode(decoder, bytes), text("before"));
    assert(decoder.closed);
    assertEquals([decoder.closeCode, decoder.failure], [code, undefined]);
    assertEquals(decoder.closeReason, code === undefined ? "" : "leaving");
  });
}

for (const length of [0, 125, 126, 65_535, 65_536, 70_000]) {
  Deno.test(`binaryHeader() announces ${length} bytes`, () => {
    const bytes = join(binaryHeader(length), new Uint8Array(length).fill(7));
    const [frames, rest] = framesOf(bytes);
    assertEquals(frames.map(({ opcode }) => opcode), [binary]);
    assertEquals([frames[0]!.payload.length, rest.length], [length, 0]);
  });
}

for (const length of [0, 1, 63, 64, 125, 126, 65_535, 65_536, 70_000]) {
  Deno.test(`binaryFrame() has ${length} bytes, masked or not`, () => {
    const payload = Uint8Array.from({ length }, (_, i) => i % 251);
    for (const mask of [undefined, 0, 0x010203f4, 0xf4030201]) {
      const bytes = binaryFrame(payload, mask);
      const [frames, rest] = framesOf(bytes, mask !== undefined);
      assertEquals(frames, [{ opcode: binary, payload }]);
      assertEquals(rest.length, 0);
    }
  });
}

Deno.test("pongFrame() and closeFrame() are frames of control", () => {
  const [frames] = framesOf(
    join(pongFrame(text("x")), closeFrame(1002), closeFrame()),
  );
  assertEquals(frames, [
    { opcode: opcodes.pong, payload: text("x") },
    { opcode: opcodes.close, payload: Uint8Array.of(3, 234) },
    { opcode: opcodes.close, payload: new Uint8Array(0) },
  ]);
});

/** WebSocket frames, against a decoder that has all bytes at hand. */

import { assertEquals } from "@std/assert";
import { FrameDecoder } from "../../codec/_websocket_decoder.ts";
import { Random } from "../_random.ts";
import { frame, type FrameFields } from "../_websocket_peer.ts";
import { concat, hex } from "../codec/_wire.ts";
import { mutateBytes } from "./_mutate.ts";
import { simplerBytes } from "./_shrink.ts";
import type { Target } from "./_target.ts";

interface Input {
  /** Whether frames have to be masked: the decoder is a server's. */
  readonly masked: boolean;
  readonly bytes: Uint8Array;
}

/** What a stream comes to. */
interface Result {
  readonly payload: string;
  readonly ping: string | undefined;
  readonly closed: boolean;
  readonly closeCode: number | undefined;
  readonly closeReason: string;
  readonly failure: number | undefined;
}

function someFrame(random: Random, masked: boolean): Uint8Array {
  const fields: { -readonly [Key in keyof FrameFields]: FrameFields[Key] } = {
    opcode: random.pick([0, 2, 2, 2, 8, 9, 9, 10]),
    payload: random.bytes(random.pick([0, 1, 2, 5, 70, 125, 126, 300])),
    final: random.percent(85),
    mask: masked === random.percent(98)
      ? random.array(4, () => random.integer(0, 255))
      : undefined,
  };
  if (fields.opcode === 8 && random.percent(90)) {
    const code = random.pick([1000, 1001, 1004, 1005, 1014, 1015, 2999, 3000]);
    fields.payload = concat(
      [code >> 8, code & 255],
      random.percent(80) ? [0x6f, 0x6b] : random.bytes(2),
    );
  }
  if (random.percent(2)) fields.opcode = random.integer(0, 15);
  if (random.percent(2)) fields.reserved = random.integer(1, 7);
  if (random.percent(5)) fields.lengthBytes = random.pick([2, 8]);
  if (random.percent(4)) {
    fields.lengthBytes = 8;
    fields.length = random.pick([1n, 1n << 31n, 1n << 53n, (1n << 64n) - 1n]);
  }
  return frame(fields);
}

function generate(random: Random): Input {
  const masked = random.boolean();
  const count = random.integer(1, 6);
  const bytes = concat(...random.array(count, () => someFrame(random, masked)));
  return {
    masked,
    bytes: random.percent(70) ? bytes : mutateBytes(random, bytes),
  };
}

/** RFC 6455, sections 5.2 to 5.5 and 7.4, for a stream that is all there. */
function reference({ masked, bytes }: Input): Result {
  const payload: number[] = [];
  let inMessage = false;
  let ping: string | undefined;
  const result = (rest: Partial<Result> = {}): Result => ({
    payload: hex(Uint8Array.from(payload)),
    ping,
    closed: false,
    closeCode: undefined,
    closeReason: "",
    failure: undefined,
    ...rest,
  });
  for (let at = 0; at + 1 < bytes.length;) {
    const [first, second] = [bytes[at]!, bytes[at + 1]!];
    const [opcode, final] = [first & 15, first >= 128];
    const control = opcode >= 8;
    const wrong = (first & 0x70) > 0 || (second >= 128) !== masked ||
      ![0, 1, 2, 8, 9, 10].includes(opcode) ||
      (control && (!final || (second & 127) > 125)) ||
      (!control && (opcode === 0) !== inMessage);
    if (wrong) return result({ failure: 1002 });
    if (opcode === 1) return result({ failure: 1003 });
    const lengthBytes = (second & 127) < 126
      ? 0
      : (second & 127) === 126
      ? 2
      : 8;
    const start = at + 2 + lengthBytes + (masked ? 4 : 0);
    if (start > bytes.length) return result();
    if (!control) inMessage = !final;
    const digits = bytes.subarray(at + 2, at + 2 + lengthBytes);
    const length = lengthBytes === 0
      ? BigInt(second & 127)
      : BigInt(`0x${hex(digits)}`);
    if (length >> 63n === 1n) return result({ failure: 1002 });
    if (length >= 1n << 53n) return result({ failure: 1009 });
    const mask = masked ? bytes.subarray(start - 4, start) : [0, 0, 0, 0];
    const content = bytes.slice(start, start + Number(length))
      .map((byte, i) => byte ^ mask[i % 4]!);
    if (!control) payload.push(...content);
    if (content.length < Number(length)) return result();
    if (opcode === 9) ping = hex(content);
    if (opcode === 8) return closed(content, result);
    at = start + Number(length);
  }
  return result();
}

function closed(
  content: Uint8Array,
  result: (rest: Partial<Result>) => Result,
): Result {
  if (content.length === 0) return result({ closed: true });
  const code = content[0]! << 8 | content[1]!;
  const known = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011];
  const registered = [1012, 1013, 1014];
  const fine = [...known, ...registered].includes(code) ||
    (code >= 3000 && code <= 4999);
  if (content.length === 1 || !fine) return result({ failure: 1002 });
  try {
    const closeReason = new TextDecoder("utf-8", { fatal: true })
      .decode(content.subarray(2));
    return result({ closed: true, closeCode: code, closeReason });
  } catch {
    return result({ failure: 1007 });
  }
}

function decode(masked: boolean, chunks: readonly Uint8Array[]): Result {
  const decoder = new FrameDecoder(masked);
  const parts = chunks.map((chunk) => {
    const buffer = chunk.slice();
    return buffer.subarray(0, decoder.decode(buffer, buffer.length));
  });
  const { ping, closed, closeCode, closeReason, failure } = decoder;
  return {
    payload: hex(concat(...parts)),
    ping: ping && hex(ping),
    closed,
    closeCode,
    closeReason,
    failure: failure?.code,
  };
}

function check({ masked, bytes }: Input): void {
  const expected = reference({ masked, bytes });
  const random = new Random(bytes.length);
  for (
    const chunks of [
      [bytes],
      random.chunks(bytes, 9),
      random.chunks(bytes, 200),
      Array.from(bytes, (byte) => Uint8Array.of(byte)),
    ]
  ) assertEquals(decode(masked, chunks), expected);
}

/** The decoder of `codec/_websocket_decoder.ts`. */
export const websocket: Target<Input> = {
  name: "websocket",
  about: "frames become what RFC 6455 says, in any chunking alike",
  generate,
  check,
  *shrink(input) {
    for (const bytes of simplerBytes(input.bytes)) yield { ...input, bytes };
  },
  show: ({ masked, bytes }) =>
    `${hex(bytes)}, ${masked ? "to a server" : "to a client"}`,
};

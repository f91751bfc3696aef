/** A broker that says yes to everything, and does nothing. */

import type { Transport } from "../../../mod.ts";

/** What it answers, by the type of the packet. */
function answerTo(
  type: number,
  flags: number,
  body: Uint8Array,
  version: number,
): number[] {
  const id = [body[0] ?? 0, body[1] ?? 0];
  const v5 = version === 5;
  switch (type) {
    case 1:
      return v5 ? [0x20, 3, 0, 0, 0] : [0x20, 2, 0, 0];
    case 3: {
      const qos = flags >> 1 & 3;
      const at = 2 + (body[0]! << 8 | body[1]!);
      const own = [body[at] ?? 0, body[at + 1] ?? 0];
      return qos === 1 ? [0x40, 2, ...own] : qos === 2 ? [0x50, 2, ...own] : [];
    }
    case 5:
      return [0x62, 2, ...id];
    case 6:
      return [0x70, 2, ...id];
    case 8:
      return v5 ? [0x90, 4, ...id, 0, 0] : [0x90, 3, ...id, 0];
    case 10:
      return v5 ? [0xb0, 4, ...id, 0, 0] : [0xb0, 2, ...id];
    case 12:
      return [0xd0, 0];
    default:
      return [];
  }
}

/** A connection to it. */
export function agreeable(): Transport {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const reader = readable.getReader();
  const writer = writable.getWriter();
  let pending: number[] = [];
  let version = 4;
  let open = true;
  const end = () => {
    if (open) writer.close().catch(() => {});
    open = false;
  };
  const take = (bytes: Uint8Array) => {
    pending.push(...bytes);
    for (;;) {
      let length = 0;
      let at = 1;
      for (let shift = 0; shift < 28; shift += 7) {
        const byte = pending[at++];
        if (byte === undefined) return;
        length += (byte & 127) * 2 ** shift;
        if (byte < 128) break;
      }
      if (pending.length < at + length) return;
      const [first = 0] = pending;
      const body = new Uint8Array(pending.slice(at, at + length));
      pending = pending.slice(at + length);
      if (first >> 4 === 1) version = body[6] === 5 ? 5 : 4;
      const answer = answerTo(first >> 4, first & 15, body, version);
      if (answer.length > 0 && open) {
        writer.write(new Uint8Array(answer)).catch(() => {});
      }
      if (first >> 4 === 14) end();
    }
  };
  return {
    async read(buffer) {
      const { value, done } = await reader.read();
      if (done) return null;
      buffer.set(value);
      return value.length;
    },
    write(bytes) {
      take(bytes);
      return Promise.resolve(bytes.length);
    },
    close: end,
  };
}

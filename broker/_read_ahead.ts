/**
 * Reading on while plugins are asked who a client is: nobody is to wait for
 * the answer to one that has gone. Who sent more than its packet has something
 * to be handled, gone or not.
 */

import type { PacketParser, Transport } from "../codec/mod.ts";

/** Bytes that are read before it is known who the client is. */
const READ_AHEAD = 256;

export class ReadAhead {
  readonly #bytes = new Uint8Array(READ_AHEAD); // the parser has the packet still
  readonly #count: Promise<number | null>;

  /**
   * Begins to read.
   *
   * @param onGone Is called when nothing more comes, with the reason.
   */
  constructor(transport: Transport, onGone: (reason: string) => void) {
    this.#count = transport.read(this.#bytes);
    this.#count.then((count) => {
      if (count === null) onGone("the client closed the connection");
    }, (error) => {
      onGone(error instanceof Error ? error.message : String(error));
    });
  }

  /** Waits for what is read and hands it to the parser; `null` at the end. */
  async into(parser: PacketParser): Promise<number | null> {
    const count = await this.#count;
    if (count !== null) parser.writable().set(this.#bytes.subarray(0, count));
    return count;
  }

  /** Waits until it is over, whatever comes of it: one read at a time. */
  async over(): Promise<void> {
    await this.#count.catch(() => {});
  }
}

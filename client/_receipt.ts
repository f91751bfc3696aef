/** The acknowledgement of a received message, and what it waits for. */

import type { Acknowledgement } from "../codec/mod.ts";
import type { Receipt as Held } from "./_inbox.ts";
import type { Exchange } from "./message.ts";

export class Receipt implements Exchange, Held {
  puback?: Acknowledgement;
  pubrec?: Acknowledgement;
  pubrel?: Acknowledgement;
  pubcomp?: Acknowledgement;

  /** What acknowledges the message. */
  readonly type: "puback" | "pubrec" | "pubcomp";
  readonly packetId: number;
  readonly #freed: () => void;
  /** For how many things it waits: inboxes, the application. */
  #holds: number;
  /** Whether the application still is to acknowledge it. */
  #unacknowledged: boolean;

  /**
   * @param type What acknowledges the message.
   * @param manual Whether it waits for `ack`.
   * @param freed Is called when it waits for nothing any more.
   */
  constructor(
    type: Receipt["type"],
    packetId: number,
    manual: boolean,
    freed: () => void,
  ) {
    this.type = type;
    this.packetId = packetId;
    this.#unacknowledged = manual;
    this.#holds = manual ? 1 : 0;
    this.#freed = freed;
  }

  /** Whether it waits for nothing. */
  get free(): boolean {
    return this.#holds === 0;
  }

  hold(): void {
    this.#holds++;
  }

  release(): void {
    if (--this.#holds === 0) this.#freed();
  }

  ack(): void {
    if (!this.#unacknowledged) return;
    this.#unacknowledged = false;
    this.release();
  }
}

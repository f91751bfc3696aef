/**
 * The writing half of a connection: what is sent goes into the outbox; at the
 * end of the turn one write takes all of it. While a write is under way more is
 * collected, and goes out with the next.
 */

import { Outbox, type Transport } from "../codec/mod.ts";
import type { Metrics } from "./metrics.ts";
import type { Turn } from "./_turn.ts";

/** What happens to an output, told to its connection. */
export interface OutputOwner {
  /** A write is done: there is room again. */
  onWritten(): void;
  /** Nothing more can be written. */
  onBroken(reason: string): void;
  /** After `finish`: everything is written. */
  onFinished(): void;
}

export class Output {
  readonly outbox = new Outbox();
  readonly #transport: Transport;
  readonly #turn: Turn;
  readonly #metrics: Metrics;
  readonly #owner: OutputOwner;
  /** What is being written now, without what has left already. */
  #writing: Uint8Array | undefined;
  /** To be flushed at the end of the turn. */
  #woken = false;
  #finishing = false;

  constructor(
    transport: Transport,
    turn: Turn,
    metrics: Metrics,
    owner: OutputOwner,
  ) {
    this.#transport = transport;
    this.#turn = turn;
    this.#metrics = metrics;
    this.#owner = owner;
  }

  /** Has the outbox written at the end of this turn. */
  wake(): void {
    if (this.#woken) return;
    this.#woken = true;
    this.#turn.wake(this);
  }

  /** Tells the owner as soon as everything is written. */
  finish(): void {
    this.#finishing = true;
    this.wake();
  }

  /** The turn is over, and what it confirms is durable. */
  flush(): void {
    this.#woken = false;
    if (this.#writing === undefined) this.#next();
  }

  /** The turn failed: nothing of it may be written. */
  abort(reason: string): void {
    this.#owner.onBroken(reason);
  }

  #next(): void {
    const bytes = this.outbox.take();
    if (bytes !== undefined) this.#write(bytes);
    else if (this.#finishing) this.#owner.onFinished();
  }

  #write(bytes: Uint8Array): void {
    this.#writing = bytes;
    try {
      this.#transport.write(bytes).then(this.#onWritten, this.#onBroken);
    } catch (error) {
      this.#onBroken(error);
    }
  }

  readonly #onWritten = (count: number): void => {
    const bytes = this.#writing!;
    this.#metrics.bytesSent += count;
    if (count < bytes.length) return this.#write(bytes.subarray(count));
    this.outbox.written();
    this.#writing = undefined;
    this.#owner.onWritten();
    // What this turn added is written at its end, not before.
    if (!this.#woken) this.#next();
  };

  readonly #onBroken = (error: unknown): void => {
    this.#owner.onBroken(
      error instanceof Error ? error.message : String(error),
    );
  };
}

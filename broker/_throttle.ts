/**
 * How fast a client may send. Each connection has a bucket for PUBLISH packets
 * and one for bytes, which hold what one second brings. Where one is empty,
 * nothing more is read until it has filled a little: the client finds out from
 * its transport, and loses nothing. One timer looks after all who wait, and runs
 * only while somebody does.
 */

import type { Limits } from "./limits.ts";
import type { Metrics } from "./metrics.ts";

/** Milliseconds between two looks at who waits. */
const LOOK_INTERVAL = 50;

/** A bucket: what is in it, and what comes in. */
class Bucket {
  /** What comes in within a second, and what it holds. */
  readonly #rate: number;
  /** May be less than nothing: what was taken is taken. */
  #left: number;
  #filledAt: number;

  constructor(rate: number, now: number) {
    this.#rate = this.#left = rate;
    this.#filledAt = now;
  }

  take(amount: number): void {
    this.#left -= amount;
  }

  /** How much may be taken: whole ones. */
  left(now: number): number {
    const gained = (now - this.#filledAt) / 1000 * this.#rate;
    this.#filledAt = now;
    this.#left = Math.min(this.#rate, this.#left + gained);
    return Math.floor(this.#left);
  }
}

/** The parts of the broker that throttles use. */
export interface ThrottleHost {
  readonly limits: Limits;
  readonly metrics: Metrics;
  now(): number;
}

/** Those of all connections. */
export class Throttles {
  readonly #host: ThrottleHost;
  readonly #waiting = new Map<Throttle, () => void>();
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(host: ThrottleHost) {
    this.#host = host;
  }

  /** One for a connection; none where clients may send as fast as they like. */
  create(): Throttle | undefined {
    const { limits } = this.#host;
    if (limits.messageRate === 0 && limits.byteRate === 0) return undefined;
    return new Throttle(this, this.#host);
  }

  /** Has something called once a throttle is open again. */
  wait(throttle: Throttle, resume: () => void): void {
    this.#waiting.set(throttle, resume);
    this.#timer ??= setInterval(() => this.tick(), LOOK_INTERVAL);
  }

  /** Nobody waits for this one any more. */
  leave(throttle: Throttle): void {
    if (!this.#waiting.delete(throttle) || this.#waiting.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Looks at who waits; the sweep calls it too. */
  tick(): void {
    for (const [throttle, resume] of [...this.#waiting]) {
      if (!throttle.open) continue;
      this.leave(throttle);
      resume();
    }
  }
}

/** That of one connection. */
export class Throttle {
  readonly #all: Throttles;
  readonly #host: ThrottleHost;
  readonly #messages: Bucket | undefined;
  readonly #bytes: Bucket | undefined;

  constructor(all: Throttles, host: ThrottleHost) {
    this.#all = all;
    this.#host = host;
    const { messageRate, byteRate } = host.limits;
    const now = host.now();
    if (messageRate > 0) this.#messages = new Bucket(messageRate, now);
    if (byteRate > 0) this.#bytes = new Bucket(byteRate, now);
  }

  /** Whether more may be read. */
  get open(): boolean {
    const now = this.#host.now();
    return (this.#messages?.left(now) ?? 1) > 0 &&
      (this.#bytes?.left(now) ?? 1) > 0;
  }

  /** The part of a buffer that may be read into: one byte at least. */
  within(buffer: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const left = this.#bytes?.left(this.#host.now()) ?? Infinity;
    return left < buffer.length
      ? buffer.subarray(0, Math.max(1, left))
      : buffer;
  }

  /** So many bytes were read. */
  read(bytes: number): void {
    this.#bytes?.take(bytes);
  }

  /** A PUBLISH was handled; returns whether more may come. */
  published(): boolean {
    this.#messages?.take(1);
    return this.open;
  }

  /** Has something called once more may be read. */
  wait(resume: () => void): void {
    this.#host.metrics.throttled++;
    this.#all.wait(this, resume);
  }

  /** Nobody waits any more: the connection is over. */
  close(): void {
    this.#all.leave(this);
  }
}

/**
 * Connections without a network: a listener, and pairs of ends in memory.
 *
 * What one side sends in one call is what the other reads in one call, so that
 * a test decides the chunking. There are no timers, and an idle connection
 * costs a few small objects: thousands of them are no trouble.
 */

import type { Address, Transport } from "../codec/mod.ts";

/** What Deno names an operation on something that is closed. */
class BadResource extends Error {
  override readonly name = "BadResource";
}

/** How the broker's end of a connection behaves. */
export interface MemoryTransportOptions {
  /** The most bytes that one write takes; the rest has to be written again. */
  readonly longestWrite?: number;
  /** Where the broker sees the client. */
  readonly remoteAddr?: Address;
}

/** One direction: bytes that were sent and not yet read. */
class Pipe {
  /** How many bytes wait to be read. */
  waiting = 0;

  #chunks: Uint8Array[] = [];
  #failure: Error | undefined;
  #ended = false;
  #wake: (() => void) | undefined;

  get ended(): boolean {
    return this.#ended;
  }

  push(bytes: Uint8Array): void {
    if (this.#ended || bytes.length === 0) return;
    this.#chunks.push(bytes.slice());
    this.waiting += bytes.length;
    this.#notify();
  }

  /** What was sent is still read; then comes the end, or the failure. */
  end(failure?: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#failure = failure;
    this.#notify();
  }

  /** As `end`, but nothing more is read. */
  abort(failure?: Error): void {
    this.#chunks = [];
    this.waiting = 0;
    this.#ended = true;
    this.#failure = failure;
    this.#notify();
  }

  /** The next chunk, no longer than so many bytes; `null` at the end. */
  async next(longest: number): Promise<Uint8Array | null> {
    while (this.#chunks.length === 0) {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#ended) return null;
      if (this.#wake !== undefined) throw new Error("Two reads at a time");
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const first = this.#chunks[0]!;
    const chunk = first.subarray(0, longest);
    if (chunk.length === first.length) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(chunk.length);
    this.waiting -= chunk.length;
    return chunk;
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}

/** What the two ends share. */
class Wire {
  readonly toBroker = new Pipe();
  readonly toClient = new Pipe();
  /** While it is set, what the broker writes is not taken. */
  gate: PromiseWithResolvers<void> | undefined;
  /** Whether the broker has closed its end. */
  closedByBroker = false;
}

/** The broker's end. */
class BrokerEnd implements Transport {
  readonly remoteAddr?: Address;
  readonly #wire: Wire;
  readonly #longestWrite: number;
  #closed = false;
  #writing = false;

  constructor(wire: Wire, options: MemoryTransportOptions) {
    this.#wire = wire;
    this.#longestWrite = options.longestWrite ?? Infinity;
    if (options.remoteAddr) this.remoteAddr = options.remoteAddr;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    const chunk = await this.#wire.toBroker.next(buffer.length);
    if (chunk === null) return null;
    buffer.set(chunk);
    return chunk.length;
  }

  async write(bytes: Uint8Array): Promise<number> {
    if (this.#closed) throw new BadResource("The transport is closed");
    if (this.#writing) throw new Error("Two writes at a time");
    if (bytes.length === 0) throw new Error("A write of no bytes");
    this.#writing = true;
    try {
      while (this.#wire.gate !== undefined) await this.#wire.gate.promise;
      if (this.#wire.toClient.ended) {
        const error = new Error("The client is gone");
        error.name = this.#closed ? "BadResource" : "BrokenPipe";
        throw error;
      }
      const count = Math.min(bytes.length, this.#longestWrite);
      this.#wire.toClient.push(bytes.subarray(0, count));
      return count;
    } finally {
      this.#writing = false;
    }
  }

  close(): void {
    if (this.#closed) throw new BadResource("The transport is closed already");
    this.#closed = true;
    this.#wire.closedByBroker = true;
    this.#wire.toBroker.abort(new BadResource("The transport is closed"));
    this.#wire.toClient.end();
    this.#wire.gate?.resolve();
    this.#wire.gate = undefined;
  }
}

/** The client's end, in the hand of a test. */
export class MemoryConnection {
  readonly #wire: Wire;

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  /** Whether the broker has closed its end. */
  get closedByBroker(): boolean {
    return this.#wire.closedByBroker;
  }

  /** Bytes sent that the broker has not read. */
  get unread(): number {
    return this.#wire.toBroker.waiting;
  }

  /** Bytes of the broker's that were not received here. */
  get unreceived(): number {
    return this.#wire.toClient.waiting;
  }

  /** Sends bytes: the broker reads them in one piece. It never waits. */
  send(bytes: Uint8Array): void {
    this.#wire.toBroker.push(bytes);
  }

  /** What comes next, as the broker wrote it; `null` when it has closed. */
  receive(): Promise<Uint8Array | null> {
    return this.#wire.toClient.next(Infinity);
  }

  /** From here on the broker's writes do not settle. */
  stall(): void {
    this.#wire.gate ??= Promise.withResolvers();
  }

  /** Ends `stall`. */
  resume(): void {
    this.#wire.gate?.resolve();
    this.#wire.gate = undefined;
  }

  /** Ends sending only: the broker sees the end of the stream. */
  end(): void {
    this.#wire.toBroker.end();
  }

  /** Closes in both directions: what was sent is still read. */
  close(): void {
    this.#wire.toBroker.end();
    this.#wire.toClient.abort();
    this.resume();
  }

  /** Closes as a network that fails: the broker's read fails at once. */
  reset(): void {
    const failure = new Error("The connection was reset");
    failure.name = "ConnectionReset";
    this.#wire.toBroker.abort(failure);
    this.#wire.toClient.abort();
    this.resume();
  }
}

/** A listener that the test connects to. */
export class MemoryListener {
  #arrived: BrokerEnd[] = [];
  #accepting: PromiseWithResolvers<Transport>[] = [];
  #closed = false;

  /** Makes a connection; returns the client's end. */
  connect(options: MemoryTransportOptions = {}): MemoryConnection {
    if (this.#closed) throw new Error("The listener is closed");
    const wire = new Wire();
    const brokerEnd = new BrokerEnd(wire, options);
    const accepting = this.#accepting.shift();
    if (accepting === undefined) this.#arrived.push(brokerEnd);
    else accepting.resolve(brokerEnd);
    return new MemoryConnection(wire);
  }

  accept(): Promise<Transport> {
    const transport = this.#arrived.shift();
    if (transport !== undefined) return Promise.resolve(transport);
    if (this.#closed) return Promise.reject(closedListener());
    const accepting = Promise.withResolvers<Transport>();
    this.#accepting.push(accepting);
    return accepting.promise;
  }

  close(): void {
    this.#closed = true;
    for (const transport of this.#arrived.splice(0)) transport.close();
    for (const accepting of this.#accepting.splice(0)) {
      accepting.reject(closedListener());
    }
  }
}

function closedListener(): BadResource {
  return new BadResource("The listener is closed");
}

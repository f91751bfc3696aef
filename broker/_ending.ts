/**
 * The end of a connection: its last packets are written, the peer gets time to
 * read them, and the transport is closed. However it goes, it ends in time.
 */

import type { Transport } from "../codec/mod.ts";

/** Milliseconds for writing what is left. */
const WRITE_TIMEOUT = 5000;

/** Milliseconds that a peer has to close after the broker's last packet. */
const LINGER_TIMEOUT = 1000;

/** Bytes that it may still send meanwhile. */
const LINGER_BYTES = 1024 * 1024;

/** Bytes of them that are read at a time. */
const LINGER_READ = 4096;

export class Ending {
  readonly #transport: Transport;
  readonly #now: () => number;
  readonly #onClosed: () => void;
  /** Whether the peer is to see the broker's last packet before all is closed. */
  #lingers: boolean;
  /** Whether all is written. */
  #written = false;
  /** When what is left to write is given up: set once the end has begun. */
  #closeAt = Infinity;
  #closed = false;

  /**
   * @param now The time in milliseconds.
   * @param onClosed Is called once, when the transport is closed.
   */
  constructor(transport: Transport, now: () => number, onClosed: () => void) {
    this.#transport = transport;
    this.#now = now;
    this.#onClosed = onClosed;
    this.#lingers = transport.closeWrite !== undefined;
  }

  /** The peer wants no last word, unless its transport has one of its own. */
  skipLinger(): void {
    this.#lingers &&= this.#transport.handshake !== undefined;
  }

  /** Nothing more is handled; what was sent is being written. */
  begin(): void {
    this.#closeAt = this.#now() + WRITE_TIMEOUT;
  }

  /**
   * All is written: the peer is told, and closes or is closed soon.
   *
   * @param open Whether the transport's handshake was completed.
   */
  written(open: boolean): void {
    this.#written = true;
    if (!this.#lingers || !open) return this.close();
    const deadline = this.#now() + LINGER_TIMEOUT;
    this.#closeAt = Math.min(this.#closeAt, deadline);
    this.#transport.closeWrite!().catch(() => this.close());
  }

  /**
   * Reads what the peer still sends after the broker's last packet: to close
   * with anything unread would reset the connection, and that packet be lost.
   */
  async linger(): Promise<void> {
    if (!this.#lingers || this.#closed) return;
    const buffer = new Uint8Array(LINGER_READ);
    let left = LINGER_BYTES;
    try {
      while (left > 0) {
        const count = await this.#transport.read(buffer);
        if (count === null) {
          this.#lingers = false;
          // It may have ended its half only, and read what is left to write.
          if (!this.#written) return;
          break;
        }
        left -= count;
      }
    } catch {
      // It is over, one way or the other.
    }
    this.close();
  }

  /** Closes the transport, whatever is not written. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.#transport.close();
    } catch {
      // The peer closed it first.
    }
    this.#onClosed();
  }

  /** Looks at the deadline; called in each sweep. */
  tick(now: number): void {
    if (now >= this.#closeAt) this.close();
  }
}

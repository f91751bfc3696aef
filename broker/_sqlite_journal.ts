/**
 * The changes of a turn as bytes: one row of the journal.
 *
 * To put a turn away costs one row, however many changes it has; most of them
 * undo each other within moments, and never become rows of their own. Sessions
 * and messages are numbers here: a message that goes to many sessions is in the
 * journal once, and each delivery names it.
 */

import type { Qos } from "../codec/mod.ts";
import type { StoredMessage } from "./_stored_message.ts";

/** What a session is beside what belongs to it. */
export interface SessionState {
  readonly clientId: string;
  /** Who its client was, in JSON. */
  readonly client: string;
  readonly expiryInterval: number;
  readonly expiresAt: number | undefined;
}

/** A subscription but for its session and filter. */
export interface StoredSubscription {
  /** QoS, No Local, Retain As Published and Retain Handling as SUBSCRIBE has them. */
  readonly options: number;
  readonly identifier: number | undefined;
}

/** A delivery but for its session, number and message. */
export interface DeliveryState {
  readonly qos: 1 | 2;
  readonly retain: boolean;
  readonly identifiers: readonly number[] | undefined;
  readonly shared: string | undefined;
  readonly packetId: number | undefined;
}

/** What a journal says, in the order in which it happened. */
export interface JournalReader {
  session(session: number, state: SessionState): void;
  sessionEnd(session: number): void;
  subscribe(
    session: number,
    filter: string,
    subscription: StoredSubscription | undefined,
  ): void;
  message(id: number, message: StoredMessage): void;
  enqueue(
    session: number,
    id: number,
    message: number,
    delivery: DeliveryState,
  ): void;
  send(session: number, id: number, packetId: number): void;
  release(session: number, id: number): void;
  settle(session: number, id: number): void;
  receive(session: number, packetId: number, unreleased: boolean): void;
  will(session: number, will: Uint8Array | null): void;
  retain(topic: string, message: number | undefined): void;
}

const enum Op {
  Session = 1,
  SessionEnd,
  Subscribe,
  Unsubscribe,
  Message,
  Enqueue,
  Send,
  Release,
  Settle,
  Receive,
  Complete,
  Will,
  Retain,
  Unretain,
}

/** Flags of a delivery beside its QoS. */
const RETAIN = 4;
const IDENTIFIERS = 8;
const SHARED = 16;
const SENT = 32;

const encoder = new TextEncoder();
// [MQTT-1.5.4-3] a U+FEFF that a text begins with is part of it
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** A buffer larger than this does not stay. */
const KEPT = 1 << 20;

/** Writes a journal. */
export class JournalWriter implements JournalReader {
  #bytes = new Uint8Array(4096);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** How many bytes are written. */
  get length(): number {
    return this.#length;
  }

  /** What is written: a view, until more is. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Begins anew. */
  clear(): void {
    this.#length = 0;
    if (this.#bytes.length > KEPT) this.#allocate(4096);
  }

  session(session: number, state: SessionState): void {
    this.#op(Op.Session, session);
    this.#text(state.clientId);
    this.#text(state.client);
    this.#number(state.expiryInterval);
    this.#time(state.expiresAt);
  }

  sessionEnd(session: number): void {
    this.#op(Op.SessionEnd, session);
  }

  subscribe(
    session: number,
    filter: string,
    subscription: StoredSubscription | undefined,
  ): void {
    if (subscription === undefined) {
      this.#op(Op.Unsubscribe, session);
      this.#text(filter);
      return;
    }
    this.#op(Op.Subscribe, session);
    this.#text(filter);
    this.#number(subscription.options);
    this.#number(subscription.identifier ?? 0);
  }

  message(id: number, { flags, expiresAt, bytes }: StoredMessage): void {
    this.#op(Op.Message, id);
    this.#number(flags);
    this.#time(expiresAt ?? undefined);
    this.#blob(bytes);
  }

  enqueue(
    session: number,
    id: number,
    message: number,
    { qos, retain, identifiers, shared, packetId }: DeliveryState,
  ): void {
    this.#op(Op.Enqueue, session);
    this.#number(id);
    this.#number(message);
    this.#number(
      qos | (retain ? RETAIN : 0) |
        (identifiers === undefined ? 0 : IDENTIFIERS) |
        (shared === undefined ? 0 : SHARED) |
        (packetId === undefined ? 0 : SENT),
    );
    if (packetId !== undefined) this.#number(packetId);
    if (identifiers !== undefined) {
      this.#number(identifiers.length);
      for (const identifier of identifiers) this.#number(identifier);
    }
    if (shared !== undefined) this.#text(shared);
  }

  send(session: number, id: number, packetId: number): void {
    this.#op(Op.Send, session);
    this.#number(id);
    this.#number(packetId);
  }

  release(session: number, id: number): void {
    this.#op(Op.Release, session);
    this.#number(id);
  }

  settle(session: number, id: number): void {
    this.#op(Op.Settle, session);
    this.#number(id);
  }

  receive(session: number, packetId: number, unreleased: boolean): void {
    this.#op(unreleased ? Op.Receive : Op.Complete, session);
    this.#number(packetId);
  }

  will(session: number, will: Uint8Array | null): void {
    this.#op(Op.Will, session);
    this.#blob(will ?? new Uint8Array());
  }

  retain(topic: string, message: number | undefined): void {
    this.#op(message === undefined ? Op.Unretain : Op.Retain, message ?? 0);
    this.#text(topic);
  }

  /** Each change begins with what it is and whose. */
  #op(op: Op, whose: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = op;
    this.#number(whose);
  }

  /** A whole number from 0: seven bits a byte, the lowest first. */
  #number(value: number): void {
    this.#reserve(8);
    while (value >= 0x80) {
      this.#bytes[this.#length++] = value % 0x80 | 0x80;
      value = Math.floor(value / 0x80);
    }
    this.#bytes[this.#length++] = value;
  }

  #time(value: number | undefined): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#length, value ?? NaN);
    this.#length += 8;
  }

  #text(text: string): void {
    this.#reserve(8 + 3 * text.length);
    // How long it is stands in front, and is known once it is written.
    const at = this.#length;
    const { written } = encoder.encodeInto(
      text,
      this.#bytes.subarray(at + 8),
    );
    this.#number(written);
    this.#bytes.copyWithin(this.#length, at + 8, at + 8 + written);
    this.#length += written;
  }

  #blob(bytes: Uint8Array): void {
    this.#number(bytes.length);
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const old = this.bytes;
    this.#allocate(Math.max(needed, 2 * this.#bytes.length));
    this.#bytes.set(old);
  }

  #allocate(size: number): void {
    this.#bytes = new Uint8Array(size);
    this.#view = new DataView(this.#bytes.buffer);
  }
}

/**
 * Reads a row of a journal.
 *
 * @throws {RangeError} If it is not one.
 */
export function readJournal(bytes: Uint8Array, reader: JournalReader): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (let unit = 1;; unit *= 0x80) {
      const byte = view.getUint8(at++);
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
    }
  };
  const time = (): number | undefined => {
    const value = view.getFloat64(at);
    at += 8;
    return Number.isNaN(value) ? undefined : value;
  };
  const blob = (): Uint8Array => {
    const length = number();
    if (at + length > bytes.length) throw new RangeError("It is cut off");
    at += length;
    return bytes.subarray(at - length, at);
  };
  const text = (): string => decoder.decode(blob());
  while (at < bytes.length) {
    const op = view.getUint8(at++) as Op;
    const whose = number();
    switch (op) {
      case Op.Session: {
        const clientId = text();
        const client = text();
        const expiryInterval = number();
        const expiresAt = time();
        reader.session(whose, { clientId, client, expiryInterval, expiresAt });
        break;
      }
      case Op.SessionEnd:
        reader.sessionEnd(whose);
        break;
      case Op.Subscribe: {
        const filter = text();
        const options = number();
        const identifier = number() || undefined;
        reader.subscribe(whose, filter, { options, identifier });
        break;
      }
      case Op.Unsubscribe:
        reader.subscribe(whose, text(), undefined);
        break;
      case Op.Message: {
        const flags = number();
        const expiresAt = time() ?? null;
        reader.message(whose, { flags, expiresAt, bytes: blob() });
        break;
      }
      case Op.Enqueue: {
        const id = number();
        const message = number();
        const flags = number();
        reader.enqueue(whose, id, message, {
          qos: (flags & 3) as Qos as 1 | 2,
          retain: (flags & RETAIN) !== 0,
          packetId: flags & SENT ? number() : undefined,
          identifiers: flags & IDENTIFIERS
            ? Array.from({ length: number() }, number)
            : undefined,
          shared: flags & SHARED ? text() : undefined,
        });
        break;
      }
      case Op.Send:
        reader.send(whose, number(), number());
        break;
      case Op.Release:
        reader.release(whose, number());
        break;
      case Op.Settle:
        reader.settle(whose, number());
        break;
      case Op.Receive:
        reader.receive(whose, number(), true);
        break;
      case Op.Complete:
        reader.receive(whose, number(), false);
        break;
      case Op.Will: {
        const will = blob();
        reader.will(whose, will.length === 0 ? null : will);
        break;
      }
      case Op.Retain:
        reader.retain(text(), whose);
        break;
      case Op.Unretain:
        reader.retain(text(), undefined);
        break;
      default:
        throw new RangeError(`It has a change of kind ${op}`);
    }
  }
}

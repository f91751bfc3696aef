/**
 * SUBSCRIBE, UNSUBSCRIBE and PINGREQ: what is asked, until it is answered, over
 * as many connections as that takes.
 */

import {
  ProtocolError,
  type ProtocolVersion,
  Queue,
  type ReasonCode,
  type SubackPacket,
  type SubscribePacket,
  type UnsubackPacket,
  type UnsubscribePacket,
} from "../codec/mod.ts";
import { Capabilities } from "./_capabilities.ts";
import type { Connection } from "./_connection.ts";
import { ConnectionLostError, RequestError } from "./error.ts";
import type { Pending } from "./_pending.ts";
import { describeReason } from "./_reason.ts";

/** The answer to a request with a packet identifier. */
type Answer = SubackPacket | UnsubackPacket;

/** SUBSCRIBE or UNSUBSCRIBE, without a packet identifier. */
export type Question =
  | Omit<SubscribePacket, "packetId">
  | Omit<UnsubscribePacket, "packetId">;

/** Who asks. */
export interface Asker {
  /** Whether it has given up. */
  readonly settled: boolean;
  resolve(reasonCodes: ReasonCode[]): void;
  reject(error: Error): void;
}

/** A request, as long as it is not answered. */
export interface Request {
  /**
   * What is sent.
   *
   * @throws {RequestError} If the broker cannot do it.
   */
  question(capabilities: Capabilities): Question;
  /** Is told what the broker answers to which filter, whoever asked. */
  answered?(filter: string, reasonCode: ReasonCode): void;
  /** Whether a filter that is refused is no error. */
  readonly allowFailures: boolean;
  readonly asker: Asker;
  /** Whether it is asked again on the next connection. */
  readonly lasting: boolean;
}

/** A request on its way. */
interface Asked {
  readonly request: Request;
  readonly type: Answer["type"];
  readonly filters: readonly string[];
}

export class Requests {
  readonly #version: ProtocolVersion;
  readonly #nextId: () => number;
  readonly #asked = new Map<number, Asked>();
  /** One for each PINGREQ; the keep alive's own are `undefined`. */
  readonly #pings = new Queue<Pending<void> | undefined>();
  /** What waits for a connection, in its order. */
  #waiting: (() => void)[] = [];
  #connection: Connection | undefined;
  #capabilities: Capabilities;

  /** @param nextId Makes packet identifiers. */
  constructor(version: ProtocolVersion, nextId: () => number) {
    this.#version = version;
    this.#nextId = nextId;
    this.#capabilities = new Capabilities(version);
  }

  /** How many packet identifiers wait for their answers. */
  get size(): number {
    return this.#asked.size;
  }

  /** Whether a packet identifier waits for its answer. */
  has(packetId: number): boolean {
    return this.#asked.has(packetId);
  }

  /** A connection is open. */
  start(connection: Connection, capabilities: Capabilities): void {
    this.#connection = connection;
    this.#capabilities = capabilities;
  }

  /** Asks what has waited for the connection. */
  resume(): void {
    for (const ask of this.#waiting.splice(0)) ask();
  }

  /** The connection is gone, but another is to come. */
  pause(): void {
    this.#connection = undefined;
    const later = this.#waiting.splice(0);
    const asked = [...this.#asked.values()];
    this.#asked.clear();
    for (const { request } of asked) if (request.lasting) this.ask(request);
    for (;;) {
      if (this.#pings.size === 0) break;
      const pending = this.#pings.shift();
      if (pending !== undefined) this.ping(pending);
    }
    this.#waiting.push(...later);
  }

  /** The connection is gone for good. The promises were told already. */
  stop(): void {
    this.#connection = undefined;
    this.#waiting = [];
    this.#asked.clear();
    this.#pings.clear();
  }

  /** Asks, as soon as there is a connection. */
  ask(request: Request): void {
    const connection = this.#connection;
    if (!connection?.connected) {
      this.#waiting.push(() => {
        if (!request.asker.settled) this.ask(request);
      });
      return;
    }
    try {
      const question = request.question(this.#capabilities);
      const packetId = this.#nextId();
      connection.send({ ...question, packetId });
      this.#asked.set(packetId, askedBy(request, question));
    } catch (error) {
      request.asker.reject(error as Error);
    }
  }

  /** SUBACK or UNSUBACK has come. */
  answer(packet: Answer): void {
    const asked = this.#asked.get(packet.packetId);
    if (asked === undefined) return;
    this.#asked.delete(packet.packetId);
    const { type, filters, request } = asked;
    const wrong = this.#wrong(asked, packet);
    if (wrong !== undefined) {
      const message = `Connection lost: ${wrong.message}`;
      request.asker.reject(new ConnectionLostError(message, { cause: wrong }));
      throw wrong;
    }
    // Before 5.0 UNSUBACK has no codes: it always is a success.
    const reasonCodes: ReasonCode[] = type === "unsuback" && this.#version < 5
      ? filters.map(() => 0)
      : packet.reasonCodes;
    filters.forEach((filter, index) =>
      request.answered?.(filter, reasonCodes[index]!)
    );
    if (
      request.allowFailures || reasonCodes.every((code) => code < 0x80)
    ) {
      request.asker.resolve(reasonCodes);
    } else {
      request.asker.reject(refusal(asked, { ...packet, reasonCodes }));
    }
  }

  /** What is wrong with an answer, if it is none. */
  #wrong({ type, filters }: Asked, packet: Answer): ProtocolError | undefined {
    if (packet.type !== type) {
      return new ProtocolError(`${packet.type} came where ${type} should`);
    }
    if (type === "unsuback" && this.#version < 5) return undefined;
    const { length } = packet.reasonCodes;
    if (length === filters.length) return undefined;
    return new ProtocolError(
      `${type} has ${length} reason codes for ${filters.length} filters`,
    );
  }

  /** Asks for a sign of life, as soon as there is a connection. */
  ping(pending: Pending<void>): void {
    const connection = this.#connection;
    if (!connection?.connected) {
      this.#waiting.push(() => {
        if (!pending.settled) this.ping(pending);
      });
      return;
    }
    this.#pings.push(pending);
    connection.ping();
  }

  /** The keep alive has sent a PINGREQ. */
  pinged(): void {
    this.#pings.push(undefined);
  }

  /** PINGRESP has come. */
  pingresp(): void {
    this.#pings.shift()?.resolve();
  }
}

function askedBy(request: Request, question: Question): Asked {
  return question.type === "subscribe"
    ? {
      request,
      type: "suback",
      filters: question.subscriptions.map(({ filter }) => filter),
    }
    : { request, type: "unsuback", filters: question.filters };
}

function action(type: Answer["type"]): string {
  return type === "suback" ? "subscribe to" : "unsubscribe from";
}

function quoted(filters: readonly string[]): string {
  return filters.map((filter) => JSON.stringify(filter)).join(", ");
}

function refusal(
  { type, filters }: Asked,
  { reasonCodes, properties }: Answer,
): RequestError {
  const refused = filters.filter((_, index) => reasonCodes[index]! >= 0x80);
  const first = reasonCodes.find((code) => code >= 0x80)!;
  return new RequestError(
    `Cannot ${action(type)} ${quoted(refused)}: ${
      describeReason(first, properties)
    }`,
    reasonCodes,
    properties === undefined ? {} : { properties },
  );
}

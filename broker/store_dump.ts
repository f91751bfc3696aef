/**
 * A store as text: JSON Lines, independent of how a store keeps it.
 *
 * The first line says what it is, the last one that it is whole. Each of the
 * others is one thing that the store has; `docs/persistence.md` has the table.
 *
 * @module
 */

import { type Qos, topicFilterError, type Will } from "../codec/mod.ts";
import { fromLine, type Line, LineError, toLine } from "./_dump_line.ts";
import { BrokerError } from "./error.ts";
import { Message, type MessageProperties } from "./message.ts";
import type { ClientInfo } from "./plugin.ts";
import type { Change } from "./store.ts";

/** The version of the format: another one where old programs cannot read it. */
const FORMAT = 1;

/** A message that several lines name. */
interface Shared {
  readonly id: number;
  /** How often it will be named yet. */
  left: number;
}

/**
 * Writes a store as text.
 *
 * @param changes What it has, as `readStore()` or `load()` of a store gives it.
 * @returns The lines, without line ends.
 */
export function* dumpLines(
  changes: Iterable<Change>,
): Generator<string, void, undefined> {
  const shared = new Map<Message, Shared>();
  let ids = 0;
  let count = 0;
  yield toLine({ type: "ambermq-store", format: FORMAT });
  for (const change of changes) {
    if (change.type === "retain" || change.type === "enqueue") {
      const { message } = change;
      if (message.holders > 1 && !shared.has(message)) {
        const one = { id: ++ids, left: message.holders };
        shared.set(message, one);
        count++;
        const { id, left } = one;
        yield toLine({
          type: "message",
          id,
          uses: left,
          ...described(message),
        });
      }
    }
    count++;
    yield toLine(lineOf(change, (message) => {
      const one = shared.get(message);
      if (one === undefined) return described(message);
      if (--one.left === 0) shared.delete(message);
      return one.id;
    }));
  }
  yield toLine({ type: "end", lines: count });
}

function lineOf(
  change: Change,
  messageOf: (message: Message) => unknown,
): Line {
  switch (change.type) {
    case "session":
      return change;
    case "subscribe": {
      const { clientId, request, identifier } = change;
      return { type: "subscription", clientId, ...request, identifier };
    }
    case "enqueue":
      return {
        ...change,
        type: "delivery",
        message: messageOf(change.message),
      };
    case "release":
      return { ...change, type: "released" };
    case "receive":
      return { ...change, type: "received" };
    case "will": {
      const { clientId, will } = change;
      return { type: "will", clientId, ...will?.will, dueAt: will?.dueAt };
    }
    case "retain":
      return { type: "retained", message: messageOf(change.message) };
    default:
      throw new TypeError(`Cannot dump a change of type ${change.type}`);
  }
}

function described(message: Message): Record<string, unknown> {
  const { topic, payload, qos, retain, properties, expiresAt } = message;
  return {
    topic,
    payload,
    qos,
    retain,
    properties,
    expiresAt: expiresAt === Infinity ? undefined : Math.ceil(expiresAt),
  };
}

/**
 * Reads a store that was written as text.
 *
 * @param lines The lines of a dump, without line ends.
 * @returns What it has, for `makeStore()`.
 * @throws {BrokerError} If a line is not as it has to be, by its number; if the
 * last line is missing; if the dump is of a newer format.
 */
export async function* readDump(
  lines: AsyncIterable<string> | Iterable<string>,
): AsyncGenerator<Change, void, undefined> {
  const shared = new Map<number, { message: Message; left: number }>();
  /** The last delivery of each. */
  const sessions = new Map<string, number>();
  let number = 0;
  let isOver = false;
  const messageOf = (value: unknown): Message => {
    if (typeof value !== "number") return messageFrom(value as Line);
    const one = shared.get(value);
    if (one === undefined) {
      throw new LineError(`there is no message ${value} before it`);
    }
    if (--one.left === 0) shared.delete(value);
    return one.message;
  };
  for await (const text of lines) {
    number++;
    if (text === "") continue;
    try {
      if (isOver) throw new LineError("there is more behind the end");
      const line = fromLine(text);
      if ((number === 1) !== (line.type === "ambermq-store")) {
        throw new LineError("a dump begins with a line of type ambermq-store");
      }
      switch (line.type) {
        case "ambermq-store":
          if (line["format"] !== FORMAT) {
            throw new LineError(
              `it is of format ${line["format"]}, known is ${FORMAT}: it was ` +
                "written by another version of AmberMQ",
            );
          }
          break;
        case "message":
          shared.set(line["id"] as number, {
            message: messageFrom(line),
            left: line["uses"] as number,
          });
          break;
        case "end":
          isOver = true;
          if (line["lines"] !== number - 2) {
            throw new LineError(
              `${line["lines"]} lines were written, ${number - 2} are there`,
            );
          }
          break;
        default:
          yield changeOf(line, messageOf, sessions);
      }
    } catch (error) {
      const wrong = error instanceof LineError || error instanceof TypeError ||
        error instanceof RangeError;
      if (!wrong) throw error;
      throw new BrokerError(
        `Cannot read the dump: line ${number}: ${error.message}`,
        { cause: error },
      );
    }
  }
  if (isOver) return;
  throw new BrokerError(
    "Cannot read the dump: its last line is missing, it is not whole",
  );
}

function changeOf(
  line: Line,
  messageOf: (value: unknown) => Message,
  sessions: Map<string, number>,
): Change {
  if (line.type === "retained") {
    const message = messageOf(line["message"]);
    if (message.empty) {
      throw new LineError("without a payload none is retained");
    }
    return { type: "retain", message };
  }
  const clientId = line["clientId"] as string;
  const lastId = sessions.get(clientId);
  if ((lastId === undefined) !== (line.type === "session")) {
    throw new LineError(
      `there is ${lastId === undefined ? "no" : "a"} session ${
        JSON.stringify(clientId)
      } before it`,
    );
  }
  switch (line.type) {
    case "session": {
      sessions.set(clientId, 0);
      const { expiryInterval, expiresAt } = line;
      const client = { ...nobody, ...line["client"] as ClientInfo };
      if (client.clientId !== clientId) {
        throw new LineError("client: clientId is that of another session");
      }
      return {
        clientId,
        client,
        expiryInterval,
        expiresAt,
        type: "session",
      } as Change;
    }
    case "subscription": {
      const { filter, qos, noLocal, retainAsPublished, retainHandling } = line;
      const wrong = topicFilterError(filter as string);
      if (wrong !== undefined) throw new LineError(`filter: ${wrong}`);
      const request = {
        filter,
        qos,
        noLocal,
        retainAsPublished,
        retainHandling,
      };
      const { identifier } = line;
      return { type: "subscribe", clientId, request, identifier } as Change;
    }
    case "delivery": {
      const id = line["id"] as number;
      if (id <= lastId!) {
        throw new LineError(`id is ${id}, not larger than the one before it`);
      }
      sessions.set(clientId, id);
      return {
        identifiers: undefined,
        shared: undefined,
        packetId: undefined,
        ...line,
        type: "enqueue",
        message: messageOf(line["message"]),
      } as unknown as Change;
    }
    case "released":
      return { type: "release", clientId, id: line["id"] as number };
    case "received":
      return {
        type: "receive",
        clientId,
        packetId: line["packetId"] as number,
      };
    default: {
      const { type: _, clientId: __, dueAt, ...will } = line;
      checkWill(will as unknown as Will);
      return {
        type: "will",
        clientId,
        will: { will, dueAt },
      } as unknown as Change;
    }
  }
}

/** As `messageFrom` does. */
function checkWill(will: Will): void {
  const { willDelayInterval: _, ...properties } = will.properties ?? {};
  Message.from({ ...will, properties }, 0);
}

/** What JSON leaves out. */
const nobody = {
  username: undefined,
  address: undefined,
  certificate: undefined,
};

/** Checks all that the codec would, so that none fails at a receiver. */
function messageFrom(line: Line | Record<string, unknown>): Message {
  const { topic, payload, qos, retain, properties, expiresAt } = line as {
    topic: string;
    payload: Uint8Array;
    qos: Qos;
    retain: boolean;
    properties?: MessageProperties;
    expiresAt?: number;
  };
  const seconds = properties?.messageExpiryInterval;
  if ((seconds === undefined) !== (expiresAt === undefined)) {
    throw new LineError(
      "expiresAt and messageExpiryInterval belong together, one is missing",
    );
  }
  return Message.from(
    { topic, payload, qos, retain, properties },
    (expiresAt ?? 0) - (seconds ?? 0) * 1000,
  );
}

/** Random histories of changes, as a broker makes them, and what they come to. */

import {
  type Change,
  MemoryStore,
  Message,
  type Store,
} from "../../broker/mod.ts";
import type { Qos, RetainHandling } from "../../codec/mod.ts";
import type { Random } from "../_random.ts";
import { clientOf } from "./_parts.ts";

/** What is known of a delivery. */
interface Delivery {
  readonly id: number;
  readonly qos: 1 | 2;
  sent: boolean;
  released: boolean;
}

interface Client {
  lastId: number;
  deliveries: Delivery[];
  readonly received: Set<number>;
}

const topics = ["a", "b/c", "ü", "d"];

/** Makes changes, records them in a store, and knows what is committed. */
export class History {
  readonly #random: Random;
  readonly #model = new MemoryStore();
  readonly #clients = new Map<string, Client>();
  #messages: Message[] = [];
  #time = 1_700_000_000_000;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Some changes that belong to one turn. */
  turn(): Change[] {
    const random = this.#random;
    const changes: Change[] = [];
    for (let left = random.integer(1, 12); left > 0; left--) {
      changes.push(...this.#some());
    }
    for (const change of changes) this.#model.record(change);
    return changes;
  }

  /** What a store has to load once everything is committed. */
  async committed(): Promise<string[]> {
    this.#model.commit();
    return await stateOf(this.#model);
  }

  #some(): Change[] {
    const random = this.#random;
    const clientId = `client ${random.integer(1, 4)}`;
    const client = this.#clients.get(clientId);
    if (client === undefined) {
      this.#clients.set(clientId, {
        lastId: 0,
        deliveries: [],
        received: new Set(),
      });
      return [this.#session(clientId)];
    }
    switch (random.integer(0, 15)) {
      case 0:
        return random.percent(80) ? [this.#session(clientId)] : this.#end();
      case 1:
        return [{
          type: "subscribe",
          clientId,
          request: {
            filter: random.pick(topics),
            qos: random.integer(0, 2) as Qos,
            noLocal: random.boolean(),
            retainAsPublished: random.boolean(),
            retainHandling: random.integer(0, 2) as RetainHandling,
          },
          identifier: random.boolean() ? random.integer(1, 300) : undefined,
        }];
      case 2:
        return [{
          type: "unsubscribe",
          clientId,
          filter: random.pick(topics),
        }];
      case 3:
        return [{
          type: "will",
          clientId,
          will: random.boolean() ? undefined : {
            will: {
              topic: random.pick(topics),
              payload: this.#payload(),
              qos: random.integer(0, 2) as Qos,
              retain: random.boolean(),
              ...(random.boolean() ? {} : {
                properties: { willDelayInterval: random.integer(0, 9) },
              }),
            },
            dueAt: random.boolean() ? undefined : this.#time++,
          },
        }];
      case 4:
      case 5:
        return [
          random.percent(70)
            ? { type: "retain", message: this.#message() }
            : { type: "unretain", topic: random.pick(topics) },
        ];
      case 6:
        return [this.#receive(clientId, client)];
      case 7:
      case 8:
      case 9:
      case 10:
        return this.#enqueue();
      default:
        return this.#go(clientId, client);
    }
  }

  #session(clientId: string): Change {
    const random = this.#random;
    return {
      type: "session",
      clientId,
      client: {
        ...clientOf(clientId),
        username: random.boolean() ? "ü" : undefined,
      },
      expiryInterval: random.integer(1, 0xffff_ffff),
      expiresAt: random.boolean() ? undefined : this.#time++ + 0.5,
    };
  }

  #end(): Change[] {
    const clientId = this.#random.pick([...this.#clients.keys()]);
    this.#clients.delete(clientId);
    return [{ type: "session_end", clientId }];
  }

  #receive(clientId: string, { received }: Client): Change {
    const packetId = this.#random.integer(1, 6);
    const had = received.delete(packetId);
    if (!had) received.add(packetId);
    return { type: had ? "complete" : "receive", clientId, packetId };
  }

  /** One message for some of the clients. */
  #enqueue(): Change[] {
    const random = this.#random;
    const message = random.percent(90) || this.#messages.length === 0
      ? this.#message()
      : random.pick(this.#messages);
    const changes: Change[] = [];
    for (const [clientId, client] of this.#clients) {
      if (random.percent(40)) continue;
      const id = ++client.lastId;
      const qos = random.integer(1, 2) as 1 | 2;
      const sent = random.boolean();
      client.deliveries.push({ id, qos, sent, released: false });
      changes.push({
        type: "enqueue",
        clientId,
        id,
        message,
        qos,
        retain: random.boolean(),
        identifiers: random.percent(80) ? undefined : [1, 300],
        shared: random.percent(80) ? undefined : "$share/g/a",
        packetId: sent ? id : undefined,
      });
    }
    return changes;
  }

  /** A delivery goes on. */
  #go(clientId: string, client: Client): Change[] {
    const random = this.#random;
    if (client.deliveries.length === 0) return [];
    const at = random.integer(0, client.deliveries.length - 1);
    const delivery = client.deliveries[at]!;
    const { id, qos } = delivery;
    if (!delivery.sent && random.percent(60)) {
      delivery.sent = true;
      return [{ type: "send", clientId, id, packetId: id }];
    }
    if (
      qos === 2 && delivery.sent && !delivery.released && random.percent(80)
    ) {
      delivery.released = true;
      return [{ type: "release", clientId, id }];
    }
    client.deliveries.splice(at, 1);
    return [{ type: "settle", clientId, id }];
  }

  #message(): Message {
    const random = this.#random;
    const message = new Message({
      topic: random.pick(topics),
      payload: this.#payload(),
      qos: random.integer(0, 2) as Qos,
      retain: random.boolean(),
      properties: random.boolean() ? undefined : {
        userProperties: [["b", "1"], ["a", ""], ["b", "1"]],
        correlationData: this.#payload(),
        ...(random.boolean() ? { messageExpiryInterval: 60 } : {}),
      },
    }, this.#time++);
    message.keep();
    this.#messages.push(message);
    if (this.#messages.length > 10) this.#messages.shift();
    return message;
  }

  #payload(): Uint8Array {
    const random = this.#random;
    const length = random.percent(3) ? 9000 : random.integer(0, 60);
    return new Uint8Array(random.array(length, () => random.integer(0, 255)));
  }
}

/** What a store loads, in an order that does not depend on the store. */
export async function stateOf(store: Store): Promise<string[]> {
  const lines: string[] = [];
  for await (const change of store.load()) {
    const { message, ...rest } = "message" in change
      ? change
      : { ...change, message: undefined };
    const shown = message === undefined ? {} : {
      topic: message.topic,
      payload: hex(message.payload),
      qos: message.qos,
      retain: message.retain,
      properties: message.properties,
      expiresAt: String(message.expiresAt),
    };
    lines.push(JSON.stringify(
      sorted({ ...rest, message: shown }),
      (_, value) => value instanceof Uint8Array ? hex(value) : value,
    ));
  }
  return lines.sort();
}

function hex(bytes: Uint8Array): string {
  return bytes.length > 100
    ? `${bytes.length}: ${bytes.reduce((sum, one) => (sum * 31 + one) | 0, 0)}`
    : Array.from(bytes, (byte) => byte.toString(16)).join(" ");
}

/** The same with all keys in order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (
    typeof value !== "object" || value === null || value instanceof Uint8Array
  ) return value;
  return Object.fromEntries(
    Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1)
      .map(([key, own]) => [key, sorted(own)]),
  );
}

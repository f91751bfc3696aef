/**
 * The traffic of a soak: each part is a loop that goes on until it is told to
 * end, and knows what has to come of what it sends.
 */

import type { Histogram } from "../../bench/_histogram.ts";
import {
  type Dial,
  dial,
  type IncomingApplicationMessage,
  MQTTClient,
} from "../../client/mod.ts";
import { encode } from "../../codec/mod.ts";
import { Lane, Pool, type Report } from "./_ledger.ts";

/** What the parts of the traffic have in common. */
export interface Ground {
  readonly url: string;
  /** Messages a second, all parts together. */
  readonly rate: number;
  readonly signal: AbortSignal;
  readonly report: Report;
  /** Milliseconds on the way, of the current second. */
  latency: Histogram;
  /** Messages that came, of the current second. */
  messages: number;
}

/** What a part has sent, for the sum in the end. */
export interface Part {
  readonly name: string;
  readonly sent: number;
  readonly missing: number;
}

const encoder = new TextEncoder();

/** Waits, no longer than until the end. */
export function pause(
  milliseconds: number,
  signal?: AbortSignal,
): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(done, milliseconds);
    signal?.addEventListener("abort", done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    }
  });
}

/** Does something so many times a second, until the end. */
async function each(
  rate: number,
  { signal }: Ground,
  step: () => Promise<unknown>,
): Promise<void> {
  const start = performance.now();
  for (let count = 0; !signal.aborted;) {
    const due = Math.floor((performance.now() - start) / 1000 * rate);
    // What a busy machine did not get to is not made up for in one go.
    const burst = Math.min(due - count, Math.ceil(rate));
    for (let i = 0; i < burst && !signal.aborted; i++) await step();
    count = due;
    await pause(20, signal);
  }
}

/** A connection that can be cut, as networks do it. */
class Cable {
  #cut: (() => void) | undefined;

  /** For the option `dial` of a client. */
  readonly dial: Dial = async (url, options) => {
    const transport = await dial(url, options);
    let open = true;
    const close = (): void => {
      if (!open) return;
      open = false;
      transport.close();
    };
    this.#cut = close;
    return {
      read: (buffer) => transport.read(buffer),
      write: (bytes) => transport.write(bytes),
      close,
    };
  };

  /** The broker sees the end of the connection, and the client too. */
  cut(): void {
    this.#cut?.();
  }
}

/** Number and time of a message, and padding. */
function payloadOf(number: number, size = 0): Uint8Array {
  return encoder.encode(`${number} ${performance.now()} `.padEnd(size, "."));
}

function read(
  message: IncomingApplicationMessage,
  ground: Ground,
  timed = true,
): number {
  const [number = "", sentAt = ""] = message.text().split(" ", 2);
  ground.messages++;
  if (timed) {
    ground.latency.add((performance.now() - Number(sentAt)) * 1000);
  }
  return Number(number);
}

/** Hands on what comes, until the client is done. */
async function receive(
  client: MQTTClient,
  handle: (message: IncomingApplicationMessage) => void,
): Promise<void> {
  for await (const message of client.messages()) handle(message);
}

/** A publisher and a subscriber that stay, with one QoS. */
export async function steady(ground: Ground, qos: 0 | 1 | 2): Promise<Part> {
  const topic = `soak/steady/${qos}`;
  const lane = new Lane(topic, ground.report, qos === 0);
  const subscriber = new MQTTClient({ url: ground.url });
  const publisher = new MQTTClient({ url: ground.url, protocolVersion: 5 });
  await Promise.all([subscriber.connect(), publisher.connect()]);
  await subscriber.subscribe(topic, { qos });
  const receiving = receive(subscriber, (message) => {
    lane.receive(read(message, ground), message.dup);
  });
  await each(
    ground.rate / 5,
    ground,
    () => publisher.publish(topic, payloadOf(lane.next(), 100), { qos }),
  );
  await drained(lane);
  await Promise.all([publisher.disconnect(), subscriber.disconnect()]);
  await receiving;
  return {
    name: topic,
    sent: lane.sent,
    missing: qos === 0 ? 0 : lane.missing,
  };
}

/** Waits until all has come, or it is clear that something never will. */
async function drained(lane: { readonly missing: number }): Promise<void> {
  for (let tries = 0; lane.missing > 0 && tries < 100; tries++) {
    await pause(100);
  }
}

/** A session whose connection is cut again and again, while messages wait. */
export async function unsteady(ground: Ground, qos: 1 | 2): Promise<Part> {
  const topic = `soak/unsteady/${qos}`;
  const lane = new Lane(topic, ground.report);
  const cable = new Cable();
  const subscriber = new MQTTClient({
    url: ground.url,
    clientId: `soak-unsteady-${qos}`,
    protocolVersion: 5,
    cleanStart: false,
    properties: { sessionExpiryInterval: 600, receiveMaximum: 20 },
    reconnectMaxInterval: 1,
    dial: cable.dial,
  });
  const publisher = new MQTTClient({ url: ground.url, protocolVersion: 5 });
  await Promise.all([subscriber.connect(), publisher.connect()]);
  await subscriber.subscribe(topic, { qos });
  const receiving = receive(subscriber, (message) => {
    lane.receive(read(message, ground, false), message.dup);
  });
  const cutting = (async () => {
    while (!ground.signal.aborted) {
      await pause(2000, ground.signal);
      if (!ground.signal.aborted) cable.cut();
    }
  })();
  await each(
    ground.rate / 20,
    ground,
    () => publisher.publish(topic, payloadOf(lane.next(), 50), { qos }),
  );
  await cutting;
  // That it comes shows that the subscriber is back.
  await publisher.publish(topic, payloadOf(lane.next()), { qos });
  await drained(lane);
  await publisher.disconnect();
  await subscriber.disconnect({ properties: { sessionExpiryInterval: 0 } });
  await receiving;
  return { name: topic, sent: lane.sent, missing: lane.missing };
}

/** A shared subscription with members that come and go. */
export async function shared(ground: Ground): Promise<Part> {
  const topic = "soak/shared";
  const pool = new Pool(topic);
  const member = async (): Promise<[MQTTClient, Promise<void>]> => {
    const client = new MQTTClient({ url: ground.url, protocolVersion: 5 });
    await client.connect();
    const receiving = receive(client, (message) => {
      pool.receive(read(message, ground));
    });
    await client.subscribe(`$share/workers/${topic}`, { qos: 1 });
    return [client, receiving];
  };
  const stays = await member();
  const changing = (async () => {
    while (!ground.signal.aborted) {
      const [client, receiving] = await member();
      await pause(1500, ground.signal);
      await client.unsubscribe(`$share/workers/${topic}`);
      await client.disconnect();
      await receiving;
    }
  })();
  const publisher = new MQTTClient({ url: ground.url });
  await publisher.connect();
  await each(
    ground.rate / 10,
    ground,
    () => publisher.publish(topic, payloadOf(pool.next(), 60), { qos: 1 }),
  );
  await changing;
  await drained(pool);
  await Promise.all([publisher.disconnect(), stays[0].disconnect()]);
  await stays[1];
  return { name: topic, sent: pool.sent, missing: pool.missing };
}

/** Clients that come, do a little and go, one way or the other, with wills. */
export async function visitors(ground: Ground): Promise<Part> {
  const pool = new Pool("soak/wills and retained");
  const watcher = new MQTTClient({ url: ground.url });
  await watcher.connect();
  await watcher.subscribe("soak/will/+", { qos: 1 });
  const receiving = receive(watcher, (message) => {
    pool.receive(read(message, ground, false));
  });
  let count = 0;
  await each(10, ground, async () => {
    const visitor = count++;
    const lost = visitor % 3 === 0;
    const number = lost ? pool.next() : 0;
    const cable = new Cable();
    const client = new MQTTClient({
      url: ground.url,
      protocolVersion: ([3, 4, 5] as const)[visitor % 3]!,
      autoReconnect: false,
      will: {
        topic: `soak/will/${visitor % 50}`,
        payload: payloadOf(number),
        qos: 1,
      },
      dial: cable.dial,
    });
    await client.connect();
    const topic = `soak/retained/${visitor % 200}`;
    const text = `${visitor} `.padEnd(500, "r");
    await client.publish(topic, text, { qos: 1, retain: true });
    await client.subscribe(topic, { qos: 1 });
    const message = await client.deliverMessage({ timeout: 30 });
    if (message?.text() !== text) ground.report(`${topic} is not what it was`);
    ground.messages++;
    if (!lost) return await client.disconnect();
    cable.cut();
    await client.closed;
  });
  await drained(pool);
  await watcher.disconnect();
  await receiving;
  await forgetRetained(ground.url);
  return { name: pool.name, sent: pool.sent + count, missing: pool.missing };
}

async function forgetRetained(url: string): Promise<void> {
  const client = new MQTTClient({ url });
  await client.connect();
  for (let at = 0; at < 200; at++) {
    await client.publish(`soak/retained/${at}`, "", { retain: true, qos: 1 });
  }
  await client.disconnect();
}

/** Large payloads. */
export async function large(ground: Ground): Promise<Part> {
  const topic = "soak/large";
  const lane = new Lane(topic, ground.report);
  const client = new MQTTClient({ url: ground.url });
  await client.connect();
  await client.subscribe(topic, { qos: 1 });
  const receiving = receive(client, (message) => {
    const { length } = message.payload;
    if (length !== 256 * 1024) ground.report(`${topic} has ${length} bytes`);
    lane.receive(read(message, ground, false), message.dup);
  });
  await each(
    2,
    ground,
    () => client.publish(topic, payloadOf(lane.next(), 256 * 1024), { qos: 1 }),
  );
  await drained(lane);
  await client.disconnect();
  await receiving;
  return { name: topic, sent: lane.sent, missing: lane.missing };
}

const plain = {
  noLocal: false,
  retainAsPublished: false,
  retainHandling: 0,
} as const;

/** Subscribers that do not read what they asked for. */
export async function stalled(ground: Ground): Promise<Part> {
  const { hostname, port } = new URL(ground.url);
  let count = 0;
  while (!ground.signal.aborted) {
    const connection = await Deno.connect({ hostname, port: Number(port) });
    try {
      await connection.write(encode({
        type: "connect",
        protocolVersion: 4,
        cleanStart: true,
        keepAlive: 0,
        clientId: "",
      }, 4));
      await connection.write(encode({
        type: "subscribe",
        packetId: 1,
        subscriptions: [{ ...plain, filter: "soak/#", qos: 1 }],
      }, 4));
      count++;
      await pause(15_000, ground.signal);
    } catch {
      // The broker has closed it, as it may.
    } finally {
      connection.close();
    }
  }
  return { name: "stalled readers", sent: count, missing: 0 };
}

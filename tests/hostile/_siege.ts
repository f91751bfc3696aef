/**
 * A broker under attack: it listens on real sockets, and two innocent clients
 * exchange messages all the while. What they notice is what counts.
 */

import { assert, assertEquals } from "@std/assert";
import {
  Broker,
  type BrokerConfig,
  type BrokerEvents,
  type ListenerConfig,
} from "../../broker/mod.ts";
import {
  acknowledge,
  connect,
  type ConnectFields,
  type Packet,
  PacketReader,
  publish,
  subscribe,
  type Version,
  within,
} from "../_raw_client.ts";

/**
 * Milliseconds that a message between innocents may take: far more than it does
 * (100), as attackers and other tests have the same few processors.
 */
const PATIENCE = 5000;

/** Megabytes that the memory may grow by, attackers and garbage included. */
export const ROOM = 300;

const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** A connection in the hands of somebody who means no good. */
export class Attacker implements Disposable {
  readonly #connection: Deno.Conn;
  readonly #reader: PacketReader;
  /** Whether the broker has closed, or the connection was lost. */
  ended = false;

  constructor(connection: Deno.Conn, version: Version) {
    this.#connection = connection;
    this.#reader = new PacketReader(version);
  }

  /** Sends all of these bytes; returns whether somebody took them. */
  async send(...parts: readonly Uint8Array[]): Promise<boolean> {
    try {
      for (const part of parts) {
        let rest = part;
        while (rest.length > 0) {
          rest = rest.subarray(await this.#connection.write(rest));
        }
      }
      return true;
    } catch {
      return false;
    }
  }

  /** The next bytes; `undefined` at the end, of whatever kind it is. */
  async read(): Promise<Uint8Array | undefined> {
    const buffer = new Uint8Array(65_536);
    const reading = this.#connection.read(buffer).catch(() => null);
    const count = await within(reading, "bytes or the end");
    this.ended ||= count === null;
    return count === null ? undefined : buffer.subarray(0, count);
  }

  /** The next packet; `undefined` at the end. */
  async next(): Promise<Packet | undefined> {
    for (;;) {
      const packet = this.#reader.next();
      if (packet !== undefined) return packet;
      const bytes = await this.read();
      if (bytes === undefined) return undefined;
      this.#reader.push(bytes);
    }
  }

  /** The next packet of this type, whatever comes before. */
  async until(type: Packet["type"]): Promise<Packet> {
    for (;;) {
      const packet = await this.next();
      if (packet === undefined) throw new Error(`No ${type}, but the end`);
      if (packet.type === type) return packet;
    }
  }

  /** Reads to the end: the code of the last CONNACK or DISCONNECT, if any. */
  async verdict(): Promise<number | undefined> {
    let code: number | undefined;
    for (let packet; (packet = await this.next()) !== undefined;) {
      if (packet.type === "connack" || packet.type === "disconnect") {
        code = packet.code;
      }
    }
    return code;
  }

  [Symbol.dispose](): void {
    try {
      this.#connection.close();
    } catch {
      // It is closed already.
    }
  }
}

/** A broker with its attackers and innocents. */
export class Siege implements AsyncDisposable {
  readonly broker: Broker;
  /** Why connections did not become clients, and why clients' ended. */
  readonly reasons: string[] = [];
  readonly banned: BrokerEvents["broker_address_banned"][] = [];
  readonly #open: Attacker[] = [];
  #skipped = 0;
  #innocents: Promise<void> | undefined;
  #over = false;
  /** Messages that went from one innocent to the other. */
  exchanged = 0;
  /** Milliseconds of the slowest. */
  slowest = 0;

  private constructor(
    config: BrokerConfig,
    listener: ListenerConfig | undefined,
  ) {
    const bind = "127.0.0.1:0";
    this.broker = new Broker({
      listeners: {
        tcp: { bind },
        ...(listener === undefined ? {} : { other: { bind, ...listener } }),
      },
      logger: silent,
      ...config,
      now: () => performance.timeOrigin + performance.now() + this.#skipped,
      plugins: [...(config.plugins as [] ?? []), {
        name: "siege",
        on: {
          broker_connection_refused: ({ reason }) => this.reasons.push(reason),
          broker_client_disconnected: ({ reason, clientId }) => {
            if (!clientId.startsWith("innocent")) this.reasons.push(reason);
          },
          broker_address_banned: (event) => this.banned.push(event),
        },
      }],
    });
  }

  /**
   * A broker is started, and the innocents begin.
   *
   * @param listener What else than TCP it speaks.
   */
  static async lay(
    config: BrokerConfig = {},
    listener?: ListenerConfig,
  ): Promise<Siege> {
    const siege = new Siege(config, listener);
    await siege.broker.start();
    const [publisher, subscriber] = [
      await siege.client({ clientId: "innocent one" }),
      await siege.client({ clientId: "innocent two" }),
    ];
    await subscriber.send(
      subscribe(5, 1, [{ filter: "innocent/topic", qos: 1 }]),
    );
    await subscriber.until("suback");
    siege.#innocents = siege.#exchange(publisher, subscriber);
    return siege;
  }

  /** One message after the other, each acknowledged. */
  async #exchange(publisher: Attacker, subscriber: Attacker): Promise<void> {
    for (let id = 1; !this.#over; id = id % 60_000 + 1) {
      const start = performance.now();
      const fields = { topic: "innocent/topic", payload: "hello", qos: 1 };
      await publisher.send(publish(5, { ...fields, packetId: id }));
      const [, message] = await Promise.all([
        publisher.until("puback"),
        subscriber.until("publish"),
      ]);
      assert(message.type === "publish");
      await subscriber.send(acknowledge("puback", message.packetId));
      this.slowest = Math.max(this.slowest, performance.now() - start);
      this.exchanged++;
      // Not as fast as they can: the attack is to have the machine.
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  /** The port for TCP. */
  get port(): number {
    return this.#portOf("tcp");
  }

  /** The port of the other listener. */
  get otherPort(): number {
    return this.#portOf("other");
  }

  #portOf(name: string): number {
    return this.broker.addresses.find((one) => one.name === name)!.port;
  }

  /** A connection that is open and silent. */
  async open(version: Version = 5, port = this.port): Promise<Attacker> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    conn.setNoDelay(true);
    const attacker = new Attacker(conn, version);
    this.#open.push(attacker);
    return attacker;
  }

  /** A client that was let in. */
  async client(fields: ConnectFields, version: Version = 5): Promise<Attacker> {
    const attacker = await this.open(version);
    await attacker.send(connect(version, fields));
    const packet = await attacker.until("connack");
    assertEquals(packet.type === "connack" && packet.code, 0);
    return attacker;
  }

  /** Sends these bytes by a new connection: what it ends with. */
  async verdictOn(
    ...parts: readonly Uint8Array[]
  ): Promise<number | undefined> {
    const attacker = await this.open();
    await attacker.send(...parts);
    return await attacker.verdict();
  }

  /** Lets so many seconds pass on the broker's clock. */
  pass(seconds: number): void {
    this.broker.sweep();
    this.skip(seconds);
    this.broker.sweep();
  }

  /** Sets the broker's clock on, and has it look at nothing. */
  skip(seconds: number): void {
    this.#skipped += seconds * 1000;
  }

  /** Waits until the innocents have exchanged so many more messages. */
  async peace(count = 5): Promise<void> {
    const enough = this.exchanged + count;
    while (this.exchanged < enough) {
      const one = new Promise((resolve) => setTimeout(resolve, 1));
      await Promise.race([one, this.#innocents]);
    }
  }

  /** Waits until something holds, while the innocents go on. */
  async until(what: string, holds: () => boolean): Promise<void> {
    const deadline = performance.now() + 20_000;
    while (!holds()) {
      if (performance.now() > deadline) throw new Error(`Never: ${what}`);
      await this.peace(1);
    }
  }

  /** Ends it: the innocents have noticed nothing. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.peace();
      this.#over = true;
      await this.#innocents;
      assert(
        this.slowest < PATIENCE,
        `a message between innocents took ${this.slowest} ms`,
      );
      assertEquals(this.broker.metrics.internalErrors, 0);
    } finally {
      this.#over = true;
      for (const attacker of this.#open) attacker[Symbol.dispose]();
      await this.broker[Symbol.asyncDispose]();
    }
  }
}

/**
 * Megabytes that the memory has grown by while something went on: that of this
 * file's tests, as others may run at the same time in the same process.
 */
export async function growth(action: () => Promise<unknown>): Promise<number> {
  const used = (): number => {
    const { heapUsed, external } = Deno.memoryUsage();
    return (heapUsed + external) / 1024 / 1024;
  };
  const before = used();
  await action();
  return Math.round(used() - before);
}

/** A broker in memory, and tests that run against one. */

import { assertEquals } from "@std/assert";
import { Broker, type BrokerConfig, MemoryStore } from "../../broker/mod.ts";
import {
  MemoryListener,
  type MemoryTransportOptions,
} from "../_memory_transport.ts";
import {
  type ConnectFields,
  describe,
  RawClient,
  type Version,
  versionNames,
} from "../_raw_client.ts";

/** When the clock of a bench starts: some time in 2023. */
const START = 1_700_000_000_000;

/** Failures are what many tests are about: they count them. */
const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** A broker with an injected clock, and the clients of a test. */
export class Bench implements AsyncDisposable {
  broker: Broker;
  listener: MemoryListener = new MemoryListener();
  /** The broker's clock. */
  time = START;
  readonly #config: BrokerConfig;
  #clients: RawClient[] = [];
  #serving: Promise<void> | undefined;

  private constructor(config: BrokerConfig) {
    this.#config = {
      listeners: {},
      now: () => this.time,
      store: new MemoryStore(),
      logger: silent,
      ...config,
    };
    this.broker = new Broker(this.#config);
  }

  static async start(config: BrokerConfig = {}): Promise<Bench> {
    const bench = new Bench(config);
    await bench.#start();
    return bench;
  }

  async #start(): Promise<void> {
    await this.broker.start();
    this.#serving = this.broker.serve(this.listener, "memory");
  }

  async #stop(): Promise<void> {
    for (const { connection } of this.#clients) connection.close();
    this.#clients = [];
    await this.broker[Symbol.asyncDispose]();
    await this.#serving;
    assertEquals(this.broker.metrics.internalErrors, 0, "internal errors");
  }

  /** Stops the broker and starts another one with the same store. */
  async restart(): Promise<void> {
    await this.#stop();
    this.listener = new MemoryListener();
    this.broker = new Broker(this.#config);
    await this.#start();
  }

  /** A client whose connection is open and silent. */
  open(version: Version = 5, options?: MemoryTransportOptions): RawClient {
    const client = new RawClient(version, this.listener.connect(options));
    this.#clients.push(client);
    return client;
  }

  /** A client that is connected: the CONNACK was 0. */
  async connect(
    version: Version,
    clientId: string,
    fields: ConnectFields = {},
    options?: MemoryTransportOptions,
  ): Promise<RawClient> {
    const client = this.open(version, options);
    const { code } = await client.connect({ clientId, ...fields });
    assertEquals(code, 0, `the code of the CONNACK for ${clientId}`);
    return client;
  }

  /**
   * Lets so many seconds pass. The broker looks at its deadlines before and
   * after, as it does twice a second by itself.
   */
  pass(seconds: number): void {
    this.broker.sweep();
    this.time += seconds * 1000;
    this.broker.sweep();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stop();
  }
}

/**
 * Asserts that the broker ends the connection: in 5.0 with DISCONNECT and this
 * reason code, before without a word.
 */
export async function assertDisconnected(
  client: RawClient,
  code: number,
): Promise<void> {
  const disconnect = await client.disconnected();
  assertEquals(disconnect?.code, client.version === 5 ? code : undefined);
}

/**
 * Asserts that the broker refuses a CONNECT: with this code in the CONNACK, or
 * without a CONNACK for `undefined`, and then the end.
 */
export async function assertRefused(
  client: RawClient,
  code: number | undefined,
): Promise<void> {
  const packets = await client.untilClosed();
  const [packet] = packets;
  if (packet !== undefined && packet.type !== "connack") {
    throw new Error(`No CONNACK, but ${describe(packet)}`);
  }
  assertEquals(packet?.code, code);
  // [MQTT-3.2.2-6] [MQTT311-3.2.2-4]
  assertEquals(packet?.sessionPresent ?? false, false);
  assertEquals(packets.length, code === undefined ? 0 : 1);
}

/** A test with a broker of its own. */
export function test(
  name: string,
  run: (bench: Bench) => Promise<void>,
  config: () => BrokerConfig = () => ({}),
): void {
  Deno.test(name, async () => {
    await using bench = await Bench.start(config());
    await run(bench);
  });
}

/** One test for each of these protocol versions. */
export function testIn(
  versions: readonly Version[],
  name: string,
  run: (bench: Bench, version: Version) => Promise<void>,
  config?: () => BrokerConfig,
): void {
  for (const version of versions) {
    test(
      `${name} (${versionNames[version]})`,
      (bench) => run(bench, version),
      config,
    );
  }
}

/** All protocol versions. */
export const every: readonly Version[] = [3, 4, 5];
/** Those before 5.0. */
export const old: readonly Version[] = [3, 4];

/** A broker with its store in a folder, and clients of it, for what goes wrong. */

import type { Packet } from "../../mod.ts";
import { BrokerProcess } from "../_broker_process.ts";
import { Process } from "../_process.ts";
import { within } from "../_raw_client.ts";
import { Ledger } from "./_ledger.ts";
import { Peer } from "./_peer.ts";

/** A folder that is gone with the test. */
export class Folder implements AsyncDisposable {
  readonly path: string = Deno.makeTempDirSync({ prefix: "ambermq-faults-" });

  /** The store. */
  get file(): string {
    return `${this.path}/broker.db`;
  }

  start(...more: string[]): BrokerProcess {
    return new BrokerProcess([
      ...["--bind", "127.0.0.1:0", "--persist", this.file],
      ...more,
    ]);
  }

  /** How `ambermq broker` ends that cannot start, and what it says. */
  async refusal(): Promise<string> {
    await using broker = this.start();
    const { code } = await broker.status();
    const said = broker.log.all.find((line) => line.startsWith("ambermq"));
    return `${code}: ${said}`;
  }

  /** Runs `ambermq store`: exit status and all that it said. */
  async store(...args: string[]): Promise<string> {
    const command = ["run", "-A", "--quiet", "cli/mod.ts", "store", ...args];
    await using process = new Process(Deno.execPath(), command);
    const { code } = await process.status();
    const said = [...process.stdout.all, ...process.stderr.all];
    return `${code}: ${said.join("\n")}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** A client that does one thing after the other. */
export class Client extends Peer implements AsyncDisposable {
  readonly #packets: Packet[] = [];
  #wake = () => {};
  #packetId = 0;
  #over = false;

  constructor(name: string) {
    super(name, new Ledger([]));
  }

  static async connect(name: string, port: number): Promise<Client> {
    const client = new Client(name);
    if (await client.connect(port)) return client;
    throw new Error(`${name} cannot connect`);
  }

  protected override receive(packet: Packet): void {
    // A payload is a view of what will be overwritten.
    this.#packets.push(
      packet.type === "publish"
        ? { ...packet, payload: packet.payload.slice() }
        : packet,
    );
    this.#wake();
  }

  protected override ended(): void {
    this.#over = true;
    this.#wake();
  }

  /** The next packet; `undefined` at the end of the connection. */
  async next(): Promise<Packet | undefined> {
    for (;;) {
      const packet = this.#packets.shift();
      if (packet !== undefined || this.#over) return packet;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await within(promise, `a packet for ${this.name}`);
    }
  }

  async subscribe(filter: string): Promise<void> {
    this.send({
      type: "subscribe",
      packetId: ++this.#packetId,
      subscriptions: [{
        filter,
        qos: 1,
        noLocal: false,
        retainAsPublished: false,
        retainHandling: 0,
      }],
    });
    await this.next();
  }

  /** Publishes with QoS 1; tells whether it was acknowledged. */
  async put(topic: string, payload: string, retain = false): Promise<boolean> {
    this.publish(topic, payload, 1, ++this.#packetId, { retain });
    const packet = await this.next();
    return packet?.type === "puback";
  }

  /**
   * Takes QoS 1 messages until there are so many; gives their payloads.
   *
   * @param orLess Whether the connection may end before.
   */
  async take(count: number, orLess = false): Promise<string[]> {
    const payloads: string[] = [];
    while (payloads.length < count) {
      const packet = await this.next();
      if (packet === undefined && orLess) return payloads;
      if (packet === undefined) throw new Error(`${this.name} is disconnected`);
      if (packet.type !== "publish") continue;
      payloads.push(new TextDecoder().decode(packet.payload));
      const { packetId = 0 } = packet;
      this.send({ type: "puback", packetId, reasonCode: 0 });
    }
    return payloads;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }
}

/** Fills a store with so many messages for a client that is away. */
export async function fill(
  folder: Folder,
  count: number,
  size = 500,
): Promise<void> {
  await using broker = folder.start();
  const port = await broker.port();
  const away = await Client.connect("away", port);
  await away.subscribe("a/#");
  await away.end();
  await using client = await Client.connect("publisher", port);
  for (let i = 0; i < count; i++) {
    if (!await client.put(`a/${i}`, `${i} ${"x".repeat(size)}`, i % 10 === 0)) {
      throw new Error("It was not acknowledged");
    }
  }
  await client.end();
  broker.kill("SIGTERM");
  await broker.status();
}

/**
 * A broker that does what a test says, byte by byte, and a client for it. The
 * two are connected in memory: nothing takes time.
 */

import { assert, assertEquals } from "@std/assert";
import { type ClientOptions, MQTTClient } from "../../client/mod.ts";
import type { Transport } from "../../codec/mod.ts";
import { type MemoryConnection, MemoryListener } from "../_memory_transport.ts";
import { FakeClock } from "./_fake_clock.ts";

/**
 * Bytes from hexadecimal digits, 'text', <text with its length in front> and
 * [what is in brackets with its length in front, as a variable byte integer].
 *
 * @example wire("82 [0001 <a/b> 00]") // SUBSCRIBE
 */
export function wire(notation: string): Uint8Array<ArrayBuffer> {
  const open: number[][] = [[]];
  const tokens = notation.matchAll(/'[^']*'|<[^>]*>|[[\]]|[^\s'<[\]]+/g);
  for (const [token] of tokens) {
    const top = open.at(-1)!;
    if (token === "[") {
      open.push([]);
    } else if (token === "]") {
      open.pop();
      let rest = top.length;
      while (rest > 127) {
        open.at(-1)!.push(rest & 127 | 128);
        rest >>= 7;
      }
      open.at(-1)!.push(rest, ...top);
    } else if (token.startsWith("'")) {
      top.push(...new TextEncoder().encode(token.slice(1, -1)));
    } else if (token.startsWith("<")) {
      const text = new TextEncoder().encode(token.slice(1, -1));
      top.push(text.length >> 8, text.length & 255, ...text);
    } else if (/^(?:[0-9a-f]{2})+$/.test(token)) {
      top.push(...Uint8Array.fromHex(token));
    } else throw new Error(`Not a byte: ${token} in ${notation}`);
  }
  return Uint8Array.from(open[0]!);
}

/** Lets everything happen that does not wait for something else. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** The broker's side of one connection. */
export class ScriptedConnection {
  readonly #memory: MemoryConnection;
  #received = new Uint8Array(0);

  constructor(memory: MemoryConnection) {
    this.#memory = memory;
  }

  /** Sends bytes, in one piece. */
  send(...notations: string[]): void {
    this.#memory.send(wire(notations.join(" ")));
  }

  /** Asserts that these bytes come next; waits for them. */
  async expect(...notations: string[]): Promise<void> {
    const expected = wire(notations.join(" "));
    while (this.#received.length < expected.length) {
      const more = await this.#memory.receive();
      if (more === null) break;
      this.#received = Uint8Array.from([...this.#received, ...more]);
    }
    const length = Math.min(this.#received.length, expected.length);
    let same = 0;
    while (same < length && this.#received[same] === expected[same]) same++;
    if (same < expected.length) {
      // from where they differ: a diff of 100,000 bytes helps nobody
      const [got, wanted] = [this.#received, expected].map((bytes) =>
        bytes.slice(same, same + 100).toHex()
      );
      assertEquals(
        got,
        wanted,
        `from byte ${same} of ${notations.join(" ").slice(0, 200)}`,
      );
    }
    this.#received = this.#received.slice(expected.length);
  }

  /** Waits until so many bytes have come, and forgets them. */
  async skip(count: number): Promise<void> {
    let left = count - this.#received.length;
    this.#received = this.#received.slice(count);
    while (left > 0) {
      const more = await this.#memory.receive();
      if (more === null) throw new Error(`${left} bytes more were expected`);
      this.#received = more.slice(left);
      left -= more.length;
    }
  }

  /** Asserts that exactly these bytes come next, by one write. */
  async expectOneWrite(notation: string): Promise<void> {
    assertEquals(this.#received.toHex(), "");
    const bytes = await this.#memory.receive();
    assertEquals(bytes?.toHex(), wire(notation).toHex(), notation);
  }

  /** Asserts that the client sends nothing by itself. */
  async expectNothing(): Promise<void> {
    await turn();
    const rest = this.#received.toHex();
    assertEquals(rest, "");
    assertEquals(this.#memory.unreceived, 0, "the client sent something");
    assert(!this.#memory.closedByBroker, "the client closed");
  }

  /** Asserts that the client closes, and sends nothing before. */
  async expectEnd(): Promise<void> {
    assertEquals(this.#received.toHex(), "");
    assertEquals(await this.#memory.receive(), null);
  }

  /** Bytes that the client did not read. */
  get unread(): number {
    return this.#memory.unread;
  }

  /** The client's writes do not settle from here on. */
  stall(): void {
    this.#memory.stall();
  }

  /** Ends `stall`. */
  resume(): void {
    this.#memory.resume();
  }

  /** Ends sending: the client sees the end of the stream. */
  end(): void {
    this.#memory.end();
  }

  /** Fails as a network does. */
  reset(): void {
    this.#memory.reset();
  }
}

/** A client, and the broker that it connects to. */
export class Stage implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly client: MQTTClient;
  readonly #listener = new MemoryListener();
  /** The broker's sides of the client's connections. */
  readonly #connections: ScriptedConnection[] = [];

  /**
   * @param options Options of the client.
   * @param named Whether the client is named "me", unless the options differ.
   */
  constructor(options: ClientOptions = {}, named = true) {
    this.client = new MQTTClient({
      url: "mqtt://broker",
      ...(named ? { clientId: "me" } : {}),
      keepAlive: 0,
      autoReconnect: false,
      clock: this.clock,
      dial: () => this.dial(),
      ...options,
    });
  }

  /** What the client connects with, unless its options say otherwise. */
  dial(): Promise<Transport> {
    this.#connections.push(
      new ScriptedConnection(
        this.#listener.connect({ longestWrite: 100_000 }),
      ),
    );
    return this.#listener.accept();
  }

  /** The broker's side of the last connection. */
  get broker(): ScriptedConnection {
    return this.#connections.at(-1)!;
  }

  /** Connects; MQTT 3.1.1 and a CONNACK without properties by default. */
  async connect(
    { connect = connect311, connack = "20 [00 00]", cleanStart }: {
      connect?: string;
      connack?: string;
      cleanStart?: boolean;
    } = {},
  ): Promise<ScriptedConnection> {
    const connected = this.client.connect(
      cleanStart === undefined ? {} : { cleanStart },
    );
    const { broker } = this;
    await broker.expect(connect);
    broker.send(connack);
    await connected;
    return broker;
  }

  /** The broker loses the connection. */
  async lose(): Promise<void> {
    this.broker.end();
    await this.client.closed;
  }

  /** Ends the client, and asserts that no timer is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#connections.at(-1)?.end();
    await this.client.disconnect();
    this.#listener.close();
    assertEquals(this.clock.timers, 0, "timers are left");
  }
}

/** CONNECT of the client "me", without keep alive: MQTT 3.1.1. */
export const connect311 = "10 [<MQTT> 04 02 0000 <me>]";

/** The same without Clean Session. */
export const resume311 = "10 [<MQTT> 04 00 0000 <me>]";

/** The same for MQTT 5.0. */
export const connect5 = "10 [<MQTT> 05 02 0000 [] <me>]";

/** The same without Clean Start. */
export const resume5 = "10 [<MQTT> 05 00 0000 [] <me>]";

/** A CONNACK of MQTT 5.0 with these properties. */
export function connack5(properties = ""): string {
  return `20 [00 00 [${properties}]]`;
}

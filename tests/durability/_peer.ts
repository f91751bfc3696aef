/**
 * A client that remembers what the specification has it remember, from one
 * life of its broker to the next, and notes what it is told in a ledger.
 */

import { encode, type Packet, PacketParser, type Will } from "../../mod.ts";
import type { Ledger } from "./_ledger.ts";

const encoder = new TextEncoder();

/** What a client asks for when it connects. */
export interface PeerOptions {
  /** Whether it wants a session of its own that begins anew. */
  clean?: boolean;
  /** Seconds that its session outlives its connection. */
  expiry?: number;
  will?: Will;
}

export abstract class Peer {
  readonly name: string;
  protected readonly ledger: Ledger;
  readonly #options: PeerOptions;
  #connection: Deno.TcpConn | undefined;
  #reading: Promise<void> | undefined;
  #writing: Promise<unknown> = Promise.resolve();
  /** Whether it has ever sent a CONNECT. */
  #tried = false;
  /** Whether the broker has ever confirmed its session. */
  promised = false;
  /** Whether it loses what comes: the broker has sent it all the same. */
  deaf = false;
  /** Whether it is connected: CONNACK has come. */
  connected = false;

  constructor(name: string, ledger: Ledger, options: PeerOptions = {}) {
    this.name = name;
    this.ledger = ledger;
    this.#options = options;
  }

  /** Connects; `false` if the broker is gone before it has answered. */
  async connect(port: number): Promise<boolean> {
    let connection: Deno.TcpConn;
    try {
      connection = await Deno.connect({ hostname: "127.0.0.1", port });
    } catch {
      return false;
    }
    connection.setNoDelay(true);
    this.#connection = connection;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#reading = this.#read(connection, resolve)
      .finally(() => resolve(false));
    const { clean = false, expiry = 3600, will } = this.#options;
    this.send({
      type: "connect",
      protocolVersion: 5,
      cleanStart: clean,
      keepAlive: 0,
      clientId: this.name,
      properties: { sessionExpiryInterval: expiry, receiveMaximum: 50 },
      ...(will && { will }),
    });
    this.deaf = false;
    const before = this.#tried;
    this.#tried = true;
    const connected = await promise;
    if (connected && !before && this.present) {
      this.ledger.problem(`${this.name} has a session before its first one`);
    }
    return connected;
  }

  /** Whether CONNACK said that there was a session. */
  present = false;

  async #read(
    connection: Deno.TcpConn,
    answered: (connected: boolean) => void,
  ): Promise<void> {
    const parser = new PacketParser({ version: 5 });
    const buffer = new Uint8Array(65_536);
    try {
      for (;;) {
        const count = await connection.read(buffer);
        if (count === null) break;
        parser.push(buffer.slice(0, count));
        for (let packet; (packet = parser.next()) !== undefined;) {
          if (packet.type !== "connack") {
            if (!this.deaf) this.receive(packet);
          } else {
            this.#accepted(packet.reasonCode, packet.sessionPresent);
            answered(this.connected);
          }
        }
      }
    } catch (error) {
      // The broker was killed; all else is a mistake of somebody.
      const gone = error instanceof Deno.errors.ConnectionReset ||
        error instanceof Deno.errors.BrokenPipe ||
        error instanceof Deno.errors.BadResource ||
        error instanceof Deno.errors.Interrupted;
      if (!gone) this.ledger.problem(`${this.name}: ${error}`);
    }
    this.connected = false;
    try {
      connection.close();
    } catch {
      // It is closed.
    }
    this.ended();
  }

  #accepted(code: number, present: boolean): void {
    if (code !== 0) {
      return this.ledger.problem(`${this.name} is refused: ${code}`);
    }
    const { clean = false } = this.#options;
    if (this.promised && !present && !clean) {
      this.ledger.problem(`${this.name} has lost its session`);
    }
    this.promised = true;
    this.present = present;
    this.connected = true;
    this.ready();
  }

  /** CONNACK has come. */
  protected ready(): void {}

  /** The connection is over. */
  protected ended(): void {}

  /** Any other packet has come. */
  protected abstract receive(packet: Packet): void;

  /** Sends a packet, or loses it. */
  send(packet: Packet): void {
    const connection = this.#connection!;
    const bytes = encode(packet, 5);
    this.#writing = this.#writing
      .then(async () => {
        for (let at = 0; at < bytes.length;) {
          at += await connection.write(bytes.subarray(at));
        }
      })
      .catch(() => {});
  }

  publish(
    topic: string,
    payload: string,
    qos: 0 | 1 | 2,
    packetId?: number,
    { retain = false, dup = false } = {},
  ): void {
    this.send({
      type: "publish",
      topic,
      payload: encoder.encode(payload),
      qos,
      retain,
      dup,
      ...(packetId === undefined ? {} : { packetId }),
    });
  }

  /** Ends its connection, if it has any, and waits until it has ended. */
  async end(disconnect = false): Promise<void> {
    if (disconnect && this.connected) {
      this.send({ type: "disconnect", reasonCode: 0 });
      await this.#reading; // the broker closes
    } else {
      try {
        this.#connection?.close();
      } catch {
        // It has ended by itself.
      }
    }
    await this.#reading;
    await this.#writing;
  }
}

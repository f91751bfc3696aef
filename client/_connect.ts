/** From an URL to a connection that CONNACK has opened. */

import {
  type ConnackPacket,
  type ConnectPacket,
  encode,
  type ProtocolVersion,
  ReasonCode,
  type Transport,
} from "../codec/mod.ts";
import { bytesOf } from "./_arguments.ts";
import { Authentication } from "./_authentication.ts";
import type { Clock } from "./clock.ts";
import { Connection } from "./_connection.ts";
import { ConnectError, ConnectionLostError } from "./error.ts";
import type { Events } from "./_guard.ts";
import type { ClientOptions, Dial, DialOptions } from "./options.ts";
import { Pending } from "./_pending.ts";
import { connectError, failed, refused } from "./_refusal.ts";
import type { Session } from "./_session.ts";
import type { BrokerUrl } from "./_url.ts";

/** Letters and digits for client identifiers: 32, so that bytes are not biased. */
const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

/**
 * A client identifier that nobody else has: of 23 characters, which is as long
 * as every broker has to accept [MQTT-3.1.3-5].
 */
export function randomClientId(): string {
  const random = crypto.getRandomValues(new Uint8Array(15));
  return "ambermq_" +
    Array.from(random, (byte) => ALPHABET[byte & 31]).join("");
}

/** CONNECT, as the options have it. */
export function connectPacket(
  clientId: string,
  protocolVersion: ProtocolVersion,
  broker: BrokerUrl,
  client: ClientOptions,
  cleanStart: boolean,
): ConnectPacket {
  const { will, authentication } = client;
  // [MQTT311-3.1.3-7]
  if (clientId === "" && !cleanStart && protocolVersion < 5) {
    throw new TypeError(
      "Cannot connect: cleanStart false needs a client identifier",
    );
  }
  const packet: ConnectPacket = {
    type: "connect",
    protocolVersion,
    cleanStart,
    keepAlive: client.keepAlive ?? 10,
    clientId,
  };
  // Whoever has a method does not want the broker to be told the password.
  const fromUrl = authentication === undefined ? broker : undefined;
  const username = client.username ?? fromUrl?.username;
  const password = client.password ?? fromUrl?.password;
  if (username !== undefined) packet.username = username;
  if (password !== undefined) packet.password = bytesOf(password);
  const properties = authentication === undefined ? client.properties : {
    ...client.properties,
    authenticationMethod: authentication.name,
  };
  if (properties !== undefined) packet.properties = properties;
  if (will !== undefined) {
    packet.will = {
      topic: will.topic,
      payload: bytesOf(will.payload ?? ""),
      qos: will.qos ?? 0,
      retain: will.retain ?? false,
      ...(will.properties === undefined ? {} : { properties: will.properties }),
    };
  }
  return packet;
}

const dialKeys = [
  "cafile",
  "capath",
  "cadata",
  "certfile",
  "keyfile",
  "checkHostname",
  "verifyCert",
  "alpn",
  "headers",
] as const satisfies readonly (keyof DialOptions)[];

/** Those options of the client that are for the transport. */
export function dialOptionsOf(client: ClientOptions): DialOptions {
  const given = dialKeys.filter((key) => client[key] !== undefined);
  return Object.fromEntries(given.map((key) => [key, client[key]]));
}

/** What an attempt to connect needs. */
export interface AttemptOptions {
  readonly broker: BrokerUrl;
  readonly packet: ConnectPacket;
  /** Whether the broker may have a session with the client's identifier. */
  readonly known: boolean;
  readonly session: Session;
  readonly client: ClientOptions;
  /** Files and headers, for the transport. */
  readonly dialOptions: DialOptions;
  readonly dial: Dial;
  readonly clock: Clock;
  readonly events: Events;
}

/** Who is told, at once, what becomes of an attempt that succeeds. */
export interface AttemptOwner {
  /** CONNACK has come, and nothing was sent since. */
  opened(connection: Connection, connack: ConnackPacket): void;
  /**
   * The connection is gone.
   *
   * @param error What went wrong.
   */
  lost(error: Error | undefined): void;
}

/** One attempt to connect. */
export class Attempt {
  readonly #options: AttemptOptions;
  readonly #owner: AttemptOwner;
  readonly #giveUp = new AbortController();

  /**
   * @throws {TypeError} If an option of the client is wrong.
   * @throws {RangeError} If a number is out of range.
   */
  constructor(options: AttemptOptions, owner: AttemptOwner) {
    this.#options = options;
    this.#owner = owner;
    const { packet } = options;
    encode(packet, packet.protocolVersion);
  }

  /** Ends the attempt, if it is still going on. */
  giveUp(reason: unknown): void {
    this.#giveUp.abort(reason);
  }

  /**
   * Does it.
   *
   * @throws {ConnectError} If no connection comes about.
   */
  async run(): Promise<void> {
    const { broker: { address }, client, clock } = this.#options;
    const { connectTimeout = 30 } = client;
    const timer = clock.setTimeout(() => {
      const reason = `the broker did not answer within ${connectTimeout} s`;
      this.giveUp(connectError(address, reason));
    }, connectTimeout * 1000);
    const { signal } = this.#giveUp;
    try {
      signal.throwIfAborted();
      await this.#open(signal);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (error instanceof ConnectError || error instanceof TypeError) {
        throw error;
      }
      throw failed(address, error, this.#silence);
    } finally {
      clock.clearTimeout(timer);
    }
  }

  /** TLS 1.3 lets a client in before the broker has seen its certificate. */
  get #silence(): string {
    const { broker: { url }, dialOptions } = this.#options;
    if (url.protocol !== "mqtts:" && url.protocol !== "wss:") return "";
    return dialOptions.certfile === undefined
      ? "; does it want a certificate of the client?"
      : "; is the client's certificate the right one?";
  }

  async #open(signal: AbortSignal): Promise<void> {
    const { broker, known, session, client, clock, events } = this.#options;
    const authentication = client.authentication &&
      new Authentication(client.authentication);
    const packet = authentication === undefined
      ? this.#options.packet
      : await authentication.begin(this.#options.packet, signal);
    const { protocolVersion: version, cleanStart, keepAlive } = packet;
    const transport = await this.#dial(broker.url, signal);
    if (signal.aborted) {
      transport.close();
      throw signal.reason;
    }
    const connection = new Connection(transport, session, {
      version,
      clock,
      pingDelay: client.pingDelay ?? 1,
      pingTimeout: client.pingTimeout ?? 10,
      maximumPacketSize: client.properties?.maximumPacketSize,
      events,
    });
    authentication?.use(connection);
    if (cleanStart) session.clear(); // [MQTT-3.1.2-4]
    let open = false;
    const greeted = session.greet(connection, {
      keepAlive,
      resumable: known && !cleanStart,
      method: packet.properties?.authenticationMethod,
      authentication,
      opened: (connack) => {
        open = true;
        this.#owner.opened(connection, connack);
      },
    }, signal);
    const ended = connection.run(packet).then((error) => {
      if (open) this.#owner.lost(error);
      else session.lose(error);
    });
    try {
      const connack = await greeted;
      if (connack.reasonCode === ReasonCode.Success) return;
      throw refused(broker.address, connack, version);
    } catch (error) {
      connection.close(new ConnectionLostError("Connection lost: given up"));
      await ended;
      throw error;
    }
  }

  /** A transport; one that comes too late is closed. */
  #dial(url: URL, signal: AbortSignal): Promise<Transport> {
    const { dial, dialOptions } = this.#options;
    const pending = new Pending<Transport>(signal);
    dial(url, { ...dialOptions, signal }).then(
      (transport) => {
        if (pending.settled) transport.close();
        else pending.resolve(transport);
      },
      (error) => pending.reject(error),
    );
    return pending.promise;
  }
}

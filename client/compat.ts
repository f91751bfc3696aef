/**
 * The client with the names of HBMQTT and aMQTT, for code that is carried over:
 * `deliver_message`, `message.publish_packet.variable_header.topic_name`,
 * `QOS_1`, `ConnectException`. New code has more from
 * {@linkcode MQTTClient.client}.
 *
 * ```ts
 * import { Broker } from "@ambermq/mqtt/broker";
 * import { MQTTClient, QOS_1 } from "@ambermq/mqtt/compat";
 * import { assertEquals } from "@std/assert";
 *
 * await using broker = new Broker({
 *   listeners: { default: { bind: "127.0.0.1:0" } },
 * });
 * await broker.start();
 *
 * const C = new MQTTClient();
 * await C.connect(`mqtt://127.0.0.1:${broker.addresses[0]!.port}/`);
 * await C.subscribe([["a/b", QOS_1]]);
 * await C.publish("a/b", "TEST MESSAGE WITH QOS_1", QOS_1);
 * const message = await C.deliver_message();
 * const packet = message.publish_packet;
 * assertEquals(packet.variable_header.topic_name, "a/b");
 * assertEquals(packet.payload.data.length, 23);
 * await C.unsubscribe(["a/b"]);
 * await C.disconnect();
 * ```
 *
 * @module
 */

import {
  camelCase,
  type ConnackPacket,
  type Qos,
  type ReasonCode,
} from "../codec/mod.ts";
import { MQTTClient as Client } from "./client.ts";
import { clientOptions } from "./config.ts";
import type {
  IncomingApplicationMessage,
  OutgoingApplicationMessage,
} from "./message.ts";

import { overlook } from "./_pending.ts";

export {
  ClientError,
  ClientError as ClientException,
  ConnectError,
  ConnectError as ConnectException,
} from "./error.ts";

/** Delivered at most once. */
export const QOS_0: Qos = 0;

/** Delivered at least once. */
export const QOS_1: Qos = 1;

/** Delivered exactly once. */
export const QOS_2: Qos = 2;

/** A name in snake_case. */
export type SnakeCase<Name extends string> = Name extends
  `${infer Head}${infer Tail}`
  ? `${Head extends Lowercase<Head> ? Head : `_${Lowercase<Head>}`}${SnakeCase<
    Tail
  >}`
  : Name;

/** An object whose properties, and theirs, have names in snake_case. */
export type SnakeCased<T> = T extends Uint8Array | string | number | boolean ? T
  : T extends (...args: infer A) => infer R ? (...args: A) => R
  : T extends object ? {
      readonly [Key in keyof T & string as SnakeCase<Key>]: SnakeCased<T[Key]>;
    }
  : T;

/** The client, with the methods of HBMQTT and their positional arguments. */
export class MQTTClient {
  /** The client behind it. */
  readonly client: Client;

  /**
   * Makes a client.
   *
   * @param client_id The client identifier, by default a random one.
   * @param config The configuration, as {@linkcode clientOptions} reads it.
   * @throws {SettingsError} If something is wrong in it.
   */
  constructor(client_id?: string | null, config?: object | null) {
    this.client = new Client(
      client_id ?? undefined,
      clientOptions(config ?? {}),
    );
  }

  /**
   * Connects.
   *
   * @param uri The broker, by default that of the configuration.
   * @param cleansession Whether to begin a new session.
   * @param cafile A file with the certificates of authorities to trust.
   * @param capath A folder with such files.
   * @param cadata Such certificates.
   * @param extra_headers Headers of the WebSocket handshake.
   * @returns The return code of CONNACK: 0.
   * @throws {ConnectException} If it does not come about.
   */
  connect(
    uri?: string | null,
    cleansession?: boolean | null,
    cafile?: string | null,
    capath?: string | null,
    cadata?: string | null,
    extra_headers: Record<string, string> = {},
  ): Promise<ReasonCode> {
    return codeOf(this.client.connect({
      ...(uri ? { url: uri } : {}),
      ...(typeof cleansession === "boolean"
        ? { cleanStart: cleansession }
        : {}),
      ...(cafile ? { cafile } : {}),
      ...(capath ? { capath } : {}),
      ...(cadata ? { cadata } : {}),
      ...(Object.keys(extra_headers).length > 0
        ? { headers: extra_headers }
        : {}),
    }));
  }

  /** Disconnects. */
  disconnect(): Promise<void> {
    return this.client.disconnect();
  }

  /**
   * Connects again.
   *
   * @param cleansession Whether to begin a new session.
   * @returns The return code of CONNACK: 0.
   * @throws {ConnectException} If it does not come about.
   */
  reconnect(cleansession?: boolean | null): Promise<ReasonCode> {
    return codeOf(this.client.reconnect(
      typeof cleansession === "boolean" ? { cleanStart: cleansession } : {},
    ));
  }

  /** Asks the broker for a sign of life and waits for it. */
  ping(): Promise<void> {
    return this.client.ping();
  }

  /**
   * Publishes a message.
   *
   * @param topic The topic name.
   * @param message The payload.
   * @param qos The quality of service, by default as configured.
   * @param retain Whether to retain it, by default as configured.
   * @param ack_timeout How long the broker may take, in seconds.
   * @returns The message.
   * @throws {ClientException} If the broker refuses it or the connection is
   * lost.
   */
  publish(
    topic: string,
    message: Uint8Array | string,
    qos?: Qos | null,
    retain?: boolean | null,
    ack_timeout?: number | null,
  ): Promise<SnakeCased<OutgoingApplicationMessage>> {
    return overlook(
      this.client.publish(topic, message, {
        ...(typeof qos === "number" ? { qos } : {}),
        ...(typeof retain === "boolean" ? { retain } : {}),
        ...(typeof ack_timeout === "number"
          ? { signal: AbortSignal.timeout(ack_timeout * 1000) }
          : {}),
      }).then(snakeCased),
    );
  }

  /**
   * Subscribes.
   *
   * @param topics Topic filters with their QoS: `[["a/#", QOS_1]]`.
   * @returns The codes of SUBACK; 0x80 and more are refusals.
   * @throws {ClientException} If the connection is lost.
   */
  subscribe(
    topics: readonly (readonly [filter: string, qos: Qos])[],
  ): Promise<ReasonCode[]> {
    return this.client.subscribe(topics, { allowFailures: true });
  }

  /**
   * Ends subscriptions.
   *
   * @param topics The topic filters.
   * @throws {ClientException} If the connection is lost.
   */
  unsubscribe(topics: readonly string[]): Promise<void> {
    return overlook(this.client.unsubscribe(topics).then(() => {}));
  }

  /**
   * Waits for the next message.
   *
   * @param timeout How long to wait, in seconds, by default for ever.
   * @returns The message.
   * @throws {DOMException} A `TimeoutError` if none came in time.
   * @throws {ClientException} If the connection is lost.
   */
  deliver_message(
    timeout?: number | null,
  ): Promise<SnakeCased<IncomingApplicationMessage>> {
    return overlook(
      this.client.deliverMessage(
        typeof timeout === "number" ? { timeout } : {},
      ).then(snakeCased),
    );
  }
}

function codeOf(connack: Promise<ConnackPacket>): Promise<ReasonCode> {
  return overlook(connack.then(({ reasonCode }) => reasonCode));
}

/** The same object, by names in snake_case. */
function snakeCased<T extends object>(value: T): SnakeCased<T> {
  const view = new Proxy(value, {
    get(target, name) {
      const key = typeof name === "string" ? camelCase(name) : name;
      const own: unknown = Reflect.get(target, key, target);
      if (typeof own === "function") return own.bind(target);
      const whole = typeof own !== "object" || own === null ||
        own instanceof Uint8Array || Array.isArray(own);
      return whole ? own : snakeCased(own);
    },
  });
  return view as SnakeCased<T>;
}

/** Arguments of the client's methods. */

import {
  type ConnectProperties,
  type DisconnectProperties,
  type PublishPacket,
  type PublishProperties,
  type Qos,
  ReasonCode,
  reasonName,
  type SubscribePacket,
  type SubscriptionRequest,
  topicNameError,
  type UnsubscribePacket,
} from "../codec/mod.ts";
import type {
  DisconnectOptions,
  FilterOptions,
  PublishOptions,
  SubscribeOptions,
  UnsubscribeOptions,
} from "./call_options.ts";
import type { ClientOptions } from "./options.ts";

type Filter = string | FilterOptions;

const encoder = new TextEncoder();

/** Text as UTF-8. What is neither is refused where it is encoded. */
export function bytesOf(data: Uint8Array | string): Uint8Array {
  return typeof data === "string" ? encoder.encode(data) : data;
}

/** One, or a list of them, as a list. */
function listOf<T extends string | object>(
  value: T | readonly T[],
): T[] {
  return Array.isArray(value) ? [...value] : [value as T];
}

/** SUBSCRIBE, without its packet identifier. */
export function subscribePacket(
  filters: Filter | readonly (Filter | readonly [string, Qos])[],
  options: SubscribeOptions,
): Omit<SubscribePacket, "packetId"> {
  const { properties } = options;
  return {
    type: "subscribe",
    subscriptions: listOf(filters).map((one) => requestOf(one, options)),
    ...(properties === undefined ? {} : { properties }),
  };
}

/** UNSUBSCRIBE, without its packet identifier. */
export function unsubscribePacket(
  filters: string | readonly string[],
  { properties }: UnsubscribeOptions,
): Omit<UnsubscribePacket, "packetId"> {
  const list = listOf(filters);
  for (const one of list) {
    if (typeof one === "string") continue;
    throw new TypeError(
      `Cannot unsubscribe: ${show(one)} is not a topic filter`,
    );
  }
  return {
    type: "unsubscribe",
    filters: list,
    ...(properties === undefined ? {} : { properties }),
  };
}

/** What is asked for a topic filter: of its own, of the call, by default. */
function requestOf(
  one: Filter | readonly [string, Qos],
  { qos, noLocal, retainAsPublished, retainHandling }: SubscribeOptions,
): SubscriptionRequest {
  const own = filterOptions(one);
  return {
    filter: own.filter,
    qos: own.qos ?? qos ?? 0,
    noLocal: own.noLocal ?? noLocal ?? false,
    retainAsPublished: own.retainAsPublished ?? retainAsPublished ?? false,
    retainHandling: own.retainHandling ?? retainHandling ?? 0,
  };
}

function filterOptions(
  one: string | FilterOptions | readonly [string, Qos],
): FilterOptions {
  if (typeof one === "string") return { filter: one };
  if (typeof one === "object" && one !== null) {
    const options = isPair(one) ? { filter: one[0], qos: one[1] } : one;
    if (typeof options.filter === "string") return options;
  }
  throw new TypeError(
    `Cannot subscribe: ${
      show(one)
    } is not a topic filter, { filter, qos } or ` +
      "[filter, qos]",
  );
}

/** A wrong argument, in few words. */
function show(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

function isPair(
  one: FilterOptions | readonly [string, Qos],
): one is readonly [string, Qos] {
  return Array.isArray(one);
}

/**
 * PUBLISH. What the call says counts, then what the client's options say about
 * the topic, then what they say about all.
 *
 * @throws {TypeError} If there is a property that an application does not set.
 */
export function publishPacket(
  topic: string,
  payload: Uint8Array | string,
  { qos, retain, properties }: PublishOptions,
  client: ClientOptions,
): PublishPacket {
  if (typeof topic !== "string") {
    throw new TypeError(`Cannot publish: the topic ${show(topic)} is no text`);
  }
  const { topics, defaultQos = 0, defaultRetain = false } = client;
  const known = topics !== undefined && Object.hasOwn(topics, topic)
    ? topics[topic]
    : undefined;
  const packet: PublishPacket = {
    type: "publish",
    topic,
    payload: bytesOf(payload),
    qos: qos ?? known?.qos ?? defaultQos,
    retain: retain ?? known?.retain ?? defaultRetain,
    dup: false, // [MQTT-4.3.1-1] [MQTT-4.3.2-2] [MQTT-4.3.3-2]
  };
  if (properties !== undefined) {
    checkPublishProperties(properties);
    packet.properties = properties;
  }
  return packet;
}

function checkPublishProperties(properties: PublishProperties): void {
  // [MQTT-3.3.4-6] [MQTT-3.2.2-17] [MQTT-3.2.2-18] [MQTT-3.3.2-9]
  for (const name of ["subscriptionIdentifiers", "topicAlias"] as const) {
    if (properties[name] !== undefined) {
      throw new TypeError(
        `Cannot publish: the property ${name} is not for applications`,
      );
    }
  }
}

/** @throws {RangeError} If a QoS that is meant for publications is none. */
export function checkQos(
  { defaultQos, topics = {} }: ClientOptions,
): void {
  const all: [name: string, qos: number | undefined][] = [
    ["defaultQos", defaultQos],
    ...Object.entries(topics).map(([topic, { qos }]): [string, typeof qos] => [
      `topics[${JSON.stringify(topic)}].qos`,
      qos,
    ]),
  ];
  for (const [name, qos] of all) {
    if (qos === undefined || [0, 1, 2].includes(qos)) continue;
    throw new RangeError(
      `Cannot make a client: ${name} ${qos} is not 0, 1 or 2`,
    );
  }
}

/** @throws {TypeError} If a will has no topic to be published to. */
export function checkWill(will: ClientOptions["will"]): void {
  if (will === undefined || typeof will.topic === "string") return;
  throw new TypeError(
    `Cannot make a client: will.topic ${show(will.topic)} is no text`,
  );
}

/** @throws {TypeError} If response topics cannot begin with it. */
export function checkResponsePrefix(prefix: string): void {
  const wrong = topicNameError(prefix);
  if (wrong === undefined) return;
  throw new TypeError(
    `Cannot make a client: responsePrefix is ${show(prefix)}, but ${wrong}`,
  );
}

/** @throws {TypeError} If a request has what makes it one already. */
export function checkRequest(
  properties: PublishProperties | undefined,
  version: number,
): void {
  if (version < 5) {
    throw new TypeError("Cannot request: it takes protocolVersion 5");
  }
  for (const name of ["responseTopic", "correlationData"] as const) {
    if (properties?.[name] === undefined) continue;
    throw new TypeError(
      `Cannot request: the property ${name} is the client's own`,
    );
  }
}

/** Reasons of DISCONNECT that a client may give (table 3-10 of 5.0). */
const farewells: ReadonlySet<ReasonCode> = new Set([
  ReasonCode.Success,
  ReasonCode.DisconnectWithWillMessage,
  ReasonCode.UnspecifiedError,
  ReasonCode.MalformedPacket,
  ReasonCode.ProtocolError,
  ReasonCode.ImplementationSpecificError,
  ReasonCode.TopicNameInvalid,
  ReasonCode.ReceiveMaximumExceeded,
  ReasonCode.TopicAliasInvalid,
  ReasonCode.PacketTooLarge,
  ReasonCode.MessageRateTooHigh,
  ReasonCode.QuotaExceeded,
  ReasonCode.AdministrativeAction,
  ReasonCode.PayloadFormatInvalid,
]);

/**
 * Checks what only 5.0 has: before, nothing of it is sent.
 *
 * @param connect The properties of CONNECT.
 * @throws {RangeError} If a client may not give the reason.
 * @throws {TypeError} If it may not say the rest.
 */
export function checkDisconnect(
  { reasonCode = 0, properties = {} }: DisconnectOptions,
  connect: ConnectProperties = {},
): void {
  // [MQTT-3.14.2-1]
  if (!farewells.has(reasonCode)) {
    throw new RangeError(
      `Cannot disconnect: ${reasonName(reasonCode)} is no reason for a client`,
    );
  }
  if ((properties as DisconnectProperties).serverReference !== undefined) {
    throw new TypeError(
      "Cannot disconnect: the property serverReference is not for clients",
    );
  }
  // section 3.14.2.2.2: the broker would take it for a protocol error
  const { sessionExpiryInterval: expiry = 0 } = properties;
  if (expiry > 0 && (connect.sessionExpiryInterval ?? 0) === 0) {
    throw new TypeError(
      "Cannot disconnect: sessionExpiryInterval is for a session that had one " +
        "with CONNECT",
    );
  }
}

/** @throws {RangeError} If it is no version of MQTT. */
export function checkVersion(version: number): void {
  if ([3, 4, 5].includes(version)) return;
  throw new RangeError(
    `Cannot make a client: protocolVersion ${version} is not 3, 4 or 5`,
  );
}

/**
 * @param seconds A time; `undefined`: the default.
 * @throws {RangeError} If nothing can take so long.
 */
export function checkSeconds(
  action: string,
  name: string,
  seconds: number | undefined,
): void {
  if (seconds === undefined || seconds >= 0) return;
  throw new RangeError(`Cannot ${action}: ${name} ${seconds} is not 0 or more`);
}

/** @throws {RangeError} If there cannot be so many messages on their way. */
export function checkMaxInflight(limit: number): void {
  if (Number.isInteger(limit) && limit >= 1 && limit <= 65_535) return;
  throw new RangeError(
    `Cannot make a client: maxInflight ${limit} is not 1 to 65,535`,
  );
}

/** @throws {RangeError} If a queue cannot be limited so. */
export function checkQueueLimit(
  action: string,
  name: string,
  limit: number,
): void {
  if (Number.isInteger(limit) && limit >= 1) return;
  throw new RangeError(`Cannot ${action}: ${name} ${limit} is not 1 or more`);
}

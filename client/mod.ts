/**
 * The client: connects to a broker of MQTT 3.1, 3.1.1 or 5.0, publishes and
 * subscribes.
 *
 * ```ts
 * import { Broker } from "@ambermq/mqtt/broker";
 * import { MQTTClient } from "@ambermq/mqtt/client";
 *
 * await using broker = new Broker({
 *   listeners: { default: { bind: "127.0.0.1:0" } },
 * });
 * await broker.start();
 *
 * await using client = new MQTTClient();
 * await client.connect(`mqtt://127.0.0.1:${broker.addresses[0]!.port}`);
 * await client.publish("greetings", "hello", { qos: 1 });
 * ```
 *
 * @module
 */

export type * from "./call_options.ts";
export * from "./client.ts";
export * from "./clock.ts";
export * from "./config.ts";
export * from "./dial.ts";
export * from "./error.ts";
export type * from "./events.ts";
export * from "./message.ts";
export type * from "./options.ts";
export type * from "./packet_view.ts";
export * from "./scram.ts";
export type * from "./subscription.ts";

// What these speak of is the codec's: a client is complete without importing it.
export { ReasonCode, reasonName, SettingsError } from "../codec/mod.ts";
export type {
  Acknowledgement,
  Address,
  ConnackPacket,
  ConnackProperties,
  ConnectProperties,
  DisconnectProperties,
  Field,
  Fields,
  Packet,
  PeerCertificate,
  Properties,
  ProtocolVersion,
  PublishProperties,
  Qos,
  ReasonProperties,
  RetainHandling,
  SubscribeProperties,
  Transport,
  UnsubscribeProperties,
  UserProperty,
  WillProperties,
} from "../codec/mod.ts";

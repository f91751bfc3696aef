/**
 * Packets in the parts that section 2.1 of the specification names, as HBMQTT
 * shows them: `message.publishPacket.variableHeader.topicName`.
 *
 * @module
 */

import type {
  PublishProperties,
  Qos,
  ReasonCode,
  ReasonProperties,
} from "../codec/mod.ts";

/** A PUBLISH packet in its parts. */
export interface PublishView {
  /** What it is. */
  readonly type: "publish";
  /** The fixed header. */
  readonly fixedHeader: {
    /** Whether it may have been delivered before. */
    readonly dup: boolean;
    /** The quality of service. */
    readonly qos: Qos;
    /** Whether it is, or is to be, retained. */
    readonly retain: boolean;
  };
  /** The variable header. */
  readonly variableHeader: {
    /** The topic name. */
    readonly topicName: string;
    /** The packet identifier; `undefined` at QoS 0. */
    readonly packetId: number | undefined;
    /** The properties (5.0). */
    readonly properties: PublishProperties | undefined;
  };
  /** The payload. */
  readonly payload: {
    /** Its bytes. */
    readonly data: Uint8Array;
  };
}

/** A packet that acknowledges, in its parts. */
export interface AcknowledgementView<Type extends string> {
  /** What it is. */
  readonly type: Type;
  /** The variable header. */
  readonly variableHeader: {
    /** The packet identifier. */
    readonly packetId: number;
    /** The reason code; 0 before MQTT 5.0. */
    readonly reasonCode: ReasonCode;
    /** The properties (5.0). */
    readonly properties: ReasonProperties | undefined;
  };
}

/**
 * What goes wrong on the wire.
 *
 * A peer that breaks the rules is a {@linkcode ProtocolError}; a caller that
 * misuses this library gets a `TypeError` or a `RangeError`. The two are never
 * mixed, so that a broker closes one connection for the former and reports a
 * bug for the latter.
 *
 * @module
 */

import { ReasonCode } from "./reason_code.ts";

/**
 * The peer broke the protocol. The connection cannot go on (section 4.13).
 */
export class ProtocolError extends Error {
  /** The MQTT 5.0 reason code to send in CONNACK or DISCONNECT. */
  readonly reasonCode: ReasonCode;

  /** The name of the class, for logs. */
  override readonly name: string = "ProtocolError";

  /**
   * Makes the error.
   *
   * @param message What was wrong, and where.
   * @param reasonCode The MQTT 5.0 reason code, by default 0x82.
   */
  constructor(
    message: string,
    reasonCode: ReasonCode = ReasonCode.ProtocolError,
  ) {
    super(message);
    this.reasonCode = reasonCode;
  }
}

/** The bytes are not a control packet of the specification: reason code 0x81. */
export class MalformedPacketError extends ProtocolError {
  /** The name of the class, for logs. */
  override readonly name: string = "MalformedPacketError";

  /**
   * Makes the error.
   *
   * @param message What was wrong, and where.
   */
  constructor(message: string) {
    super(message, ReasonCode.MalformedPacket);
  }
}

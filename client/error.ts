/**
 * What goes wrong between a client and its broker. A caller's mistake is none
 * of these but a `TypeError` or a `RangeError`.
 *
 * @module
 */

import type {
  ConnackProperties,
  DisconnectProperties,
  ReasonCode,
  ReasonProperties,
} from "../codec/mod.ts";

/** Whatever goes wrong between a client and its broker. */
export class ClientError extends Error {
  /** The name of the class, for logs. */
  override readonly name: string = "ClientError";
}

/** More about a {@linkcode ConnectError}. */
export interface ConnectErrorOptions extends ErrorOptions {
  /** The code in CONNACK, as the protocol version has it. */
  returnCode?: number;
  /** The same outcome in the words of MQTT 5.0. */
  reasonCode?: ReasonCode;
  /** The properties of CONNACK (5.0). */
  properties?: ConnackProperties;
  /** Whether another attempt would fail the same way, by default `false`. */
  permanent?: boolean;
}

/** No connection came about. */
export class ConnectError extends ClientError {
  /** The name of the class, for logs. */
  override readonly name: string = "ConnectError";

  /**
   * The code in CONNACK: 1 to 5 before MQTT 5.0, a reason code in 5.0.
   * `undefined` if it did not come to a CONNACK.
   */
  readonly returnCode: number | undefined;

  /** The same outcome as a reason code, whichever the protocol version. */
  readonly reasonCode: ReasonCode | undefined;

  /** The properties of CONNACK (5.0). */
  readonly properties: ConnackProperties | undefined;

  /**
   * Whether another attempt would fail the same way, as far as can be known:
   * wrong credentials, a certificate that is not trusted, no permission to
   * use the network. A client that reconnects gives up then.
   */
  readonly permanent: boolean;

  /**
   * Makes the error.
   *
   * @param message What was to be done, and why it could not be.
   * @param options The cause, and what CONNACK said.
   */
  constructor(message: string, options: ConnectErrorOptions = {}) {
    super(message, options);
    this.permanent = options.permanent ?? false;
    this.returnCode = options.returnCode;
    this.reasonCode = options.reasonCode;
    this.properties = options.properties;
  }
}

/** More about a {@linkcode ConnectionLostError}. */
export interface ConnectionLostErrorOptions extends ErrorOptions {
  /** The reason in the broker's DISCONNECT (5.0). */
  reasonCode?: ReasonCode;
  /** The properties of the broker's DISCONNECT (5.0). */
  properties?: DisconnectProperties;
}

/** The connection ended, or there is none, and something needed it. */
export class ConnectionLostError extends ClientError {
  /** The name of the class, for logs. */
  override readonly name: string = "ConnectionLostError";

  /** The reason in the broker's DISCONNECT (5.0), if there was one. */
  readonly reasonCode: ReasonCode | undefined;

  /** The properties of the broker's DISCONNECT (5.0). */
  readonly properties: DisconnectProperties | undefined;

  /**
   * Makes the error.
   *
   * @param message What was to be done, and why it could not be.
   * @param options The cause, and what DISCONNECT said.
   */
  constructor(message: string, options: ConnectionLostErrorOptions = {}) {
    super(message, options);
    this.reasonCode = options.reasonCode;
    this.properties = options.properties;
  }
}

/** More about a {@linkcode RequestError}. */
export interface RequestErrorOptions extends ErrorOptions {
  /** The properties of the broker's answer (5.0). */
  properties?: ReasonProperties;
}

/**
 * A publication, a subscription or an unsubscription failed, while the
 * connection goes on: the broker refused it, or has said in CONNACK that it
 * would.
 */
export class RequestError extends ClientError {
  /** The name of the class, for logs. */
  override readonly name: string = "RequestError";

  /** The outcomes, one for each topic filter; one for a publication. */
  readonly reasonCodes: readonly ReasonCode[];

  /** The properties of the broker's answer (5.0). */
  readonly properties: ReasonProperties | undefined;

  /**
   * Makes the error.
   *
   * @param message What was to be done, and why it could not be.
   * @param reasonCodes The outcomes; at least one is 0x80 or more, but for a
   * request that nobody answers.
   * @param options The cause, and the properties of the answer.
   */
  constructor(
    message: string,
    reasonCodes: readonly ReasonCode[],
    options: RequestErrorOptions = {},
  ) {
    super(message, options);
    this.reasonCodes = reasonCodes;
    this.properties = options.properties;
  }

  /**
   * The first failure among the outcomes; 0x10 of a request that nobody answers.
   */
  get reasonCode(): ReasonCode {
    return this.reasonCodes.find((code) => code >= 0x80) ??
      this.reasonCodes[0]!;
  }
}

/**
 * There is no connection at the time, and too much waits to be published
 * already: the option `offlineQueue` says how much may.
 */
export class QueueFullError extends ClientError {
  /** The name of the class, for logs. */
  override readonly name: string = "QueueFullError";
}

/** Why there is no connection, and what to do about it. */

import {
  type ConnackPacket,
  ProtocolError,
  type ProtocolVersion,
  ReasonCode,
  toReturnCode,
} from "../codec/mod.ts";
import {
  ConnectError,
  type ConnectErrorOptions,
  ConnectionLostError,
} from "./error.ts";
import { describeReason } from "./_reason.ts";

/** What to do, by what CONNACK says. */
const advice: Readonly<Record<number, string>> = {
  [ReasonCode.UnsupportedProtocolVersion]: "try another protocol version",
  [ReasonCode.ClientIdentifierNotValid]: "choose another client identifier",
  [ReasonCode.BadUserNameOrPassword]: "check user name and password",
  [ReasonCode.NotAuthorized]: "check user name, password and client identifier",
  [ReasonCode.ServerUnavailable]: "try again later",
  [ReasonCode.ServerBusy]: "try again later",
  [ReasonCode.PacketTooLarge]: "make the will smaller",
  [ReasonCode.RetainNotSupported]: "do not retain the will",
  [ReasonCode.QosNotSupported]: "lower the QoS of the will",
  [ReasonCode.ConnectionRateExceeded]: "try again later",
};

/**
 * Reasons of CONNACK and DISCONNECT that may be others the next time. With the
 * rest the broker would say the same again: about the credentials, about what
 * the client sends, or that another client has taken the session over.
 */
const passing: ReadonlySet<ReasonCode> = new Set([
  ReasonCode.Success,
  ReasonCode.UnspecifiedError,
  ReasonCode.ImplementationSpecificError,
  ReasonCode.ServerUnavailable,
  ReasonCode.ServerBusy,
  ReasonCode.ServerShuttingDown,
  ReasonCode.KeepAliveTimeout,
  ReasonCode.MessageRateTooHigh,
  ReasonCode.QuotaExceeded,
  ReasonCode.AdministrativeAction,
  ReasonCode.ConnectionRateExceeded,
  ReasonCode.MaximumConnectTime,
]);

/** Whether another attempt may end otherwise. */
export function mayPass(error: unknown): boolean {
  if (error instanceof TypeError || error instanceof RangeError) return false;
  if (error instanceof ConnectError) return !error.permanent;
  return !(error instanceof ConnectionLostError) ||
    error.reasonCode === undefined || passing.has(error.reasonCode);
}

/** An error of a transport after which another attempt would fail too. */
export class PermanentError extends Error {}

/** Whether it is one, or came of one, or permissions are missing. */
function isPermanent(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error instanceof PermanentError || error.name === "NotCapable" ||
    error.name === "PermissionDenied" || isPermanent(error.cause);
}

/** The error of an attempt to connect. */
export function connectError(
  address: string,
  reason: string,
  options: ConnectErrorOptions = {},
): ConnectError {
  return new ConnectError(
    `Cannot connect to ${address}: ${reason}`,
    options,
  );
}

/** The error for a CONNACK that is no success. */
export function refused(
  address: string,
  { reasonCode, properties }: ConnackPacket,
  version: ProtocolVersion,
): ConnectError {
  const hint = properties?.serverReference !== undefined
    ? `use ${properties.serverReference}`
    : advice[reasonCode];
  return connectError(
    address,
    `the broker refused, ${describeReason(reasonCode, properties)}` +
      (hint === undefined ? "" : `; ${hint}`),
    {
      reasonCode,
      permanent: !passing.has(reasonCode),
      returnCode: version === 5 ? reasonCode : toReturnCode(reasonCode),
      ...(properties === undefined ? {} : { properties }),
    },
  );
}

/**
 * The error for whatever else came between.
 *
 * @param silence What the broker may mean that ends the connection unheard.
 */
export function failed(
  address: string,
  cause: unknown,
  silence = "",
): ConnectError {
  return connectError(address, explain(cause, silence), {
    cause,
    permanent: isPermanent(cause),
  });
}

function explain(error: unknown, silence: string): string {
  if (!(error instanceof Error)) return String(error);
  // The name is that of one runtime, the code that of others.
  if (
    error.name === "ConnectionRefused" ||
    "code" in error && error.code === "ECONNREFUSED"
  ) {
    return "nothing accepts connections there; is the broker running?";
  }
  if (!(error instanceof ConnectionLostError)) return error.message;
  if (error.cause instanceof ProtocolError) {
    return `the answer is not that of an MQTT broker: ${error.cause.message}`;
  }
  return error.cause instanceof Error
    ? error.cause.message
    : `the broker closed the connection without an answer${silence}`;
}

/**
 * What handlers see of the connection that a packet came by.
 */

import type {
  Address,
  InboundTopicAliases,
  PeerCertificate,
  ProtocolVersion,
  ReasonCode,
} from "../codec/mod.ts";
import type { Attempt } from "./_attempt.ts";
import type { Authentication } from "./_authentication.ts";
import type { Output } from "./_output.ts";
import type { ClientInfo } from "./plugin.ts";
import type { Session } from "./_session.ts";

export interface Peer {
  readonly output: Output;
  readonly listener: string;
  /** The client identifier; empty before CONNECT. */
  readonly clientId: string;
  readonly address: Address | undefined;
  /** The certificate that the peer has shown, if any. */
  readonly certificate: PeerCertificate | undefined;
  readonly version: ProtocolVersion;
  /** Whether it is over: nothing more is sent. */
  readonly ended: boolean;
  /** The bytes of the packet that is being handled, if they can be passed on. */
  readonly frame: Uint8Array | undefined;
  /** The topic aliases that the client has assigned. */
  readonly aliases: InboundTopicAliases;
  /** Who it is, from CONNECT on. */
  client: ClientInfo | undefined;
  /** While plugins are asked whether it may connect. */
  attempt: Attempt | undefined;
  /** Where CONNECT has a method of authentication. */
  authentication: Authentication | undefined;
  /** From an accepted CONNECT on. */
  session: Session | undefined;
  /** Seconds. */
  keepAlive: number;
  /** The session expiry interval that CONNECT asked for, in seconds. */
  requestedExpiry: number;
  /** Notes against its address what it is refused for, if that is its fault. */
  blame(reasonCode: ReasonCode, reason: string): void;
  disconnect(reasonCode: ReasonCode, reason: string): void;
  /** Closes the transport, whatever is not written. */
  close(): void;
  /** Looks at the deadlines. */
  tick(now: number): void;
}

/**
 * What a client tells about itself.
 *
 * @module
 */

import type { ConnackPacket, Packet } from "../codec/mod.ts";
import type { RequestError } from "./error.ts";

/**
 * What to call when something happens. An exception of theirs does not disturb
 * the client: it is thrown anew, where nothing catches it.
 */
export interface ClientEvents {
  /**
   * There is a connection, the first or a later one.
   *
   * @param connack What the broker said.
   */
  connected?(connack: ConnackPacket): void;

  /**
   * A connection has ended, or none came about and no more attempts follow.
   *
   * @param error What went wrong; `undefined` after `disconnect`.
   */
  disconnected?(error: Error | undefined): void;

  /**
   * The next attempt to connect is planned.
   *
   * @param attempt Which it is since there was a connection: 1 for the first
   * after a loss, 2 for the first after `connect` has failed.
   * @param delay In how many seconds it begins.
   * @param error Why it is needed.
   */
  reconnecting?(attempt: number, delay: number, error: Error): void;

  /**
   * After a reconnection the broker refused a subscription that it granted
   * before. It is gone.
   *
   * @param filter The topic filter.
   * @param error Why.
   */
  subscriptionLost?(filter: string, error: RequestError): void;

  /**
   * A packet goes out.
   *
   * @param packet The packet; CONNECT without its password.
   */
  packetSent?(packet: Packet): void;

  /**
   * A packet has come.
   *
   * @param packet The packet. The bytes in it are overwritten after the call.
   */
  packetReceived?(packet: Packet): void;
}

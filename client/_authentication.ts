/**
 * Enhanced authentication of one connection (5.0, section 4.12), as the client
 * has it: what its method says goes into CONNECT and AUTH, what the broker says
 * to the method.
 */

import {
  type AuthPacket,
  type ConnackPacket,
  type ConnectPacket,
  copyBytes,
  ProtocolError,
  ReasonCode,
} from "../codec/mod.ts";
import { ConnectionLostError } from "./error.ts";
import type {
  ClientAuthentication,
  ClientExchange,
  ClientOptions,
} from "./options.ts";
import { Pending } from "./_pending.ts";
import { PermanentError } from "./_refusal.ts";

/** The connection that is to be authenticated. */
export interface Authenticated {
  readonly connected: boolean;
  send(packet: AuthPacket): void;
  disconnect(reasonCode: ReasonCode, error: Error): void;
}

type Data = Uint8Array | undefined;

export class Authentication {
  readonly #method: ClientAuthentication;
  #connection: Authenticated | undefined;
  /** The exchange that is under way. */
  #exchange: ClientExchange | undefined;
  /** Whether it is the client's turn: the broker has nothing to say. */
  #thinking = false;
  /** Who waits for the end of it, if the client authenticates again. */
  #pending: Pending<void> | undefined;

  constructor(method: ClientAuthentication) {
    this.#method = method;
  }

  /** CONNECT, with what the method says first. */
  async begin(
    packet: ConnectPacket,
    signal: AbortSignal,
  ): Promise<ConnectPacket> {
    const first = new Pending<Data>(signal);
    try {
      this.#exchange = this.#method.start();
      Promise.resolve(this.#exchange.first()).then(
        (data) => first.resolve(data),
        (error) => first.reject(this.#failure(error)),
      );
    } catch (error) {
      first.reject(this.#failure(error));
    }
    const properties = this.#properties(await first.promise);
    return { ...packet, properties: { ...packet.properties, ...properties } };
  }

  /** CONNECT is about to be sent. */
  use(connection: Authenticated): void {
    this.#connection = connection;
  }

  #properties(data: Data): NonNullable<AuthPacket["properties"]> {
    return {
      authenticationMethod: this.#method.name, // [MQTT-4.12.0-5]
      ...(data === undefined ? {} : { authenticationData: data }),
    };
  }

  /**
   * CONNACK 0 has come.
   *
   * @throws {Error} If the broker is not the one that it should be.
   */
  accept({ properties }: ConnackPacket): void {
    const exchange = this.#exchange!;
    this.#exchange = undefined;
    try {
      exchange.finish(kept(properties?.authenticationData));
    } catch (error) {
      throw this.#failure(error);
    }
  }

  /**
   * AUTH has come.
   *
   * @throws {ProtocolError} If it may not.
   */
  receive({ reasonCode, properties }: AuthPacket): void {
    const exchange = this.#exchange;
    // [MQTT-4.12.0-5]
    if (properties?.authenticationMethod !== this.#method.name) {
      throw new ProtocolError("AUTH has another method than CONNECT");
    }
    // [MQTT-4.12.0-2]
    const fine = reasonCode === ReasonCode.ContinueAuthentication ||
      (reasonCode === ReasonCode.Success && this.#connection!.connected);
    if (exchange === undefined || this.#thinking || !fine) {
      throw new ProtocolError("AUTH was not to be expected");
    }
    const data = kept(properties.authenticationData);
    if (reasonCode === ReasonCode.ContinueAuthentication) {
      // [MQTT-4.12.0-3]
      return this.#say(reasonCode, () => exchange.answer(data));
    }
    try {
      exchange.finish(data);
    } catch (error) {
      return this.#fail(error);
    }
    this.#exchange = undefined;
    this.#pending?.resolve();
  }

  /**
   * Authenticates again.
   *
   * @throws {TypeError} If that is going on.
   */
  again(pending: Pending<void>): void {
    if (this.#exchange !== undefined) {
      throw new TypeError(
        "Cannot authenticate again: the client is doing that already",
      );
    }
    const exchange = this.#method.start();
    this.#exchange = exchange;
    this.#pending = pending;
    // [MQTT-4.12.1-1]
    this.#say(ReasonCode.Reauthenticate, () => exchange.first());
  }

  /** The connection is gone. */
  stop(error: Error): void {
    this.#exchange = undefined;
    this.#pending?.reject(error);
  }

  /** Sends what the method says, when it does. */
  #say(reasonCode: ReasonCode, ask: () => Data | Promise<Data>): void {
    this.#thinking = true;
    const exchange = this.#exchange;
    const say = async (): Promise<void> => {
      const properties = this.#properties(await ask());
      if (this.#exchange !== exchange) return; // the connection is gone
      this.#thinking = false;
      this.#connection!.send({ type: "auth", reasonCode, properties });
    };
    say().catch((error) => this.#fail(error));
  }

  /** The exchange cannot go on: neither can the connection. [MQTT-4.12.1-2] */
  #fail(error: unknown): void {
    const cause = this.#failure(error);
    this.#connection!.disconnect(
      ReasonCode.UnspecifiedError,
      new ConnectionLostError(`Connection lost: ${cause.message}`, { cause }),
    );
  }

  #failure(cause: unknown): Error {
    const why = cause instanceof Error ? cause.message : String(cause);
    return new PermanentError(
      `the authentication by ${this.#method.name} failed: ${why}`,
      { cause },
    );
  }
}

/** @throws {TypeError} If a method of authentication cannot be used. */
export function checkAuthentication(
  { authentication, properties }: ClientOptions,
  version: number,
): void {
  if (authentication === undefined) return;
  const { name, start } = authentication;
  const problem = version !== 5
    ? "needs protocolVersion 5"
    : typeof name !== "string" || typeof start !== "function"
    ? "is no method: it has no name, or no start()"
    : properties?.authenticationMethod !== undefined ||
        properties?.authenticationData !== undefined
    ? "and properties both say how to authenticate"
    : undefined;
  if (problem === undefined) return;
  throw new TypeError(`Cannot make a client: authentication ${problem}`);
}

/** Data that are independent of the receive buffer. */
function kept(data: Data): Data {
  return data && copyBytes(data);
}

/**
 * Enhanced authentication of one connection (5.0, section 4.12): the exchange
 * of a client with the plugin whose method it has named, when it connects, and
 * again whenever the client begins anew.
 */

import {
  type AuthPacket,
  type ConnackPacket,
  type ConnackProperties,
  copyBytes,
  isReasonCodeAllowed,
  ProtocolError,
  ReasonCode,
  reasonName,
} from "../codec/mod.ts";
import { Attempt } from "./_attempt.ts";
import type { Hooks, Offer } from "./_hooks.ts";
import type { Metrics } from "./metrics.ts";
import type {
  AuthenticationAnswer,
  AuthenticationExchange,
  Awaitable,
  ClientInfo,
} from "./plugin.ts";

/** Steps of the longest exchange: with more a client only keeps us busy. */
const MOST_STEPS = 16;

/** The parts of the broker that authentication uses. */
export interface AuthenticationHost {
  readonly hooks: Hooks;
  readonly metrics: Metrics;
  now(): number;
}

/** The connection whose authentication it is. */
export interface Claimant {
  readonly clientId: string;
  readonly ended: boolean;
  readonly output: { send(packet: AuthPacket): void };
  /** Who it is; before it is proven, who it says to be. */
  client: ClientInfo | undefined;
  /** While plugins are asked whether it may connect. */
  attempt: Attempt | undefined;
  /** Notes against its address what it is refused for, if that is its fault. */
  blame(reasonCode: ReasonCode, reason: string): void;
  disconnect(reasonCode: ReasonCode, reason: string): void;
}

type Refusal = Extract<AuthenticationAnswer, { outcome: "refusal" }>;

export class Authentication {
  /** When the exchange that is under way began, in milliseconds. */
  startedAt: number | undefined;

  readonly #broker: AuthenticationHost;
  readonly #peer: Claimant;
  readonly #offer: Offer;
  #exchange: AuthenticationExchange | undefined;
  #attempt: Attempt | undefined;
  #steps = 0;
  /** Whether the method is asked: it is the broker's turn to answer. */
  #asking = false;
  /** What the method has to say with its consent. */
  #consent: Uint8Array | undefined;

  constructor(broker: AuthenticationHost, peer: Claimant, offer: Offer) {
    this.#broker = broker;
    this.#peer = peer;
    this.#offer = offer;
  }

  /** What is said of it in a packet. [MQTT-4.12.0-5] */
  #properties(
    data: Uint8Array | undefined,
  ): Pick<ConnackProperties, "authenticationMethod" | "authenticationData"> {
    return {
      authenticationMethod: this.#offer.name,
      ...(data === undefined ? {} : { authenticationData: data }),
    };
  }

  /** What CONNACK has to say of it. */
  get greeting(): ConnackProperties {
    return this.#properties(this.#consent);
  }

  /**
   * CONNECT has come: the exchange begins.
   *
   * @returns AUTH to go on, CONNACK to refuse, or nothing: the client is who
   * it says.
   */
  begin(
    data: Uint8Array | undefined,
  ): Awaitable<AuthPacket | ConnackPacket | undefined> {
    this.#begin();
    this.#peer.attempt = this.#attempt;
    return this.#connecting(this.#ask(data));
  }

  /** AUTH has come, before CONNACK was sent. */
  continue(
    packet: AuthPacket,
  ): Awaitable<AuthPacket | ConnackPacket | undefined> {
    return this.#connecting(this.#ask(this.#taken(packet, false)));
  }

  /**
   * AUTH has come from a connected client (section 4.12.1). Whatever else it
   * sends is handled meanwhile.
   *
   * @returns AUTH to answer with, if it is there at once.
   */
  again(packet: AuthPacket): AuthPacket | undefined {
    const begins = this.startedAt === undefined;
    const data = this.#taken(packet, begins);
    if (begins) this.#begin();
    const answer = this.#ask(data);
    if (!(answer instanceof Promise)) return this.#answered(answer);
    answer.then((answer) => {
      if (this.#peer.ended) return;
      const reply = this.#answered(answer);
      if (reply !== undefined) this.#peer.output.send(reply);
    }).catch((error) => {
      this.#broker.hooks.report(this.#peer.clientId, error);
      this.#peer.disconnect(ReasonCode.UnspecifiedError, "internal error");
    });
    return undefined;
  }

  /** The connection is over. */
  end(): void {
    this.#attempt?.end();
    this.#exchange = this.startedAt = undefined;
  }

  #begin(): void {
    const { name } = this.#offer;
    this.#attempt = new Attempt(name);
    this.#exchange = undefined;
    this.#steps = 0;
    this.startedAt = this.#broker.now();
  }

  /** What a client has sent, if it may send it now. */
  #taken(
    { reasonCode, properties }: AuthPacket,
    begins: boolean,
  ): Uint8Array | undefined {
    // [MQTT-4.12.0-5] [MQTT-4.12.1-1]
    if (properties?.authenticationMethod !== this.#offer.name) {
      throw new ProtocolError("AUTH has another method than CONNECT");
    }
    // [MQTT-4.12.0-3]
    const expected = begins
      ? ReasonCode.Reauthenticate
      : ReasonCode.ContinueAuthentication;
    if (reasonCode !== expected || this.#asking) {
      throw new ProtocolError(
        `AUTH is not expected: ${reasonName(reasonCode)}`,
      );
    }
    return properties.authenticationData;
  }

  /** What the method says; and if it is content, what plugins say to that. */
  #ask(data: Uint8Array | undefined): Awaitable<AuthenticationAnswer> {
    const { hooks } = this.#broker;
    if (++this.#steps > MOST_STEPS) {
      return { outcome: "refusal", reasonCode: ReasonCode.QuotaExceeded };
    }
    const client = this.#peer.client!;
    const attempt = this.#attempt!;
    const answer = hooks.guard(this.#offer.plugin, () => {
      this.#exchange ??= this.#offer.begin(client, attempt);
      return this.#exchange.continue(data && copyBytes(data));
    });
    const judged = answer instanceof Promise
      ? answer.then((answer) => this.#judge(answer))
      : this.#judge(answer);
    if (!(judged instanceof Promise)) return judged;
    this.#asking = true;
    return judged.finally(() => this.#asking = false);
  }

  #judge(answer: AuthenticationAnswer): Awaitable<AuthenticationAnswer> {
    if (answer.outcome !== "success") return answer;
    const { client } = this.#peer;
    const { username } = answer;
    const verdict = (allowed: boolean | ReasonCode): AuthenticationAnswer =>
      allowed === true ? answer : {
        outcome: "refusal",
        username,
        ...(allowed === false ? {} : { reasonCode: allowed }),
      };
    const allowed = this.#broker.hooks.authenticate(
      { ...client!, username },
      undefined,
      this.#attempt!,
    );
    return allowed instanceof Promise
      ? allowed.then(verdict)
      : verdict(allowed);
  }

  #connecting(
    answer: Awaitable<AuthenticationAnswer>,
  ): Awaitable<AuthPacket | ConnackPacket | undefined> {
    return answer instanceof Promise
      ? answer.then((answer) => this.#greeted(answer))
      : this.#greeted(answer);
  }

  /** What an answer comes to before CONNACK. */
  #greeted(
    answer: AuthenticationAnswer,
  ): AuthPacket | ConnackPacket | undefined {
    const { data } = answer;
    if (answer.outcome === "continue") return this.#auth(0x18, data);
    this.#over();
    this.#peer.attempt = undefined;
    const { client } = this.#peer;
    if (answer.outcome === "success") {
      this.#peer.client = { ...client!, username: answer.username };
      this.#consent = data;
      return undefined;
    }
    // Who it said to be, for those who want to know whom they refuse.
    const { username = client!.username } = answer;
    this.#peer.client = { ...client!, username };
    const reasonCode = this.#refused(answer, "connack");
    const properties = { reasonString: reasonOf(reasonCode) };
    // [MQTT-4.12.0-4]
    return { type: "connack", sessionPresent: false, reasonCode, properties };
  }

  /** What an answer comes to where the client is connected. */
  #answered(answer: AuthenticationAnswer): AuthPacket | undefined {
    if (answer.outcome === "continue") return this.#auth(0x18, answer.data);
    this.#over();
    // What is allowed and whose the session is goes by the name.
    const same = answer.outcome === "success" &&
      answer.username === this.#peer.client!.username;
    if (same) return this.#auth(0x00, answer.data);
    const refusal: Refusal = answer.outcome === "refusal"
      ? answer
      : { outcome: "refusal" };
    const reasonCode = this.#refused(refusal, "disconnect");
    const reason = reasonOf(reasonCode);
    this.#peer.blame(reasonCode, reason);
    this.#peer.disconnect(reasonCode, reason); // [MQTT-4.12.1-2]
    return undefined;
  }

  #over(): void {
    this.#attempt!.end();
    this.#exchange = this.startedAt = undefined;
  }

  /** Counts a refusal; its reason code, as such a packet may say it. */
  #refused(
    { reasonCode = ReasonCode.NotAuthorized }: Refusal,
    type: "connack" | "disconnect",
  ): ReasonCode {
    this.#broker.metrics.authenticationFailures++;
    const sayable = reasonCode >= 0x80 && isReasonCodeAllowed(type, reasonCode);
    return sayable ? reasonCode : ReasonCode.NotAuthorized;
  }

  /** [MQTT-4.12.0-2] [MQTT-3.15.2-2] [MQTT-3.15.2-3]: it says nothing else. */
  #auth(reasonCode: 0x00 | 0x18, data: Uint8Array | undefined): AuthPacket {
    const properties = this.#properties(data);
    return { type: "auth", reasonCode, properties };
  }
}

function reasonOf(reasonCode: ReasonCode): string {
  return reasonCode === ReasonCode.BadUserNameOrPassword
    ? "user name or password is not valid"
    : `not authenticated: ${reasonName(reasonCode)}`;
}

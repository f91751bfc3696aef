/**
 * A connection: has its packets handled, and ends. The one place that catches
 * a `ProtocolError`, and the one that ends a client's connection.
 */

import {
  type Address,
  type AuthPacket,
  type ConnackPacket,
  type ConnectionState,
  type ConnectPacket,
  type DisconnectPacket,
  InboundTopicAliases,
  mayReceive,
  type Packet,
  type PeerCertificate,
  ProtocolError,
  type ProtocolVersion,
  ReasonCode,
  reasonName,
  type Transport,
} from "../codec/mod.ts";
import type { Attempt } from "./_attempt.ts";
import type { Authentication } from "./_authentication.ts";
import { admit, authenticate, keptConnect } from "./_connect.ts";
import { changeExpiry, closeSession, setWill } from "./_disconnect.ts";
import { dispatch } from "./_dispatch.ts";
import { Ending } from "./_ending.ts";
import { Input, type InputOwner } from "./_input.ts";
import { Output, type OutputOwner } from "./_output.ts";
import type { Peer } from "./_peer.ts";
import type { Awaitable, ClientInfo } from "./plugin.ts";
import { brief, permitted } from "./_reason.ts";
import { withoutSecrets } from "./_secrets.ts";
import type { Session } from "./_session.ts";
import type { BrokerState } from "./_state.ts";
import type { Visitor } from "./_visitors.ts";
import { Watch, type Watched } from "./_watch.ts";

export class Connection implements Peer, InputOwner, OutputOwner, Watched {
  readonly output: Output;
  readonly listener: string;
  readonly address: Address | undefined;
  /** Who comes from its address, if anybody cares. */
  readonly visitor: Visitor | undefined;
  /** Who it is, from CONNECT on. */
  client: ClientInfo | undefined;
  attempt: Attempt | undefined;
  authentication: Authentication | undefined;
  session: Session | undefined;
  /** Seconds; as CONNECT said. */
  keepAlive = 0;
  /** The session expiry interval that CONNECT asked for, in seconds. */
  requestedExpiry = 0;

  readonly #broker: BrokerState;
  readonly #transport: Transport;
  readonly #input: Input;
  #aliases: InboundTopicAliases | undefined;
  #state: ConnectionState = "connecting";
  /** CONNECT, while more is asked of the client than it says. */
  #connect: ConnectPacket | undefined;
  /** Whether the transport's handshake is not complete. */
  #shaking = false;
  readonly #watch: Watch;
  readonly #ending: Ending;
  constructor(
    broker: BrokerState,
    transport: Transport,
    listener: string,
    visitor: Visitor | undefined,
    onClosed: (connection: Connection) => void,
  ) {
    this.#broker = broker;
    this.#transport = transport;
    this.#ending = new Ending(transport, broker.now, () => onClosed(this));
    this.output = new Output(broker, transport, this);
    this.#watch = new Watch(broker);
    this.#input = new Input(broker, transport, this, this.#watch);
    this.listener = listener;
    this.visitor = visitor;
    this.address = transport.remoteAddr;
  }

  get version(): ProtocolVersion {
    return this.#input.version;
  }

  /** The bytes of the packet that is being handled, if they can be passed on. */
  get frame(): Uint8Array | undefined {
    return this.#input.frame;
  }

  /** The client identifier; empty before CONNECT. */
  get clientId(): string {
    return this.client?.clientId ?? "";
  }

  get aliases(): InboundTopicAliases {
    const { topicAliasMaximum } = this.#broker.limits;
    return this.#aliases ??= new InboundTopicAliases(topicAliasMaximum);
  }

  get certificate(): PeerCertificate | undefined {
    return this.#transport.certificate;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get ended(): boolean {
    return this.#state === "disconnected";
  }

  /** Whether CONNACK 0 was sent, which makes it a client's. */
  get #greeted(): boolean {
    return this.#state === "connected" || this.#state === "disconnected";
  }

  get shaking(): boolean {
    return this.#shaking;
  }

  /** Whether something else than the client is waited for. */
  get busy(): boolean {
    return this.#input.busy;
  }

  get asking(): boolean {
    return this.attempt !== undefined;
  }

  /** Reads and handles packets until the connection is over. Never rejects. */
  async run(): Promise<void> {
    if (this.#transport.handshake !== undefined) await this.#shakeHands();
    try {
      await this.#input.run();
    } catch (error) {
      try {
        this.#fail(error);
      } catch (error) {
        this.#broker.hooks.report(this.clientId, error);
        this.onBroken("internal error");
      }
    }
    await this.#input.close();
    await this.#ending.linger();
  }

  async #shakeHands(): Promise<void> {
    this.#shaking = true;
    try {
      await this.#transport.handshake!();
    } catch (error) {
      if (this.ended) return;
      this.#broker.metrics.handshakesFailed++;
      const reason = error instanceof Error ? error.message : String(error);
      this.visitor?.fail(reason);
      this.#refuse(ReasonCode.UnspecifiedError, reason);
    } finally {
      this.#shaking = false;
    }
  }

  handle(packet: Packet): Promise<void> | undefined {
    const { metrics, hooks } = this.#broker;
    metrics.packetsReceived++;
    if (hooks.watches("mqtt_packet_received")) {
      const { clientId } = this;
      const shown = withoutSecrets(packet);
      hooks.emit("mqtt_packet_received", { clientId, packet: shown });
    }
    if (!mayReceive("broker", this.#state, packet.type, this.version)) {
      throw new ProtocolError(
        `${packet.type} may not come in the state ${this.#state}`,
      );
    }
    const reply = this.#dispatch(packet);
    if (reply instanceof Promise) {
      return reply.then((packet) => this.#answer(packet));
    }
    this.#answer(reply);
    return undefined;
  }

  #dispatch(packet: Packet): Awaitable<Packet | undefined> {
    switch (packet.type) {
      case "connect":
        return this.#greet(authenticate(this.#broker, this, packet), packet);
      case "disconnect":
        return this.#handleDisconnect(packet);
      case "auth":
        return this.#authenticate(packet);
      default:
        return dispatch(this.#broker, this, packet);
    }
  }

  /** Only the verdict may take time: what follows it is done in one go. */
  #greet(
    verdict: Awaitable<ConnackPacket | AuthPacket | undefined>,
    packet: ConnectPacket,
  ): Awaitable<undefined> {
    const broker = this.#broker;
    const greet = (
      reply: ConnackPacket | AuthPacket | undefined,
    ): undefined => {
      if (reply?.type === "auth") {
        if (this.ended) return;
        this.#connect ??= keptConnect(packet);
        this.#state = "authenticating";
        return this.#answer(reply);
      }
      this.#connect = undefined;
      this.#input.widen();
      this.#answer(reply ?? admit(broker, this, packet));
    };
    return verdict instanceof Promise ? verdict.then(greet) : greet(verdict);
  }

  #authenticate(packet: AuthPacket): Awaitable<AuthPacket | undefined> {
    const { authentication } = this;
    if (authentication === undefined) {
      // [MQTT-4.12.0-7]
      throw new ProtocolError("AUTH, but CONNECT had no method");
    }
    return this.#connect === undefined
      ? authentication.again(packet)
      : this.#greet(authentication.continue(packet), this.#connect);
  }

  #handleDisconnect({ reasonCode, properties }: DisconnectPacket): undefined {
    if (this.#state === "authenticating") {
      this.#ending.skipLinger();
      return this.#refuse(reasonCode, "the client disconnected");
    }
    changeExpiry(this.#broker, this, properties?.sessionExpiryInterval);
    const reason = reasonCode === 0
      ? "the client disconnected"
      : `the client disconnected: ${reasonName(reasonCode)}`;
    this.#ending.skipLinger();
    this.#end(reasonCode, reason);
  }

  /** Sends a handler's reply; then goes on with what waited for it. */
  #answer(reply: Packet | undefined): undefined {
    if (reply !== undefined) this.output.send(reply);
    if (reply?.type === "connack" && !this.ended) {
      if (reply.reasonCode === 0) this.#accept();
      else {
        const { reasonCode, properties } = reply;
        const reason = properties?.reasonString ?? reasonName(reasonCode);
        this.blame(reasonCode, reason);
        this.#refuse(reasonCode, reason); // [MQTT-3.2.2-7]
      }
    }
    if (this.session?.deliveries.backlogged) this.session.deliveries.pump();
  }

  /** CONNACK 0 is on its way: the session may use the connection. */
  #accept(): void {
    const { metrics, hooks } = this.#broker;
    const client = this.client!;
    const { clientId } = client;
    this.#state = "connected";
    this.session!.deliveries.attach(this.output);
    metrics.clientsConnected++;
    if (this.visitor !== undefined) this.visitor.clients++;
    metrics.clientsMaximum = Math.max(
      metrics.clientsMaximum,
      metrics.clientsConnected,
    );
    hooks.emit("broker_client_connected", { clientId, client });
  }

  /** Notes against its address what it is refused for, if that is its fault. */
  blame(reasonCode: ReasonCode, reason: string): void {
    if (faults.has(reasonCode)) this.visitor?.fail(reason);
  }

  /** Ends the connection; a 5.0 client gets the reason. */
  disconnect(reasonCode: ReasonCode, reason: string): void {
    if (!this.#greeted) return this.#refuse(reasonCode, reason);
    // [MQTT-3.14.0-1]
    if (this.version === 5) {
      this.output.send({
        type: "disconnect",
        reasonCode: permitted("disconnect", reasonCode),
        properties: { reasonString: brief(reason) }, // [MQTT-3.14.2-2]
      });
    }
    this.#end(reasonCode, reason);
  }

  onWritten(): void {
    if (this.session?.deliveries.backlogged) this.session.deliveries.pump();
    this.#input.resume();
  }

  /** The transport is lost: what is not written never will be. */
  onBroken(reason: string): void {
    if (!this.#greeted) {
      this.#refuse(ReasonCode.UnspecifiedError, reason);
    } else {
      this.#end(ReasonCode.UnspecifiedError, reason);
    }
    this.close();
  }

  onFinished(): void {
    this.#ending.written(!this.#shaking);
  }

  close(): void {
    this.#ending.close();
  }

  /** Something was thrown while packets were handled. */
  #fail(error: unknown): void {
    const { metrics, hooks } = this.#broker;
    if (!(error instanceof ProtocolError)) {
      hooks.report(this.clientId, error);
      // [MQTT311-4.8.0-2]
      return this.disconnect(ReasonCode.UnspecifiedError, "internal error");
    }
    metrics.protocolErrors++;
    const { reasonCode } = error;
    const message = brief(error.message);
    this.visitor?.fail(message);
    if (!this.#greeted) {
      // [MQTT-3.1.2-2] an unknown version is refused in the words of 3.1.1
      // [MQTT311-3.1.2-2], what else is wrong there without one: [MQTT311-3.1.4-1] [MQTT311-3.2.2-6]
      const unknown = reasonCode === ReasonCode.UnsupportedProtocolVersion;
      this.output.version = this.version;
      if (unknown || this.version === 5) {
        this.output.send({
          type: "connack",
          sessionPresent: false,
          reasonCode: permitted("connack", reasonCode),
        });
      }
    }
    // [MQTT-4.13.1-1] [MQTT-3.1.4-1]
    this.disconnect(reasonCode, message);
  }

  /** The connection does not become a client's. */
  #refuse(reasonCode: ReasonCode, reason: string): undefined {
    if (this.ended) return;
    const { metrics, hooks } = this.#broker;
    const { address, client, session } = this;
    if (session !== undefined) {
      // Admitted, but not able to take CONNACK: it never was connected.
      setWill(session, undefined);
      closeSession(this.#broker, session, reasonCode);
    }
    metrics.connectionsRefused++;
    hooks.emit("broker_connection_refused", {
      address,
      clientId: client?.clientId,
      username: client?.username,
      reasonCode,
      reason,
    });
    this.#finish();
  }

  /** A client's connection is over: its session goes on without it, or ends. */
  #end(reasonCode: ReasonCode, reason: string): void {
    if (this.ended) return;
    const { metrics, hooks } = this.#broker;
    const client = this.client!;
    const { clientId } = client;
    this.#finish();
    closeSession(this.#broker, this.session!, reasonCode);
    metrics.clientsConnected--;
    if (this.visitor !== undefined) this.visitor.clients--;
    metrics.clientsDisconnected++;
    hooks.emit("broker_client_disconnected", {
      clientId,
      client,
      reasonCode,
      reason,
    });
  }

  /** Nothing more is handled or sent; what was sent is written. */
  #finish(): void {
    this.#state = "disconnected";
    this.attempt?.end();
    this.authentication?.end();
    this.#ending.begin();
    this.#input.finish();
    this.output.finish();
  }

  /** Looks at the deadlines; called in each sweep. */
  tick(now: number): void {
    if (this.ended) return this.#ending.tick(now);
    const overdue = this.#watch.overdue(now, this);
    if (overdue === undefined) return;
    // Who has nothing to wait for but itself.
    const idle = this.#state === "authenticating" && !this.#input.handling;
    if (this.client === undefined || idle) this.visitor?.fail(overdue.reason);
    if (overdue.lost) this.onBroken(overdue.reason);
    else this.disconnect(overdue.reasonCode, overdue.reason);
  }
}

/** What a client is refused for through a fault of its own. */
const faults: ReadonlySet<ReasonCode> = new Set([
  ReasonCode.ClientIdentifierNotValid,
  ReasonCode.BadUserNameOrPassword,
  ReasonCode.NotAuthorized,
  ReasonCode.Banned,
  ReasonCode.BadAuthenticationMethod,
]);

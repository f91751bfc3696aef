/**
 * Where a check takes place: the broker, names that nobody else uses, and the
 * clients, of whom nothing is left afterwards.
 */

import {
  type ConnectPacket,
  type ConnectProperties,
  encode,
  type ProtocolVersion,
  type PublishPacket,
  type Transport,
  type Will,
} from "../../mod.ts";
import { bytesOf, code, textOf } from "./_bytes.ts";
import { type Capabilities, need } from "./_capabilities.ts";
import { Failure, holds, Skip } from "./_verdict.ts";
import { codes, describe, Peer, type PublishFields } from "./_peer.ts";
import { WebSocketWire } from "./_websocket_wire.ts";

/** How to reach the broker. */
export interface Target {
  /** Opens a connection. */
  readonly dial: () => Promise<Transport>;
  /** For a WebSocket: its URL, and how to open what carries its bytes. */
  readonly webSocket?: { readonly url: URL; dial(): Promise<Transport> };
  readonly username?: string;
  readonly password?: string;
  /** Milliseconds to wait for an answer. */
  readonly patience: number;
  /** Lets seconds pass, for those checks that are about time. */
  readonly wait: (seconds: number) => Promise<void>;
}

/** How to connect. */
export interface ConnectFields {
  /** Whether the session outlives the connection. */
  readonly session?: boolean;
  /** Clean Start or Clean Session; by default unless there is a session. */
  readonly clean?: boolean;
  readonly clientId?: string;
  readonly keepAlive?: number;
  readonly will?: Partial<Will> & { topic: string };
  readonly properties?: ConnectProperties;
}

/** Seconds that a session is kept which a check wants to find again. */
const SESSION = 600;

/** The place of one check. */
export class Stage implements AsyncDisposable {
  readonly version: ProtocolVersion;
  readonly capabilities: Capabilities;
  /** What else is worth telling. */
  readonly notes: string[] = [];
  readonly #target: Target;
  /** What names begin with: letters and digits. */
  readonly #prefix: string;
  #peers: Peer[] = [];
  readonly #sessions = new Set<string>();
  readonly #retained = new Set<string>();
  #fences = 0;

  constructor(
    target: Target,
    version: ProtocolVersion,
    prefix: string,
    capabilities: Capabilities,
  ) {
    this.#target = target;
    this.version = version;
    this.#prefix = prefix;
    this.capabilities = capabilities;
  }

  /** User name and password, if there are both. */
  get credentials(): { username: string; password: string } | undefined {
    const { username, password } = this.#target;
    if (username === undefined || password === undefined) return undefined;
    return { username, password };
  }

  /** A topic of this check alone. */
  topic(name: string): string {
    return `ambermq-test/${this.#prefix}/${name}`;
  }

  /** A client identifier of this check alone: up to 23 letters and digits. */
  clientId(name: string): string {
    return `${this.#prefix}${name}`;
  }

  /** Tells something that no rule decides. */
  note(text: string): void {
    if (!this.notes.includes(text)) this.notes.push(text);
  }

  /**
   * Goes no further if the broker says that it does not offer something.
   *
   * @throws {Skip} If so.
   */
  needs(what: keyof Capabilities, least: number | true = true): void {
    need(this.capabilities, what, least);
  }

  /** Lets seconds pass. */
  wait(seconds: number): Promise<void> {
    return this.#target.wait(seconds);
  }

  /** A connection without CONNECT. */
  async open(name = "the client"): Promise<Peer> {
    return this.#peer(name, await this.#target.dial());
  }

  /**
   * A WebSocket whose frames are made by hand, without CONNECT.
   *
   * @throws {Skip} If the broker is not reached by WebSocket.
   */
  async openWebSocket(
    name: string,
    protocols: readonly string[],
  ): Promise<[Peer, WebSocketWire]> {
    const { webSocket, patience } = this.#target;
    if (webSocket === undefined) throw new Skip("it is not a WebSocket's URL");
    const { url } = webSocket;
    const lower = await webSocket.dial();
    const wire = await WebSocketWire.open(lower, url, protocols, patience);
    return [this.#peer(name, wire), wire];
  }

  #peer(name: string, transport: Transport): Peer {
    const { patience } = this.#target;
    const peer = new Peer(this.version, name, transport, patience);
    peer.capabilities = this.capabilities;
    this.#peers.push(peer);
    return peer;
  }

  /** A CONNECT. */
  connectPacket(name: string, fields: ConnectFields = {}): ConnectPacket {
    const { session = false, keepAlive = 60, will, properties = {} } = fields;
    const { username, password } = this.#target;
    const clientId = fields.clientId ?? this.clientId(name);
    if (session) this.#sessions.add(clientId);
    this.needs("maximumQos", will?.qos ?? 0);
    if (will?.retain) {
      this.needs("retainAvailable");
      this.#retained.add(will.topic);
    }
    return {
      type: "connect",
      protocolVersion: this.version,
      cleanStart: fields.clean ?? !session,
      keepAlive,
      clientId,
      ...(will && {
        will: { payload: bytesOf("will"), qos: 0, retain: false, ...will },
      }),
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password: bytesOf(password) }),
      properties: {
        ...(session && { sessionExpiryInterval: SESSION }),
        ...properties,
      },
    };
  }

  /** A client that the broker has accepted. */
  async connect(name: string, fields: ConnectFields = {}): Promise<Peer> {
    const peer = await this.open(name);
    const { maximumPacketSize } = fields.properties ?? {};
    // [MQTT-3.1.2-24] whatever the check is about
    if (maximumPacketSize !== undefined) peer.limit(maximumPacketSize);
    await peer.send(this.connectPacket(name, fields));
    const connack = await peer.next("connack");
    peer.connack = connack;
    holds(connack.reasonCode === 0, "CONNACK 0x00", connack);
    return peer;
  }

  /** Publishes a retained message, which is removed in the end. */
  async retain(
    peer: Peer,
    topic: string,
    payload: string,
    fields: PublishFields = {},
  ): Promise<void> {
    this.needs("retainAvailable");
    this.#retained.add(topic);
    await peer.publish(topic, payload, { ...fields, retain: true });
  }

  /**
   * The messages that have come for a subscriber, acknowledged. What the
   * publisher sent before has come when a last message of its has.
   */
  async received(subscriber: Peer, publisher: Peer): Promise<PublishPacket[]> {
    // Not below the topics of the check, which may be subscribed to as a whole.
    const fence = `ambermq-test/${this.#prefix}fence/${++this.#fences}`;
    await subscriber.subscribe({ filter: fence, qos: 0 });
    await publisher.publish(fence, "the end");
    const messages: PublishPacket[] = [];
    for (let over = false; !over;) {
      const packet = await subscriber.nextOrEnd("PUBLISH");
      if (packet?.type === "publish") {
        over = packet.topic === fence;
        if (!over) messages.push(packet);
        await subscriber.acknowledge(packet);
      } else if (packet?.type === "pubrel") {
        const { packetId } = packet;
        await subscriber.send({ type: "pubcomp", packetId, reasonCode: 0 });
      } else {
        throw new Failure(`PUBLISH for ${subscriber.name}`, describe(packet));
      }
    }
    await subscriber.unsubscribe(fence);
    messages.push(...await this.#rest(subscriber));
    return messages;
  }

  /** What comes until nothing more does. */
  async #rest(subscriber: Peer): Promise<PublishPacket[]> {
    const messages: PublishPacket[] = [];
    for (;;) {
      const packets = await subscriber.drain();
      if (packets.length === 0) return messages;
      for (const packet of packets) {
        if (packet.type === "publish") {
          messages.push(packet);
          await subscriber.acknowledge(packet);
        } else if (packet.type === "pubrel") {
          const { packetId } = packet;
          await subscriber.send({ type: "pubcomp", packetId, reasonCode: 0 });
        }
      }
    }
  }

  /** As `received`: the payloads as texts. */
  async payloads(subscriber: Peer, publisher: Peer): Promise<string[]> {
    const messages = await this.received(subscriber, publisher);
    return messages.map(({ payload }) => textOf(payload));
  }

  /**
   * The broker ends a connection: before 5.0 without a word, in 5.0 perhaps
   * with DISCONNECT, whose code is one of failure.
   *
   * @param because What was wrong.
   * @param expected The codes that the specification has for it.
   */
  async closed(
    peer: Peer,
    because: string,
    expected: readonly number[] = [0x81, 0x82],
  ): Promise<void> {
    const packets = await peer.ended(because);
    const last = packets.at(-1);
    for (const packet of packets) {
      if (packet.type !== "disconnect") continue;
      if (packet !== last || this.version < 5 || packet.reasonCode < 0x80) {
        throw new Failure(`the end: ${because}`, packets.map(describe).join());
      }
      if (!expected.includes(packet.reasonCode)) {
        this.note(
          `${because}: DISCONNECT ${code(packet.reasonCode)}, where ${
            codes(expected)
          } would say more`,
        );
      }
    }
    if (this.version === 5 && last?.type !== "disconnect") {
      this.note(`${because}: closed without DISCONNECT`);
    }
  }

  /**
   * The broker refuses a CONNECT: with a CONNACK that says so, or without, and
   * closes.
   */
  async refused(
    peer: Peer,
    because: string,
    expected: readonly number[] = [0x81, 0x82],
  ): Promise<void> {
    const packets = await peer.ended(because);
    const [connack] = packets;
    if (connack === undefined) return;
    const fine = packets.length === 1 && connack.type === "connack" &&
      connack.reasonCode !== 0 && !connack.sessionPresent;
    if (!fine) {
      throw new Failure(
        `no CONNECT accepted: ${because}`,
        packets.map(describe).join(),
      );
    }
    if (!expected.includes(connack.reasonCode)) {
      this.note(`${because}: CONNACK ${code(connack.reasonCode)}`);
    }
  }

  /** Leaves nothing behind: no connection, session or retained message. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const peer of this.#peers) await peer.drop();
    this.#peers = [];
    for (const clientId of this.#sessions) {
      await using peer = await this.open("the cleaner");
      await peer.send(this.connectPacket("", { clientId, clean: true }));
      if (await peer.nextOrEnd("CONNACK")) await peer.disconnect();
    }
    if (this.#retained.size === 0) return;
    await using peer = await this.open("the cleaner");
    await peer.send(this.connectPacket("cleaner"));
    await peer.nextOrEnd("CONNACK");
    for (const topic of this.#retained) {
      await peer.sendBytes(
        encode(peer.message(topic, "", { retain: true }), this.version),
      );
    }
    await peer.disconnect();
  }
}

/**
 * One network connection: bytes in and out, the state table, the keep alive,
 * and the end. What the packets mean is its handler's affair.
 */

import {
  type Acknowledgement,
  type ConnectionState,
  type DisconnectProperties,
  mayReceive,
  type Packet,
  PacketParser,
  ProtocolError,
  type ProtocolVersion,
  type PublishPacket,
  ReasonCode,
  type Transport,
} from "../codec/mod.ts";
import type { Publication } from "./_backlog.ts";
import { Capabilities } from "./_capabilities.ts";
import type { Clock } from "./clock.ts";
import { ConnectionLostError } from "./error.ts";
import type { Events } from "./_guard.ts";
import { Heartbeat, type HeartbeatOwner } from "./_heartbeat.ts";
import { Output, type OutputOwner } from "./_output.ts";

/** How long the transport may take nothing of what is to leave at the end. */
const FLUSH_TIMEOUT = 5000;

/**
 * How long the broker may take to close after DISCONNECT. The client waits
 * with its own close, reading on: a socket that is closed with bytes unread is
 * reset, and what it sent last may be lost on the way, DISCONNECT included.
 */
const LINGER_TIMEOUT = 1000;

/** What makes sense of the packets. */
export interface ConnectionHandler {
  /**
   * A packet has come.
   *
   * @throws {ProtocolError} If the broker broke the protocol with it.
   */
  handle(packet: Packet): void;
  /** A promise to await before reading on, while the application is behind. */
  room(): Promise<void> | undefined;
  /** The keep alive sends a PINGREQ. */
  pinged(): void;
  /** The output is not congested. */
  drained(): void;
  /** Nothing more is sent: what `room` returned settles. */
  closing(): void;
}

/** What a connection is made with. */
export interface ConnectionOptions {
  readonly version: ProtocolVersion;
  readonly clock: Clock;
  /** How long PINGRESP may take, in seconds. */
  readonly pingTimeout: number;
  /** How long before the end of the keep alive to send PINGREQ, in seconds. */
  readonly pingDelay: number;
  /** The largest packet accepted, in bytes. */
  readonly maximumPacketSize: number | undefined;
  readonly events: Events;
}

export class Connection implements OutputOwner, HeartbeatOwner {
  /** What the broker can do. */
  capabilities: Capabilities;

  /** Whether what was to be sent before DISCONNECT was given up. */
  cut = false;

  readonly #transport: Transport;
  readonly #handler: ConnectionHandler;
  readonly #version: ProtocolVersion;
  readonly #clock: Clock;
  readonly #events: Events;
  readonly #parser: PacketParser;
  readonly #output: Output;
  readonly #heartbeat: Heartbeat;
  #state: ConnectionState = "connecting";
  /** Why the connection ends; `undefined` if in good order. */
  #error: Error | undefined;
  #timer: unknown;
  /** Whether DISCONNECT found something waiting before it. */
  #unsent = false;
  #closed = false;

  constructor(
    transport: Transport,
    handler: ConnectionHandler,
    options: ConnectionOptions,
  ) {
    this.#transport = transport;
    this.#handler = handler;
    const { version, clock, events, maximumPacketSize } = options;
    this.#version = version;
    this.#clock = clock;
    this.#events = events;
    this.capabilities = new Capabilities(version);
    this.#parser = new PacketParser({
      version,
      ...(maximumPacketSize === undefined ? {} : { maximumPacketSize }),
    });
    this.#output = new Output(transport, version, this);
    const delay = options.pingDelay * 1000;
    const timeout = options.pingTimeout * 1000;
    this.#heartbeat = new Heartbeat({ delay, timeout }, clock, this);
  }

  get connected(): boolean {
    return this.#state === "connected";
  }

  /** Whether who publishes has to wait until `drained` is called. */
  get congested(): boolean {
    return this.#output.congested;
  }

  /** Not `#state` itself: TypeScript would hold it for unchanged. */
  get #over(): boolean {
    return this.#state === "disconnected";
  }

  /**
   * CONNACK has come: everything may be sent.
   *
   * @param capabilities What the broker can do.
   * @param keepAlive In seconds; 0 turns it off.
   */
  open(capabilities: Capabilities, keepAlive: number): void {
    this.#state = "connected";
    this.capabilities = capabilities;
    this.#output.aliases = capabilities.topicAliases();
    this.#heartbeat.start(keepAlive);
  }

  /**
   * Reads until the connection has ended.
   *
   * @param connect CONNECT. [MQTT-3.1.0-1]
   * @returns Why it ended; `undefined` if `disconnect` did it.
   */
  async run(connect: Packet): Promise<Error | undefined> {
    this.send(connect);
    while (!this.#closed) {
      try {
        await this.#read();
        this.close(
          new ConnectionLostError("Connection lost: the broker closed it"),
        );
      } catch (error) {
        if (error instanceof ProtocolError && !this.#over) {
          this.disconnect(error.reasonCode, lostBy(error));
        } else {
          this.close(lostBy(error));
        }
      }
    }
    this.#parser.close();
    return this.#error;
  }

  /** Returns at the end of the stream. */
  async #read(): Promise<void> {
    const parser = this.#parser;
    for (;;) {
      const count = await this.#transport.read(parser.writable());
      if (count === null) return;
      if (this.#over) continue; // only the end is waited for
      this.#heartbeat.received();
      parser.advance(count);
      for (;;) {
        const room = this.#handler.room();
        if (room !== undefined) await this.#heartbeat.pause(room);
        if (this.#over) break;
        const packet = parser.next();
        if (packet === undefined) break;
        this.#receive(packet);
      }
    }
  }

  #receive(packet: Packet): void {
    const { type } = packet;
    // [MQTT-3.2.0-1] [MQTT-3.2.0-2]
    if (!mayReceive("client", this.#state, type, this.#version)) {
      throw new ProtocolError(`${type} came where it may not`);
    }
    this.#events.packetReceived?.(packet);
    if (type === "pingresp") this.#heartbeat.pingresp();
    this.#handler.handle(packet);
  }

  /**
   * Sends a packet.
   *
   * @throws {RequestError} If it is too large for the broker.
   */
  send(packet: Packet): void {
    if (this.#over) return; // [MQTT-3.14.4-1]
    const { maximumPacketSize } = this.capabilities;
    if (!this.#output.push(packet, maximumPacketSize)) {
      throw this.capabilities.tooLarge(packet.type);
    }
    this.#events.packetSent?.(packet);
  }

  /**
   * Sends a PUBLISH of QoS 0.
   *
   * @throws {RequestError} If it is too large for the broker.
   */
  publish(packet: PublishPacket): void {
    if (this.#over) return; // [MQTT-3.14.4-1]
    if (!this.#output.publish(packet, this.capabilities.maximumPacketSize)) {
      throw this.capabilities.tooLarge("publish");
    }
    this.#events.packetSent?.(packet);
  }

  /**
   * Sends a PUBLISH that was encoded before.
   *
   * @param dup The flag DUP, if it was sent before: then with its topic name.
   */
  sendFrame({ packet, frame, flags }: Publication, dup = 0): void {
    if (this.#over) return; // [MQTT-3.14.4-1]
    this.#output.pushFrame(
      frame,
      flags | dup,
      packet.packetId ?? 0,
      dup === 0 ? packet.topic : undefined,
      this.capabilities.maximumPacketSize,
    );
    this.#events.packetSent?.(dup === 0 ? packet : { ...packet, dup: true });
  }

  /** Sends an acknowledgement; before 5.0 it says no reason. */
  acknowledge(
    type: "puback" | "pubrec" | "pubrel" | "pubcomp",
    packetId: number,
    reasonCode: ReasonCode = ReasonCode.Success,
  ): Acknowledgement {
    const packet = { type, packetId, reasonCode };
    this.#push(packet);
    return packet;
  }

  /** Sends a packet that is as small as it can be. */
  #push(packet: Packet): void {
    if (this.#over) return; // [MQTT-3.14.4-1]
    this.#output.push(packet);
    this.#events.packetSent?.(packet);
  }

  /** Sends PINGREQ; its PINGRESP has to come in time. */
  ping(): void {
    this.#push({ type: "pingreq" });
    this.#heartbeat.pingreq();
  }

  /**
   * Ends the connection: sends DISCONNECT if that can be, waits until it has
   * left, as long as there is progress, and the broker has closed, but not for
   * long.
   *
   * @param reasonCode The reason; only 5.0 sends one.
   * @param error What went wrong, if that is why.
   * @param properties The properties of DISCONNECT (5.0).
   * @throws {TypeError} If reason or properties are not those of DISCONNECT.
   * @throws {RequestError} If they are too large for the broker.
   */
  disconnect(
    reasonCode: ReasonCode,
    error?: Error,
    properties?: DisconnectProperties,
  ): void {
    if (this.#over) return;
    // A client of MQTT 3 cannot say that the broker is wrong.
    const sends = this.connected && (error === undefined || this.#version > 4);
    if (!sends) return this.close(error);
    const packet = { type: "disconnect" as const, reasonCode };
    this.#unsent = this.#output.busy;
    if (properties === undefined) this.#push(packet);
    else this.send({ ...packet, properties });
    this.#error = error;
    this.#state = "disconnected"; // [MQTT-3.14.4-1]
    this.#heartbeat.stop();
    this.#handler.closing();
    this.#awaitProgress();
  }

  /**
   * Closes the transport. [MQTT-3.14.4-2]
   *
   * @param error Why, unless the connection was about to end.
   */
  close(error?: Error): void {
    if (this.#closed) return;
    if (!this.#over) this.#error = error;
    this.#closed = true;
    this.#state = "disconnected";
    this.#heartbeat.stop();
    this.#clock.clearTimeout(this.#timer);
    this.#transport.close();
    this.#handler.closing();
  }

  #expire(delay: number, expired: () => void): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = this.#clock.setTimeout(expired, delay);
  }

  /** Gives the transport time to take something. */
  #awaitProgress(): void {
    this.#expire(FLUSH_TIMEOUT, () => {
      this.cut = this.#unsent;
      this.close();
    });
  }

  progressed(): void {
    if (this.#over && !this.#closed) this.#awaitProgress();
  }

  written(): void {
    this.#heartbeat.sent();
    if (!this.congested) this.#handler.drained();
  }

  flushed(): void {
    if (!this.#over || this.#closed) return;
    this.#expire(LINGER_TIMEOUT, () => this.close());
  }

  failed(error: unknown): void {
    this.close(lostBy(error));
  }

  beat(): void {
    this.#handler.pinged();
    this.ping();
  }

  missed(): void {
    this.close(
      new ConnectionLostError(
        "Connection lost: the broker did not answer PINGREQ in time",
      ),
    );
  }
}

function lostBy(cause: unknown): ConnectionLostError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ConnectionLostError(`Connection lost: ${reason}`, { cause });
}

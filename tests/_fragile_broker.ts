/** A broker by any transport, whose connections a test can cut. */

import { Broker } from "../broker/mod.ts";
import { type Transport, webSocketTransport } from "../codec/mod.ts";
import type { Certificate } from "./_certificates.ts";

/** Connections on their way to the broker. */
class Arrivals {
  readonly #arrived: Transport[] = [];
  #accepting: PromiseWithResolvers<Transport> | undefined;

  push(transport: Transport): void {
    if (this.#accepting === undefined) this.#arrived.push(transport);
    else this.#accepting.resolve(transport);
    this.#accepting = undefined;
  }

  accept(): Promise<Transport> {
    const first = this.#arrived.shift();
    if (first !== undefined) return Promise.resolve(first);
    this.#accepting = Promise.withResolvers();
    return this.#accepting.promise;
  }

  close(): void {
    this.#accepting?.reject(new Error("The listener is closed"));
  }
}

/** A connection that may be closed by the test and by the broker. */
class Fragile implements Transport {
  readonly #connection: Deno.Conn;
  readonly #closed: (one: Fragile) => void;
  #open = true;

  constructor(connection: Deno.Conn, closed: (one: Fragile) => void) {
    this.#connection = connection;
    this.#closed = closed;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#connection.read(buffer);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#connection.write(bytes);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#connection.close();
    this.#closed(this);
  }
}

/** What a request that is not about MQTT is answered with. */
export type Answer = (request: Request) => Response | Promise<Response>;

const ADDRESS = { hostname: "127.0.0.1", port: 0 };

/** The broker. */
export class FragileBroker implements AsyncDisposable {
  readonly #broker: Broker;
  readonly #arrivals = new Arrivals();
  readonly #open = new Set<{ close(): void }>();
  readonly #listeners: Deno.Listener[] = [];
  readonly #servers: Deno.HttpServer[] = [];

  private constructor(broker: Broker) {
    this.#broker = broker;
    broker.serve(this.#arrivals).catch(() => {});
  }

  /** Starts it; it listens nowhere yet. */
  static async start(): Promise<FragileBroker> {
    const broker = new Broker({ listeners: {} });
    await broker.start();
    return new FragileBroker(broker);
  }

  /** Listens by TCP, or TLS; returns the port. */
  listen(certificate?: Certificate): number {
    const listener = certificate === undefined
      ? Deno.listen(ADDRESS)
      : Deno.listenTls({
        ...ADDRESS,
        cert: certificate.cert,
        key: certificate.key,
      });
    this.#listeners.push(listener);
    this.#accept(listener);
    return (listener.addr as Deno.NetAddr).port;
  }

  async #accept(listener: Deno.Listener): Promise<void> {
    try {
      for await (const connection of listener) {
        const fragile = new Fragile(
          connection,
          (one) => this.#open.delete(one),
        );
        this.#open.add(fragile);
        this.#arrivals.push(fragile);
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  /** Listens by HTTP, with MQTT by WebSocket at /mqtt; returns the port. */
  listenWeb(
    answer: Answer = () => new Response(null, { status: 404 }),
    certificate?: Certificate,
  ): number {
    const server = Deno.serve(
      {
        ...ADDRESS,
        onListen: () => {},
        ...(certificate && { cert: certificate.cert, key: certificate.key }),
      },
      (request) =>
        new URL(request.url).pathname === "/mqtt"
          ? this.#upgrade(request)
          : answer(request),
    );
    this.#servers.push(server);
    return (server.addr as Deno.NetAddr).port;
  }

  #upgrade(request: Request): Response {
    const { socket, response } = Deno.upgradeWebSocket(request, {
      protocol: "mqtt",
    });
    this.#open.add(socket);
    socket.addEventListener("close", () => this.#open.delete(socket));
    this.#arrivals.push(webSocketTransport(socket));
    return response;
  }

  /** Cuts all connections. */
  drop(): void {
    for (const connection of this.#open) connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#broker.shutdown();
    this.#arrivals.close();
    for (const listener of this.#listeners) listener.close();
    await Promise.all(this.#servers.map((server) => server.shutdown()));
  }
}

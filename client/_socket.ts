/** TCP and TLS by the modules of Node.js, as transports. */

import type { Socket } from "node:net";
import type { Address, Transport } from "../codec/mod.ts";
import { builtin } from "./_builtin.ts";
import { readCredentials } from "./_credentials.ts";
import { explainTls } from "./_tls_error.ts";
import type { TlsOptions } from "./options.ts";

/** Where to. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

/**
 * Opens a connection of TCP.
 *
 * @throws {Error} What the system says, or the reason of the signal.
 */
export async function connectTcp(
  target: Target,
  signal: AbortSignal | undefined,
): Promise<Transport> {
  signal?.throwIfAborted();
  const transport = new SocketTransport(
    builtin("node:net").connect({ ...target }),
    (error) => error,
  );
  await transport.opened("connect", signal);
  return transport;
}

/**
 * Opens a connection of TLS, and asks for a protocol there if one is named
 * (ALPN). Not by `Deno.connectTls`: to the authorities that
 * it is given it adds its own, and it always checks the certificate.
 *
 * @throws {TypeError} If a file cannot be used.
 * @throws {Error} What the system says, or what is wrong with the certificate,
 * or the reason of the signal.
 */
export async function connectTls(
  target: Target,
  options: TlsOptions,
  protocol: string | undefined,
  signal: AbortSignal | undefined,
): Promise<Transport> {
  const { checkHostname = true, verifyCert = true } = options;
  const { ca, cert, key } = await readCredentials(options);
  signal?.throwIfAborted();
  const transport = new SocketTransport(
    builtin("node:tls").connect({
      ...target,
      ...(ca === undefined ? {} : { ca: [...ca] }),
      ...(cert === undefined || key === undefined ? {} : { cert, key }),
      rejectUnauthorized: verifyCert,
      ...(checkHostname ? {} : { checkServerIdentity: () => undefined }),
      ...(protocol === undefined ? {} : { ALPNProtocols: [protocol] }),
    }),
    explainTls,
  );
  await transport.opened("secureConnect", signal);
  return transport;
}

/** A socket as a transport. */
class SocketTransport implements Transport {
  readonly #socket: Socket;
  readonly #explain: (error: unknown) => unknown;
  /** What was received and did not fit. */
  #rest: Uint8Array | undefined;
  #failure: { readonly error: unknown } | undefined;
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(socket: Socket, explain: (error: unknown) => unknown) {
    this.#socket = socket;
    this.#explain = explain;
    // What is written is whole packets already: nothing to wait for.
    socket.setNoDelay(true);
    socket.on("readable", () => this.#wake?.());
    socket.on("end", () => this.#end());
    socket.on("close", () => this.#end());
    socket.on("error", (error) => {
      this.#failure ??= { error: explain(error) };
      this.#end();
    });
  }

  get remoteAddr(): Address {
    const { remoteAddress, remotePort } = this.#socket;
    return {
      ...(remoteAddress === undefined ? {} : { hostname: remoteAddress }),
      ...(remotePort === undefined ? {} : { port: remotePort }),
    };
  }

  /** Waits until the socket is open. */
  async opened(
    event: "connect" | "secureConnect",
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const abort = () => this.close();
    signal?.addEventListener("abort", abort);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#socket.once(event, resolve);
        // It comes after an error too.
        this.#socket.once("close", () => {
          const { error } = this.#failure ??
            { error: new Error("the broker closed the connection") };
          reject(signal?.aborted ? signal.reason : error);
        });
      });
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  #end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    for (;;) {
      // Nothing is read from the network before this asks for it.
      const chunk = this.#rest ?? this.#socket.read() as Uint8Array | null;
      if (chunk !== null) return this.#take(chunk, buffer);
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.#ended) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#wake = undefined;
    }
  }

  #take(chunk: Uint8Array, buffer: Uint8Array): number {
    const count = Math.min(chunk.length, buffer.length);
    buffer.set(chunk.subarray(0, count));
    this.#rest = count < chunk.length ? chunk.subarray(count) : undefined;
    return count;
  }

  write(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) =>
      this.#socket.write(bytes, (error) => {
        if (error) reject(this.#explain(error));
        else resolve(bytes.length);
      })
    );
  }

  closeWrite(): Promise<void> {
    return new Promise((resolve) => this.#socket.end(resolve));
  }

  close(): void {
    this.#rest = undefined;
    this.#socket.destroy();
  }
}

/**
 * Where connections come from. The only file of the broker that opens sockets.
 *
 * | Listener                 | Made of                       |
 * | ------------------------ | ----------------------------- |
 * | TCP, Unix socket         | `Deno.listen`                 |
 * | TLS                      | `node:tls` over `Deno.listen` |
 * | WebSocket, secure or not | our own frames over these     |
 *
 * Connections of `Deno.listen` are transports as they are.
 *
 * @module
 */

import type { Transport } from "../codec/mod.ts";
import type { ResolvedListener, ResolvedTls } from "./listeners.ts";
import { BrokerError } from "./error.ts";
import { TlsTransport } from "./_tls.ts";
import { readTlsFiles } from "./_tls_files.ts";
import { tlsOptions } from "./_tls_handshake.ts";
import { selfTest } from "./_tls_self_test.ts";
import { WebSocketTransport } from "./_websocket.ts";

/** A source of transports; `Deno.listen` returns one. */
export interface Listener {
  /**
   * Waits for the next connection, and for no handshake of it.
   *
   * @returns Its transport. Rejects once the listener is closed.
   */
  accept(): Promise<Transport>;

  /** Stops listening. */
  close(): void;

  /** Where it listens, if it has an address. */
  readonly addr?: {
    readonly hostname?: string;
    readonly port?: number;
    readonly path?: string;
  };
}

/** What listening needs to know and tell. */
export interface ListenOptions {
  /** Milliseconds since 1970, to tell whether certificates are valid. */
  readonly now: number;
  /** Told what is odd, for people to read. */
  warn(message: string): void;
}

/** Connections that the system may hold for us until they are accepted. */
const BACKLOG = 1024;

/**
 * Listens as configured.
 *
 * @param listener Where and how.
 * @param options The time, and who is told of what is odd.
 * @returns The listener, bound.
 * @throws {BrokerError} If the address or a file of TLS cannot be used; it says
 * why.
 */
export async function listen(
  listener: ResolvedListener,
  options: ListenOptions,
): Promise<Listener> {
  const { type, tls, path, origins } = listener;
  const secured = tls === undefined
    ? await plain(listener)
    : await encrypted(listener, tls, options);
  if (type === "tcp") return secured;
  const allowed = {
    ...(path === undefined ? {} : { path }),
    ...(origins === undefined ? {} : { origins }),
  };
  return over(secured, (lower) => new WebSocketTransport(lower, allowed));
}

/** A listener whose transports are made of another's. */
function over(
  lower: Listener,
  make: (transport: Transport) => Transport,
): Listener {
  return {
    accept: async () => make(await lower.accept()),
    close: () => lower.close(),
    ...(lower.addr === undefined ? {} : { addr: lower.addr }),
  };
}

async function plain(listener: ResolvedListener): Promise<Listener> {
  const { hostname, port, unixPath: path } = listener;
  if (path === undefined) {
    const tcpBacklog = BACKLOG;
    return opened(
      listener,
      () => Deno.listen({ hostname, port, tcpBacklog }),
    );
  }
  await removeStale(listener, path);
  // Who may connect is said by the permissions of its folder. Its file goes
  // when the listener is closed.
  return opened(listener, () => Deno.listen({ transport: "unix", path }));
}

async function encrypted(
  listener: ResolvedListener,
  tls: ResolvedTls,
  { now, warn }: ListenOptions,
): Promise<Listener> {
  const { name, type } = listener;
  const material = await readTlsFiles(name, tls, now);
  for (const warning of material.warnings) warn(warning);
  // What browsers offer is the protocol of the request, not what follows.
  const protocol = type === "ws" ? "http/1.1" : "mqtt";
  const options = tlsOptions(material, tls.clientCert, protocol);
  const problem = await selfTest(options);
  if (problem !== undefined) {
    throw failure(listener, `TLS does not work: ${problem}`);
  }
  return over(
    await plain(listener),
    (lower) => new TlsTransport(lower, options),
  );
}

/** Removes the file of a socket that nobody listens on: of a broker killed. */
async function removeStale(
  listener: ResolvedListener,
  path: string,
): Promise<void> {
  try {
    const { isSocket } = await Deno.lstat(path);
    if (!isSocket) {
      throw failure(listener, "there is a file of this name, not a socket");
    }
    try {
      (await Deno.connect({ transport: "unix", path })).close();
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
      return await Deno.remove(path);
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error instanceof BrokerError
      ? error
      : failure(listener, reason(error), error);
  }
  throw failure(listener, "the socket is in use; is another broker running?");
}

/** What opening returns; a failure says where and why. */
function opened<T>(listener: ResolvedListener, open: () => T): T {
  try {
    return open();
  } catch (error) {
    throw failure(listener, reason(error), error);
  }
}

function failure(
  { name, hostname, port, unixPath }: ResolvedListener,
  why: string,
  cause?: unknown,
): BrokerError {
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  const where = unixPath ?? `${host}:${port}`;
  return new BrokerError(
    `Cannot listen on ${where} (listener ${name}): ${why}`,
    { cause },
  );
}

function reason(error: unknown): string {
  if (error instanceof Deno.errors.AddrInUse) {
    return "the port is in use; is another broker running?";
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return "permission denied; ports below 1024 need a privileged user";
  }
  if (error instanceof Deno.errors.AddrNotAvailable) {
    return "this machine does not have the address";
  }
  return error instanceof Error ? error.message : String(error);
}

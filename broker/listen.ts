/**
 * Where connections come from. The only file of the broker that opens sockets.
 *
 * @module
 */

import type { Transport } from "../codec/mod.ts";
import type { ResolvedListener } from "./listeners.ts";
import { BrokerError } from "./error.ts";

/** A source of transports; `Deno.listen` returns one. */
export interface Listener {
  /**
   * Waits for the next connection.
   *
   * @returns Its transport. Rejects once the listener is closed.
   */
  accept(): Promise<Transport>;

  /** Stops listening. */
  close(): void;

  /** Where it listens, if it has an address. */
  readonly addr?: { readonly hostname?: string; readonly port?: number };
}

/** Connections that the system may hold for us until they are accepted. */
const BACKLOG = 1024;

/**
 * Listens as configured.
 *
 * @param listener Where.
 * @returns The listener, bound.
 * @throws {BrokerError} If the address cannot be used; it says why.
 */
export function listen(listener: ResolvedListener): Listener {
  const { name, hostname, port } = listener;
  try {
    return Deno.listen({ hostname, port, tcpBacklog: BACKLOG });
  } catch (error) {
    const where = hostname.includes(":") ? `[${hostname}]` : hostname;
    throw new BrokerError(
      `Cannot listen on ${where}:${port} (listener ${name}): ${reason(error)}`,
      { cause: error },
    );
  }
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

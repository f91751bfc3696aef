/**
 * The ways into a broker: its listeners, those that it was given, and the HTTP
 * servers that it is mounted on.
 */

import { Acceptor } from "./_acceptor.ts";
import type { Listener } from "./listen.ts";
import type { BrokerState } from "./_state.ts";
import { Mount } from "./_upgrade.ts";
import { within } from "./_within.ts";

/** Where a started broker listens. */
export interface ListenerAddress {
  /** The name of the listener. */
  readonly name: string;
  /** The interface; empty for a Unix socket. */
  readonly hostname: string;
  /** The port; 0 for a Unix socket. */
  readonly port: number;
  /** The path of the Unix socket, if it is one. */
  readonly path?: string;
}

export class WaysIn {
  readonly #broker: BrokerState;
  /** Those that are open, and the end of each. */
  readonly #acceptors = new Map<Acceptor, Promise<void>>();
  readonly #mounts = new Map<string, Mount>();
  /** Called when the last connection is closed; during a shutdown. */
  #onEmpty: (() => void) | undefined;

  constructor(broker: BrokerState) {
    this.#broker = broker;
  }

  /** The addresses of the listeners that have one. */
  get addresses(): ListenerAddress[] {
    const addresses: ListenerAddress[] = [];
    for (const { name, listener } of this.#acceptors.keys()) {
      const { hostname, port, path } = listener.addr ?? {};
      if (hostname !== undefined && port !== undefined) {
        addresses.push({ name, hostname, port });
      } else if (path !== undefined) {
        addresses.push({ name, hostname: "", port: 0, path });
      }
    }
    return addresses;
  }

  /**
   * Lets in who comes by a listener.
   *
   * @param most How many at a time.
   * @returns Resolves when the listener is closed.
   */
  open(listener: Listener, name: string, most: number): Promise<void> {
    const { connections } = this.#broker;
    const acceptor = new Acceptor(this.#broker, listener, name, most, () => {
      if (connections.size === 0) this.#onEmpty?.();
    });
    const done = acceptor.run().finally(() => this.#acceptors.delete(acceptor));
    this.#acceptors.set(acceptor, done);
    return done;
  }

  /** What takes the transports of an HTTP server. */
  mount(name: string): Mount {
    let mount = this.#mounts.get(name);
    if (mount === undefined) {
      mount = new Mount();
      this.#mounts.set(name, mount);
      this.open(mount, name, Infinity)
        .finally(() => this.#mounts.delete(name));
    }
    return mount;
  }

  /** Lets nobody in any more. */
  close(): void {
    for (const acceptor of this.#acceptors.keys()) acceptor.stop();
  }

  /** Waits until everybody has gone, but no longer than so many milliseconds. */
  async emptied(timeout: number): Promise<void> {
    if (this.#broker.connections.size === 0) return;
    const empty = new Promise<void>((resolve) => this.#onEmpty = resolve);
    await within(timeout, empty);
    this.#onEmpty = undefined;
  }

  /** Waits until all is closed, but no longer than so many milliseconds. */
  closed(timeout: number): Promise<void> {
    return within(timeout, Promise.all(this.#acceptors.values()));
  }
}

/** A network that a test can break: it passes bytes on, until it is cut. */

export class Relay implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #open = new Set<Deno.Conn>();
  readonly #running: Promise<void>;
  readonly #target: number;
  /** Cuts a connection when the broker sends bytes that begin like this. */
  cutAt: number | undefined;
  /** How often it did. */
  cuts = 0;
  /** Whether new connections end at once. */
  down = false;

  /** @param target The port of the broker. */
  constructor(target: number) {
    this.#target = target;
    this.#running = this.#run();
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.#listener.addr.port}`;
  }

  /** Ends all connections. */
  cut(): void {
    for (const connection of this.#open) close(connection);
    this.#open.clear();
  }

  async #run(): Promise<void> {
    const relays: Promise<void>[] = [];
    for await (const client of this.#listener) {
      if (this.down) close(client);
      else relays.push(this.#relay(client));
    }
    this.cut();
    await Promise.all(relays);
  }

  async #relay(client: Deno.Conn): Promise<void> {
    this.#open.add(client);
    const port = this.#target;
    const broker = await Deno.connect({ hostname: "127.0.0.1", port });
    this.#open.add(broker);
    await Promise.all([
      this.#pass(client, broker, () => false),
      this.#pass(broker, client, (byte) => {
        if (byte !== this.cutAt) return false;
        this.cutAt = undefined;
        this.cuts++;
        return true;
      }),
    ]);
  }

  async #pass(
    from: Deno.Conn,
    to: Deno.Conn,
    ends: (first: number) => boolean,
  ): Promise<void> {
    const buffer = new Uint8Array(65_536);
    try {
      for (let n; (n = await from.read(buffer)) !== null;) {
        if (ends(buffer[0]!)) break;
        await to.write(buffer.subarray(0, n));
      }
    } catch {
      // The other direction has ended it.
    }
    for (const connection of [from, to]) {
      this.#open.delete(connection);
      close(connection);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#running;
  }
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // It is closed.
  }
}

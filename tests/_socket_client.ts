/** A client with a real socket, that does what a test says. */

import {
  type Bytes,
  type Packet,
  PacketReader,
  type Version,
  within,
} from "./_raw_client.ts";

export class SocketClient implements Disposable {
  readonly #connection: Deno.TcpConn;
  readonly #reader: PacketReader;

  private constructor(connection: Deno.TcpConn, version: Version) {
    this.#connection = connection;
    this.#reader = new PacketReader(version);
  }

  /** Connects to a port of this machine. */
  static async open(port: number, version: Version = 5): Promise<SocketClient> {
    const address = { hostname: "127.0.0.1", port };
    return new SocketClient(await Deno.connect(address), version);
  }

  /** Sends a few bytes, which are never taken in part only. */
  async send(bytes: Bytes): Promise<this> {
    await this.#connection.write(bytes);
    return this;
  }

  /** The next packet; `undefined` at the end. */
  async next(): Promise<Packet | undefined> {
    const buffer = new Uint8Array(1024);
    for (;;) {
      const packet = this.#reader.next();
      if (packet !== undefined) return packet;
      // A reset is an end too.
      const reading = this.#connection.read(buffer).catch(() => null);
      const count = await within(reading, "a packet");
      if (count === null) return undefined;
      this.#reader.push(buffer.slice(0, count));
    }
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }
}

/**
 * A TCP connection that takes packets apart and gathers what is to be written.
 */

import type { Run } from "./_run.ts";

/** Memory of a connection that hardly gets anything. */
const SMALL = 256;

/** Buffers grow with what comes, up to that unless one packet needs more. */
const LARGE = 256 * 1024;

/** Where and as whom to connect. */
export interface Endpoint {
  readonly hostname: string;
  readonly port: number;
}

/** The two halves of a connection, each with buffers of its own. */
export abstract class Connection {
  readonly run: Run;
  /** What it is called when something goes wrong. */
  readonly name: string;
  /** What came in; packets are looked at where they are. */
  input = new Uint8Array(SMALL);
  inputView = new DataView(this.input.buffer);
  /** What is to be written, after a call of {@linkcode reserve}. */
  output = new Uint8Array(SMALL);
  outputView = new DataView(this.output.buffer);
  /** When the latest bytes were read, in milliseconds. */
  readAt = 0;
  #tcp: Deno.TcpConn | undefined;
  #length = 0;
  /** The other buffer: one is filled while one is written. */
  #spare = new Uint8Array(SMALL);
  #isWriting = false;
  #isWoken = false;
  #isClosed = false;
  #isClosing = false;

  constructor(run: Run, name: string) {
    this.run = run;
    this.name = name;
  }

  /** Bytes that wait to be written, without those being written. */
  get pending(): number {
    return this.#length;
  }

  /** Connects, and reads from then on. */
  async connect(endpoint: Endpoint): Promise<void> {
    this.#tcp = await Deno.connect(endpoint);
    this.#tcp.setNoDelay(true);
    void this.#read(this.#tcp);
  }

  /** Makes room for a packet, which the caller writes to the output there. */
  reserve(size: number): number {
    const at = this.#length;
    this.#length += size;
    if (this.#length > this.output.length) {
      const grown = new Uint8Array(2 ** Math.ceil(Math.log2(this.#length)));
      grown.set(this.output.subarray(0, at));
      this.#setOutput(grown);
    }
    if (!this.#isWoken) {
      this.#isWoken = true;
      this.run.turn.wakeWriter(this);
    }
    return at;
  }

  /** Writes a packet at the end of the turn. */
  send(packet: Uint8Array): void {
    const at = this.reserve(packet.length);
    this.output.set(packet, at);
  }

  /** The end of the turn: writes what there is, unless it is at it. */
  flush(): void {
    this.#isWoken = false;
    if (this.#isWriting || this.#isClosed || this.#length === 0) return;
    void this.#write();
  }

  /** Waits for what is being written, and closes. */
  async close(): Promise<void> {
    this.#isClosing = true;
    for (let i = 0; i < 100 && (this.#isWriting || this.#length > 0); i++) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    this.#shut();
  }

  /** A packet is in the input: its first byte, and from where to where. */
  protected abstract packet(header: number, start: number, end: number): void;

  /** All that there was to write is written. */
  protected drained(): void {}

  #setOutput(buffer: Uint8Array<ArrayBuffer>): void {
    this.output = buffer;
    this.outputView = new DataView(buffer.buffer);
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    try {
      while (this.#length > 0) {
        const bytes = this.output;
        const length = this.#length;
        this.#setOutput(this.#spare);
        this.#spare = bytes;
        this.#length = 0;
        for (let done = 0; done < length;) {
          done += await this.#tcp!.write(bytes.subarray(done, length));
        }
      }
      this.#isWriting = false;
      this.drained();
    } catch (error) {
      this.#lost(error);
    }
  }

  async #read(tcp: Deno.TcpConn): Promise<void> {
    let length = 0;
    try {
      for (;;) {
        const free = length === 0 ? this.input : this.input.subarray(length);
        const count = await tcp.read(free);
        if (count === null) return this.#lost("closed by the broker");
        this.readAt = performance.now();
        length += count;
        const used = this.#parse(length);
        if (used > 0) this.input.copyWithin(0, used, length);
        length -= used;
        // There was more than it could take: take more at once next time.
        if (count === free.length) this.#grow(length);
      }
    } catch (error) {
      this.#lost(error);
    }
  }

  /** Hands over the packets that are there; returns what they come to. */
  #parse(length: number): number {
    let at = 0;
    while (at + 2 <= length) {
      const { input } = this;
      let size = 0;
      let start = at + 1;
      let byte = 0x80;
      for (let shift = 0; byte >= 0x80; shift += 7) {
        if (start === length) return at;
        if (shift > 21) throw new Error("sent a malformed length");
        byte = input[start++]!;
        size |= (byte & 0x7f) << shift;
      }
      if (start + size > length) return at;
      this.packet(input[at]!, start, start + size);
      at = start + size;
    }
    return at;
  }

  #grow(length: number): void {
    const size = this.input.length;
    if (size >= LARGE && length < size) return;
    const grown = new Uint8Array(size * 4);
    grown.set(this.input.subarray(0, length));
    this.input = grown;
    this.inputView = new DataView(grown.buffer);
  }

  #lost(reason: unknown): void {
    if (!this.#isClosed && !this.#isClosing) {
      const text = reason instanceof Error ? reason.message : reason;
      this.run.fail(`${this.name}: ${text}`);
    }
    this.#shut();
  }

  #shut(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      this.#tcp?.close();
    } catch {
      // it closed itself
    }
  }
}

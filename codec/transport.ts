/**
 * What carries the bytes (section 4.2).
 *
 * @module
 */

/**
 * An ordered, lossless stream of bytes in both directions. `Deno.TcpConn`,
 * `Deno.TlsConn` and `Deno.UnixConn` are transports as they are.
 */
export interface Transport {
  /**
   * Reads what is there, waiting for the first byte.
   *
   * @param buffer Where the bytes go.
   * @returns How many bytes were read; `null` at the end of the stream.
   */
  read(buffer: Uint8Array): Promise<number | null>;

  /**
   * Writes at least one byte.
   *
   * @param bytes The bytes; they may not change until the promise settles.
   * @returns How many of them were written.
   */
  write(bytes: Uint8Array): Promise<number>;

  /** Ends the stream in both directions. Pending reads and writes settle. */
  close(): void;

  /**
   * Has what is written sent at once, where a transport would wait for more
   * (Nagle's algorithm). We write all that there is with one call: waiting only
   * adds the 40 ms of a delayed acknowledgement.
   *
   * @param noDelay Whether to send at once.
   */
  setNoDelay?(noDelay?: boolean): void;

  /** Where the peer is, if the transport knows. */
  readonly remoteAddr?: Address;
}

/** An address of the network, or the path of a Unix socket. */
export interface Address {
  /** The host, a name or an address. */
  readonly hostname?: string;
  /** The port. */
  readonly port?: number;
  /** The path of the socket. */
  readonly path?: string;
}

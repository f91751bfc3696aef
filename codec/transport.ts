/**
 * What carries the bytes (section 4.2) [MQTT-4.2.0-1].
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

  /**
   * Does what comes before the first byte of MQTT: the handshakes of TLS and
   * of WebSocket. Called once, before the first read or write.
   *
   * @returns A promise that rejects if the peer is not let in; its error says
   * why.
   */
  handshake?(): Promise<unknown>;

  /**
   * Says, instead of the handshake, that there is no room for the peer, in
   * words that it understands.
   *
   * @param reason Why.
   * @returns A promise that settles when the peer has gone.
   */
  turnAway?(reason: string): Promise<void>;

  /**
   * Says that nothing more is written, after all that was. What the peer sends
   * can still be read.
   *
   * @returns A promise that settles when it is said.
   */
  closeWrite?(): Promise<void>;

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

  /**
   * Has the system look now and then whether the peer is still there while
   * nothing is sent (TCP keep-alive), for peers whose own Keep Alive is 0.
   *
   * @param keepAlive Whether to look.
   */
  setKeepAlive?(keepAlive?: boolean): void;

  /** Where the peer is, if the transport knows. */
  readonly remoteAddr?: Address;

  /** The certificate that the peer has shown; known after the handshake. */
  readonly certificate?: PeerCertificate | undefined;
}

/** A certificate by which a peer has identified itself. */
export interface PeerCertificate {
  /** Whom it is for, as `"CN=sensor 7, O=Works"`. */
  readonly subject: string;
  /** The common name (CN) of whom it is for; empty if it has none. */
  readonly commonName: string;
  /** The alternative names, as `"DNS:example.org"` or `"URI:urn:sensor:7"`. */
  readonly subjectAltNames: readonly string[];
  /** Who issued it, in the form of `subject`. */
  readonly issuer: string;
  /** Its serial number: hexadecimal digits. */
  readonly serialNumber: string;
  /** Its SHA-256 digest: pairs of hexadecimal digits with colons between. */
  readonly fingerprint256: string;
  /** Since when it is valid, in the form of ISO 8601. */
  readonly validFrom: string;
  /** Until when it is valid, in the form of ISO 8601. */
  readonly validTo: string;
  /** Whether it is valid and of an authority that is trusted. */
  readonly authorized: boolean;
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

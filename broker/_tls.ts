/**
 * TLS over any transport.
 *
 * By `node:tls`, though `Deno.listenTls` takes less than half of the time:
 * its connections stay open when they are closed before their handshake is
 * over, or while their peers do not read, for as long as the peers like; and it
 * ignores that certificates of clients are asked for. Here the socket below is
 * ours, and gone when it is closed.
 *
 * What the runtime says of a certificate is believed to nobody's advantage: who
 * is not authorized is refused here, whatever the runtime has let through, and
 * `_tls_self_test.ts` tries all of it before a listener starts. When a session is
 * resumed the runtime looks at nothing, and its sessions are those of all
 * listeners; neither can be switched off. Then the certificate is looked at here.
 */

import { X509Certificate } from "node:crypto";
import { Duplex } from "node:stream";
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import {
  type Address,
  type PeerCertificate,
  Queue,
  type Transport,
} from "../codec/mod.ts";
import { describeCertificate } from "./_certificate.ts";
import { certificatesOf, isTrusted, outdated } from "./_certificate_path.ts";
import type { ClientCert } from "./listeners.ts";

/** What a handshake is made with. */
export interface TlsOptions {
  readonly context: SecureContext;
  /** Whether clients show a certificate. */
  readonly clientCert: ClientCert;
  /** The application protocol (ALPN). */
  readonly protocol: string;
  /** Those that certificates of clients are of. */
  readonly authorities: readonly X509Certificate[];
  /** The clock: milliseconds since 1970. */
  readonly now: () => number;
}

/** Bytes of the smallest and the largest read. */
const SMALLEST_READ = 512;
const LARGEST_READ = 65_536;

/** Bytes that are encrypted at a time. */
const LARGEST_WRITE = 65_536;

/**
 * Prepares handshakes.
 *
 * @param material Keys and certificates, in PEM.
 * @param clientCert Whether clients show a certificate.
 * @param protocol The application protocol (ALPN).
 * @returns The options.
 */
export function tlsOptions(
  { cert, key, ca }: { cert: string; key: string; ca: readonly string[] },
  clientCert: ClientCert,
  protocol: string,
): TlsOptions {
  const context = createSecureContext({ cert, key, ca: [...ca] });
  const authorities = ca.flatMap(certificatesOf);
  return { context, clientCert, protocol, authorities, now: Date.now };
}

/** A handshake that has succeeded. */
export interface Secured {
  readonly socket: TLSSocket;
  /** Who the peer is, if it has shown a certificate: one that is valid. */
  readonly certificate: PeerCertificate | undefined;
}

/**
 * Makes a stream the server's end of TLS.
 *
 * @param stream The stream.
 * @param options What with.
 * @returns The end, once the handshake is over; rejects with why it failed.
 */
export async function secure(
  stream: Duplex,
  options: TlsOptions,
): Promise<Secured> {
  const { context, clientCert, protocol } = options;
  const socket = new TLSSocket(
    // The types want a socket; any stream will do.
    stream as ConstructorParameters<typeof TLSSocket>[0],
    {
      isServer: true,
      secureContext: context,
      requestCert: clientCert !== "none",
      rejectUnauthorized: clientCert === "required",
      ALPNProtocols: [protocol],
    },
  );
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("secure", resolve);
      // For good: none may go unheard.
      socket.on("error", reject);
      stream.on("error", reject);
      // The runtime does not tell the one of the other's end.
      const end = (): void => reject(new Error("unexpected end of file"));
      for (const one of [socket, stream]) one.once("close", end);
      stream.once("end", end);
    });
    const shown = socket.getPeerX509Certificate();
    const certificate = shown && authorize(socket, shown, options);
    if (certificate === undefined && clientCert === "required") {
      throw new Error("peer sent no certificates");
    }
    return { socket, certificate };
  } catch (error) {
    socket.destroy();
    throw tlsError(error);
  }
}

/** Who the certificate is of; throws if it is not valid. */
function authorize(
  socket: TLSSocket,
  shown: X509Certificate,
  { authorities, now }: TlsOptions,
): PeerCertificate {
  // It is how `authorized` is found for the sockets of a `tls.Server`.
  const { ssl } = socket as { ssl?: { verifyError?(): unknown } };
  let problem = ssl?.verifyError === undefined
    ? "the runtime does not say whether it is valid"
    : ssl.verifyError();
  const time = now();
  if (
    !problem && socket.isSessionReused() &&
    !isTrusted(shown, shownWith(socket), authorities, time)
  ) {
    problem = "its session began elsewhere";
  }
  const certificate = describeCertificate(shown, !problem);
  const code = String((problem as { code?: string })?.code ?? problem);
  const why = outdated(certificate, time) ??
    (problem &&
      `is of no authority that is trusted, or not for this use (${code})`);
  if (!why) return certificate;
  throw new Error(`the certificate of ${certificate.subject} ${why}`);
}

/** The certificates that a peer has shown behind its own. */
function shownWith(socket: TLSSocket): X509Certificate[] {
  const others: X509Certificate[] = [];
  let one = socket.getPeerCertificate(true);
  // The last one is its own issuer, or has none.
  while (one.issuerCertificate && one.issuerCertificate !== one) {
    one = one.issuerCertificate;
    others.push(new X509Certificate(one.raw));
  }
  return others;
}

/** What goes wrong in handshakes, and what it means to who runs a broker. */
const explanations: readonly [what: RegExp, meaning: string][] = [
  [/InvalidContentType|wrong version number/, "the client does not speak TLS"],
  [
    /UnknownCA|unknown ca/i,
    "the client does not trust the broker's certificate",
  ],
  [/CertificateExpired/, "the client finds the broker's certificate expired"],
  [
    /BadCertificate|CertificateUnknown/,
    "the client rejects the broker's certificate",
  ],
  [/sent no certificates/, "the client has no certificate"],
  [/known protocol/, "the client offers other protocols only (ALPN)"],
  [
    /incompatible|ProtocolVersion|HandshakeFailure/,
    "client and broker have no version or cipher in common",
  ],
  [/end of file|hang up|reset/i, "the client left during the handshake"],
];

/** An error of a handshake for people to read, with the other as its cause. */
function tlsError(error: unknown): Error {
  const message = error instanceof Error ? error.message : String(error);
  const [, meaning] = explanations.find(([what]) => what.test(message)) ?? [];
  const text = meaning === undefined ? message : `${meaning} (${message})`;
  return new Error(`TLS: ${text}`, { cause: error });
}

/** TLS over a transport. */
export class TlsTransport implements Transport {
  readonly remoteAddr?: Address;
  certificate: PeerCertificate | undefined;

  readonly #lower: Transport;
  readonly #options: TlsOptions;
  readonly #stream: TransportStream;
  #socket: TLSSocket | undefined;
  #failure: Error | undefined;
  /** Whether nothing more comes. */
  #ended = false;
  /** What has come and was not read. */
  readonly #received = new Queue<Uint8Array>();
  /** How many bytes that is. */
  #waiting = 0;
  /** How many bytes of the first were read. */
  #taken = 0;
  /** Called when there may be something to read. */
  #wake: (() => void) | undefined;

  /**
   * @param lower What carries what is encrypted.
   * @param options What handshakes are made with.
   */
  constructor(lower: Transport, options: TlsOptions) {
    this.#lower = lower;
    this.#options = options;
    // The runtime would read on, and keep all of it.
    const full = (): boolean => this.#waiting >= LARGEST_READ;
    this.#stream = new TransportStream(lower, full);
    if (lower.remoteAddr !== undefined) this.remoteAddr = lower.remoteAddr;
  }

  setNoDelay(noDelay?: boolean): void {
    this.#lower.setNoDelay?.(noDelay);
  }

  setKeepAlive(keepAlive?: boolean): void {
    this.#lower.setKeepAlive?.(keepAlive);
  }

  async handshake(): Promise<void> {
    const secured = await secure(this.#stream, this.#options);
    const { socket, certificate } = secured;
    this.#socket = socket;
    this.certificate = certificate;
    socket.on("data", (bytes) => {
      this.#received.push(bytes as Uint8Array);
      this.#waiting += bytes.length;
      this.#wake?.();
    });
    const end = (): void => {
      this.#ended = true;
      this.#wake?.();
    };
    for (const one of [socket, this.#stream]) {
      one.on("end", end).on("close", end);
      one.on("error", (error) => {
        this.#failure ??= error;
        socket.destroy(); // settles what is being written
        end();
      });
    }
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    if (this.#socket === undefined) {
      throw new Error("TLS: there is no connection");
    }
    for (;;) {
      const count = this.#take(buffer);
      if (count > 0) return count;
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#ended) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#wake = undefined;
    }
  }

  /** Takes what is there and fits; returns how many bytes. */
  #take(buffer: Uint8Array): number {
    let count = 0;
    for (
      let bytes;
      count < buffer.length && (bytes = this.#received.peek()) !== undefined;
    ) {
      const part = bytes.subarray(this.#taken).subarray(
        0,
        buffer.length - count,
      );
      buffer.set(part, count);
      count += part.length;
      this.#taken += part.length;
      if (this.#taken < bytes.length) break;
      this.#received.shift();
      this.#taken = 0;
    }
    this.#waiting -= count;
    this.#stream.goOn();
    return count;
  }

  write(bytes: Uint8Array): Promise<number> {
    const socket = this.#socket;
    if (socket === undefined || socket.destroyed) {
      const lost = new Error("TLS: the connection is lost");
      return Promise.reject(this.#failure ?? lost);
    }
    const part = bytes.subarray(0, LARGEST_WRITE);
    return new Promise((resolve, reject) => {
      socket.write(part, (error) => {
        if (error) reject(error);
        else resolve(part.length);
      });
    });
  }

  closeWrite(): Promise<void> {
    const socket = this.#socket;
    if (socket === undefined) return Promise.resolve();
    return new Promise((resolve) => socket.end(resolve));
  }

  close(): void {
    this.#socket?.destroy();
    this.#stream.destroy(); // which closes what is below
  }
}

/** A transport as a stream of Node's. */
class TransportStream extends Duplex {
  readonly #transport: Transport;
  /** Whether nothing more is to be read for now. */
  readonly #full: () => boolean;
  /** Whether reading has stopped because of that. */
  #held = false;
  /** Bytes of the next read: it grows while much comes. */
  #size = SMALLEST_READ;

  constructor(transport: Transport, full: () => boolean) {
    super();
    this.#transport = transport;
    this.#full = full;
  }

  override _read(): void {
    if (this.#full()) this.#held = true;
    else this.#receive();
  }

  /** Something was taken: there may be room again. */
  goOn(): void {
    if (!this.#held || this.#full()) return;
    this.#held = false;
    this.#receive();
  }

  #receive(): void {
    const buffer = new Uint8Array(this.#size);
    this.#transport.read(buffer).then((count) => {
      if (count === buffer.length) {
        this.#size = Math.min(this.#size * 2, LARGEST_READ);
      } else if (count !== null && count * 8 <= buffer.length) {
        this.#size = Math.max(this.#size / 2, SMALLEST_READ);
      }
      this.push(count === null ? null : buffer.subarray(0, count));
    }).catch((error) => this.destroy(error));
  }

  override _write(
    bytes: Uint8Array,
    _encoding: string,
    done: (error?: Error) => void,
  ): void {
    this.#writeAll(bytes).then(() => done(), done);
  }

  override _final(done: (error?: Error) => void): void {
    const closed = this.#transport.closeWrite?.() ?? Promise.resolve();
    closed.then(() => done(), done);
  }

  override _destroy(
    error: Error | null,
    done: (error: Error | null) => void,
  ): void {
    try {
      this.#transport.close();
    } catch {
      // It is closed already.
    }
    done(error);
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    let written = 0;
    while (written < bytes.length) {
      written += await this.#transport.write(bytes.subarray(written));
    }
  }
}

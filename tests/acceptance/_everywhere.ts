/** A broker that is reached over TCP, TLS, WebSocket and secure WebSocket. */

import { type Certificates, makeCertificates } from "../_certificates.ts";
import { ConfiguredBroker } from "./_stage.ts";

/** The schemes, each of which has a listener of its name. */
export const schemes = ["mqtt", "mqtts", "ws", "wss"] as const;

export type Scheme = (typeof schemes)[number];

/** Whether a scheme is one of TLS. */
export function isSecure(scheme: Scheme): boolean {
  return scheme === "mqtts" || scheme === "wss";
}

/** The broker with its certificates. */
export class Everywhere implements AsyncDisposable {
  readonly certificates: Certificates;
  readonly broker: ConfiguredBroker;

  private constructor(certificates: Certificates, broker: ConfiguredBroker) {
    this.certificates = certificates;
    this.broker = broker;
  }

  /** Starts it; what is given goes on with its configuration. */
  static async start(more = ""): Promise<Everywhere> {
    const certificates = await makeCertificates();
    const { certfile, keyfile } = certificates.server;
    const tls = `ssl: on, certfile: ${certfile}, keyfile: ${keyfile}`;
    const yaml = `
listeners:
  mqtt: {bind: "127.0.0.1:0"}
  mqtts: {bind: "127.0.0.1:0", ${tls}}
  ws: {bind: "127.0.0.1:0", type: ws}
  wss: {bind: "127.0.0.1:0", type: ws, ${tls}}
${more}`;
    try {
      const broker = await ConfiguredBroker.start(yaml);
      return new Everywhere(certificates, broker);
    } catch (error) {
      await certificates[Symbol.asyncDispose]();
      throw error;
    }
  }

  url(scheme: Scheme): string {
    return this.broker.url(scheme, scheme);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.broker[Symbol.asyncDispose]();
    await this.certificates[Symbol.asyncDispose]();
  }
}

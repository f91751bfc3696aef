/** A broker to run commands against, and a client to look on. */

import { Broker, type BrokerConfig, MQTTClient } from "../../mod.ts";

export class RunningBroker implements AsyncDisposable {
  readonly broker: Broker;

  private constructor(broker: Broker) {
    this.broker = broker;
  }

  static async start(options: BrokerConfig = {}): Promise<RunningBroker> {
    const broker = new Broker({
      listeners: { default: { bind: "127.0.0.1:0" } },
      ...options,
    });
    await broker.start();
    return new RunningBroker(broker);
  }

  /** Its port, as a flag has it. */
  get port(): string {
    return String(this.broker.addresses[0]!.port);
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  /** A connected client of MQTT 5.0. */
  async client(): Promise<MQTTClient> {
    const client = new MQTTClient({ url: this.url, protocolVersion: 5 });
    await client.connect();
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.broker[Symbol.asyncDispose]();
  }
}

/** Messages being published: more than one at a time, and not too many. */

import { type MQTTClient, type PublishOptions, RequestError } from "../mod.ts";
import { report } from "./_client_flags.ts";
import type { Terminal } from "./_terminal.ts";

/** So many messages of QoS 1 and 2 keep the connection busy. */
const MESSAGES = 1000;

/** So many bytes of them: a bound for the memory. */
const BYTES = 16_777_216;

export class Flight {
  /** How many messages the broker took, or at QoS 0 the network. */
  published = 0;
  /** How many messages the broker refused. */
  refused = 0;

  readonly #client: MQTTClient;
  readonly #topic: string;
  readonly #options: PublishOptions;
  readonly #terminal: Terminal;
  /** At QoS 0 a promise that is not resolved says that the network is slow. */
  readonly #limit: number;
  #messages = 0;
  #bytes = 0;
  #landed: (() => void) | undefined;
  #error: unknown;

  constructor(
    client: MQTTClient,
    topic: string,
    options: PublishOptions,
    terminal: Terminal,
  ) {
    this.#client = client;
    this.#topic = topic;
    this.#options = options;
    this.#terminal = terminal;
    this.#limit = options.qos === 0 ? 1 : MESSAGES;
  }

  /** Publishes a message as soon as there is room for it. */
  async publish(message: Uint8Array): Promise<void> {
    this.#publish(message);
    while (this.#messages >= this.#limit || this.#bytes >= BYTES) {
      await this.#landing();
    }
    if (this.#error !== undefined) throw this.#error;
  }

  /** Waits until all is published. */
  async land(): Promise<void> {
    while (this.#messages > 0) await this.#landing();
    if (this.#error !== undefined) throw this.#error;
  }

  /** Never rejects: nobody awaits it. */
  async #publish(message: Uint8Array): Promise<void> {
    this.#messages++;
    this.#bytes += message.length;
    try {
      await this.#client.publish(this.#topic, message, this.#options);
      this.published++;
    } catch (error) {
      if (error instanceof RequestError) {
        this.refused++;
        report(error, this.#terminal, "ambermq pub");
      } else {
        this.#error ??= error;
      }
    }
    this.#messages--;
    this.#bytes -= message.length;
    this.#landed?.();
  }

  #landing(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#landed = resolve;
    return promise;
  }
}

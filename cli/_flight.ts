/** Messages being published: more than one at a time, and not too many. */

import { type MQTTClient, type PublishOptions, RequestError } from "../mod.ts";
import type { Journal } from "./_journal.ts";

/** So many messages keep the connection busy. */
const MESSAGES = 1000;

/** So many bytes of them: a bound for the memory. */
const BYTES = 16_777_216;

/** More about a {@linkcode Flight}. */
export interface FlightOptions {
  /** How many messages may be under way, by default 1000. */
  readonly limit?: number;
  /** Is called for each message that has arrived. */
  readonly landed?: (message: Uint8Array) => void;
}

export class Flight {
  /** How many messages the broker took, or at QoS 0 the network. */
  published = 0;
  /** How many messages the broker refused. */
  refused = 0;

  readonly #client: MQTTClient;
  readonly #journal: Journal;
  readonly #limit: number;
  readonly #arrived: (message: Uint8Array) => void;
  #messages = 0;
  #bytes = 0;
  #landed: (() => void) | undefined;
  #error: unknown;

  constructor(
    client: MQTTClient,
    journal: Journal,
    { limit = MESSAGES, landed = () => {} }: FlightOptions = {},
  ) {
    this.#client = client;
    this.#journal = journal;
    this.#limit = limit;
    this.#arrived = landed;
  }

  /** Publishes a message; waits until there is room for another one. */
  async publish(
    topic: string,
    message: Uint8Array,
    options: PublishOptions,
  ): Promise<void> {
    this.#publish(topic, message, options);
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
  async #publish(
    topic: string,
    message: Uint8Array,
    options: PublishOptions,
  ): Promise<void> {
    this.#messages++;
    this.#bytes += message.length;
    try {
      await this.#client.publish(topic, message, options);
      this.published++;
      this.#arrived(message);
    } catch (error) {
      if (error instanceof RequestError) {
        this.refused++;
        this.#journal.error(error);
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

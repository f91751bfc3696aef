/** `sub` at work: one connection, from its beginning to its end. */

import {
  type IncomingApplicationMessage,
  type MQTTClient,
  reasonName,
} from "../mod.ts";
import { exitStatus, FAILED, TIMED_OUT } from "./_exit_status.ts";
import { Flight } from "./_flight.ts";
import { PayloadError } from "./_format_json.ts";
import type { Journal } from "./_journal.ts";
import { Output } from "./_output.ts";
import type { Presentation } from "./_presentation.ts";
import type { Selection } from "./_selection.ts";
import type { Subscription } from "./_subscription.ts";
import type { Interruption, Terminal } from "./_terminal.ts";

/** What it works with. */
export interface Parts {
  readonly client: MQTTClient;
  readonly journal: Journal;
  readonly selection: Selection;
  readonly present: Presentation;
  readonly terminal: Terminal;
}

/** How long who interrupts waits, in seconds, for who reads the output. */
const PATIENCE = 2;

export class Run {
  readonly #subscription: Subscription;
  readonly #parts: Parts;
  readonly #late = new AbortController();
  readonly #broken = new AbortController();
  readonly #done = new AbortController();
  readonly #signal: AbortSignal;
  readonly #output: Output;
  readonly #clearing: Flight;
  /** Settles when the output has had its time after an interruption. */
  readonly #impatient: Promise<void>;
  #received = 0;

  constructor(subscription: Subscription, parts: Parts) {
    this.#subscription = subscription;
    this.#parts = parts;
    const { terminal, client, journal } = parts;
    this.#signal = AbortSignal.any([
      terminal.interrupted,
      this.#late.signal,
      this.#broken.signal,
    ]);
    this.#output = new Output(terminal, (error) => this.#broken.abort(error));
    this.#clearing = new Flight(client, journal);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#impatient = promise;
    terminal.interrupted.addEventListener("abort", () => {
      terminal.sleep(PATIENCE, this.#done.signal).then(resolve, resolve);
    }, { once: true });
  }

  async run(): Promise<number> {
    const { client, journal, terminal } = this.#parts;
    const { timeout, properties: { disconnect } } = this.#subscription;
    if (timeout !== undefined) {
      terminal.sleep(timeout, this.#done.signal).then(
        () => this.#late.abort(),
        () => {},
      );
    }
    try {
      await this.#connect();
      if (!await this.#subscribe()) {
        await client.disconnect();
        return FAILED;
      }
      if (!this.#subscription.exitAfter) await this.#receive();
      await this.#clearing.land();
      if (!await this.#flush()) terminal.interrupted.throwIfAborted();
      this.#broken.signal.throwIfAborted();
      journal.debug("Disconnecting");
      await client.disconnect(
        disconnect === undefined ? {} : { properties: disconnect },
      );
      return this.#clearing.refused > 0 ? FAILED : 0;
    } catch (error) {
      const status = this.#status(error);
      // What came is written, and what is written acknowledged.
      await this.#flush();
      await client.disconnect();
      return status;
    } finally {
      this.#done.abort();
    }
  }

  async #connect(): Promise<void> {
    const { client, journal } = this.#parts;
    journal.debug(`Connecting as ${client.clientId}`);
    const { sessionPresent } = await client.connect({ signal: this.#signal });
    const session = sessionPresent ? "session resumed" : "new session";
    journal.debug(`Connected, ${session}`);
  }

  /** Whether the broker granted any subscription that was asked for. */
  async #subscribe(): Promise<boolean> {
    const { client, journal } = this.#parts;
    const { topics, unsubscribe, options, properties } = this.#subscription;
    const signal = this.#signal;
    const codes = topics.length === 0
      ? []
      : await client.subscribe(topics, { ...options, signal });
    topics.forEach((filter, index) => {
      const code = codes[index]!;
      if (code < 0x80) {
        journal.debug(`Subscribed to ${filter} with QoS ${code}`);
      } else {
        journal.error(
          `Cannot subscribe to ${JSON.stringify(filter)}: ${reasonName(code)}`,
        );
      }
    });
    if (unsubscribe.length > 0) {
      const more = properties.unsubscribe;
      await client.unsubscribe(unsubscribe, {
        signal,
        ...(more === undefined ? {} : { properties: more }),
      });
      journal.debug(`Unsubscribed from ${unsubscribe.join(", ")}`);
    }
    return topics.length === 0 || codes.some((code) => code < 0x80);
  }

  async #receive(): Promise<void> {
    const { client, selection } = this.#parts;
    const signal = this.#signal;
    for await (const message of client.messages({ signal })) {
      if (selection.ends(message)) return;
      if (selection.clears(message)) {
        await this.#clearing.publish(message.topic, new Uint8Array(0), {
          qos: 1,
          retain: true,
          signal,
        });
      }
      if (!selection.shows(message)) {
        message.ack();
        continue;
      }
      await this.#write(message);
      if (++this.#received === this.#subscription.count) return;
    }
  }

  async #write(message: IncomingApplicationMessage): Promise<void> {
    const { present, terminal, journal } = this.#parts;
    try {
      const parts = present(message, terminal.now());
      await this.#output.add(parts, () => message.ack());
    } catch (error) {
      if (!(error instanceof PayloadError)) throw error;
      journal.error(error);
      message.ack();
    }
  }

  /** Whether all that came is written, before who interrupts is impatient. */
  #flush(): Promise<boolean> {
    return Promise.race([
      this.#output.flush().then(() => true),
      this.#impatient.then(() => false),
    ]);
  }

  #status(error: unknown): number {
    const { journal, terminal: { interrupted } } = this.#parts;
    const { count, timeout } = this.#subscription;
    if (interrupted.aborted) {
      const enough = this.#received > 0 && count === 0;
      return enough ? 0 : (interrupted.reason as Interruption).status;
    }
    if (this.#late.signal.aborted) {
      journal.error(`Timed out after ${timeout} s`);
      return TIMED_OUT;
    }
    // Who read the output has had enough of it.
    if (error instanceof Deno.errors.BrokenPipe) return 0;
    journal.error(error);
    return exitStatus(error);
  }
}

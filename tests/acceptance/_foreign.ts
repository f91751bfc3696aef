/** Clients and programs of others. */

import { Process } from "../_process.ts";
import { within } from "../_raw_client.ts";

/** Whether a program is there. */
export function has(program: string): boolean {
  try {
    new Deno.Command(program, { args: ["--help"] }).outputSync();
    return true;
  } catch {
    return false;
  }
}

/** Whether the clients of Eclipse Mosquitto are there. */
export const mosquitto: boolean = has("mosquitto_pub") && has("mosquitto_sub");

/** A test that needs something; without it, its name says what is missing. */
export function testWith(
  need: string,
  there: boolean,
  name: string,
  fn: () => Promise<void>,
): void {
  Deno.test({
    name: there ? name : `skipped: ${need} is not there: ${name}`,
    ignore: !there,
    fn,
  });
}

/** mosquitto_pub, to its end; gives its exit status and what it said. */
export async function mosquittoPub(
  port: number,
  args: readonly string[],
): Promise<{ code: number; stderr: string }> {
  const where = ["-h", "localhost", "-p", `${port}`];
  await using process = new Process("mosquitto_pub", [...where, ...args]);
  const { code } = await process.status();
  return { code, stderr: process.stderr.all.join("\n") };
}

/** mosquitto_sub; who needs to know when it has subscribed reads the log. */
export function mosquittoSub(port: number, args: readonly string[]): Process {
  const where = ["-h", "localhost", "-p", `${port}`];
  return new Process("mosquitto_sub", [...where, ...args]);
}

// What is used of MQTT.js. Its own types would have to be downloaded wherever
// the tests are checked; so would it, if the import were a literal.
const specifier: string = "npm:mqtt@5.14.1";

interface MqttJs {
  connect(url: string, options: object): JsConnection;
}

interface JsConnection {
  on(event: string, listener: (...args: never[]) => void): void;
  publishAsync(
    topic: string,
    payload: string | Uint8Array,
    options?: object,
  ): Promise<unknown>;
  subscribeAsync(filter: string, options?: object): Promise<unknown>;
  endAsync(force?: boolean): Promise<void>;
}

const mqttJs: MqttJs | undefined = await import(specifier).then(
  (module) => module.default,
  () => undefined,
);

/** Whether MQTT.js is there. */
export const hasMqttJs: boolean = mqttJs !== undefined;

/** A message as MQTT.js gives it. */
export interface JsMessage {
  readonly topic: string;
  readonly text: string;
  readonly qos: number;
  readonly retain: boolean;
}

/** A client of MQTT.js. */
export class JsClient implements AsyncDisposable {
  readonly #js: JsConnection;
  readonly #messages: JsMessage[] = [];
  #wake: (() => void)[] = [];

  private constructor(js: JsConnection) {
    this.#js = js;
    const listener = (
      topic: string,
      bytes: Uint8Array,
      { qos, retain }: { qos: number; retain: boolean },
    ): void => {
      const text = new TextDecoder().decode(bytes);
      this.#messages.push({ topic, text, qos, retain });
      for (const wake of this.#wake.splice(0)) wake();
    };
    js.on("message", listener as (...args: never[]) => void);
  }

  /** Connects; what goes wrong rejects. */
  static async connect(url: string, options: object = {}): Promise<JsClient> {
    const js = mqttJs!.connect(url, { reconnectPeriod: 0, ...options });
    const connected = Promise.withResolvers<void>();
    js.on("connect", () => connected.resolve());
    js.on("error", connected.reject as (...args: never[]) => void);
    js.on("close", () => connected.reject(new Error("closed")));
    const client = new JsClient(js);
    try {
      await within(connected.promise, `MQTT.js at ${url}`);
    } catch (error) {
      await client[Symbol.asyncDispose]();
      throw error;
    }
    return client;
  }

  async subscribe(filter: string, options: object = {}): Promise<void> {
    await this.#js.subscribeAsync(filter, options);
  }

  async publish(
    topic: string,
    payload: string | Uint8Array,
    options: object = {},
  ): Promise<void> {
    await this.#js.publishAsync(topic, payload, options);
  }

  /** The next messages, once they have come. */
  async take(count: number): Promise<JsMessage[]> {
    const waiting = async (): Promise<void> => {
      while (this.#messages.length < count) {
        await new Promise<void>((resolve) => this.#wake.push(resolve));
      }
    };
    await within(waiting(), `${count} messages to MQTT.js`);
    return this.#messages.splice(0, count);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#js.endAsync(true);
  }
}

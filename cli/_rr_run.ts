/**
 * `rr` at work: one request, and its response.
 *
 * Where nobody names a response topic the client makes one; then all is left to
 * its `request`. A topic that is named may be that of others too, and before 5.0
 * it is an agreement: the first message to it that may be the response is.
 */

import {
  type DisconnectProperties,
  type IncomingApplicationMessage,
  type MQTTClient,
  type PublishOptions,
  ReasonCode,
  reasonName,
  type Subscription,
} from "../mod.ts";
import { exitStatus, FAILED, TIMED_OUT } from "./_exit_status.ts";
import { PayloadError } from "./_format_json.ts";
import type { Journal } from "./_journal.ts";
import { Output } from "./_output.ts";
import type { Presentation } from "./_presentation.ts";
import type { Source } from "./_source.ts";
import type { Interruption, Terminal } from "./_terminal.ts";

/** What it works with. */
export interface Parts {
  readonly client: MQTTClient;
  readonly journal: Journal;
  readonly present: Presentation;
  readonly terminal: Terminal;
}

/** What is asked, and how. */
export interface Plan {
  readonly topic: string;
  readonly source: Source;
  readonly options: PublishOptions;
  readonly responseTopic: string | undefined;
  readonly noRetained: boolean;
  /** In seconds. */
  readonly timeout: number | undefined;
  readonly disconnect: DisconnectProperties | undefined;
  readonly protocolVersion: number;
}

/** Asks; returns the exit status. */
export async function ask(
  plan: Plan,
  { client, journal, present, terminal }: Parts,
): Promise<number> {
  const { timeout, disconnect } = plan;
  const { interrupted } = terminal;
  const late = new AbortController();
  const done = new AbortController();
  const signal = AbortSignal.any([interrupted, late.signal]);
  if (timeout !== undefined) {
    terminal.sleep(timeout, done.signal).then(() => late.abort(), () => {});
  }
  try {
    const payload = await payloadOf(plan.source, terminal, signal);
    journal.debug(`Connecting as ${client.clientId}`);
    await client.connect({ signal });
    journal.debug("Connected");
    const response = await responseOf(client, payload, plan, signal);
    await write(present(response, terminal.now()), terminal);
    journal.debug("Disconnecting");
    await client.disconnect(
      disconnect === undefined ? {} : { properties: disconnect },
    );
    return 0;
  } catch (error) {
    await client.disconnect();
    if (interrupted.aborted) return (interrupted.reason as Interruption).status;
    if (late.signal.aborted) {
      journal.error(`No response came within ${timeout} s`);
      return TIMED_OUT;
    }
    // Who read the output has had enough of it.
    if (error instanceof Deno.errors.BrokenPipe) return 0;
    journal.error(error);
    return error instanceof PayloadError ? FAILED : exitStatus(error);
  } finally {
    done.abort();
  }
}

/** Writes a response, all of it. */
async function write(
  parts: readonly Uint8Array[],
  terminal: Terminal,
): Promise<void> {
  let broken: unknown;
  const output = new Output(terminal, (error) => broken = error);
  await output.add(parts);
  await output.flush();
  if (broken !== undefined) throw broken;
}

function responseOf(
  client: MQTTClient,
  payload: Uint8Array,
  plan: Plan,
  signal: AbortSignal,
): Promise<IncomingApplicationMessage> {
  const { topic, options, responseTopic } = plan;
  if (responseTopic !== undefined) {
    return askAt(client, responseTopic, payload, plan, signal);
  }
  return client.request(topic, payload, {
    ...options,
    timeout: Infinity,
    signal,
  });
}

/** The one message of a source. */
async function payloadOf(
  source: Source,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<Uint8Array> {
  for await (const message of source.messages(terminal, signal, () => {})) {
    return message;
  }
  return new Uint8Array(0);
}

/** Asks, and waits for the response at a topic that was named. */
async function askAt(
  client: MQTTClient,
  responseTopic: string,
  payload: Uint8Array,
  plan: Plan,
  signal: AbortSignal,
): Promise<IncomingApplicationMessage> {
  const { options } = plan;
  const responses = await client.subscription(responseTopic, {
    ...(options.qos === undefined ? {} : { qos: options.qos }),
    signal,
  });
  try {
    return await answered(client, responses, payload, plan, signal);
  } finally {
    // DISCONNECT follows: a broker that does not answer holds up nobody.
    responses.unsubscribe().catch(() => {});
  }
}

async function answered(
  client: MQTTClient,
  responses: Subscription,
  payload: Uint8Array,
  { topic, options, noRetained, protocolVersion }: Plan,
  signal: AbortSignal,
): Promise<IncomingApplicationMessage> {
  const { filter: responseTopic } = responses;
  const correlationData = options.properties?.correlationData ??
    crypto.getRandomValues(new Uint8Array(16));
  const properties = { ...options.properties, responseTopic, correlationData };
  const { reasonCode } = await client.publish(topic, payload, {
    retain: false, // whatever a configuration says of messages
    ...options,
    ...(protocolVersion < 5 ? {} : { properties }),
    signal,
  });
  if (reasonCode === ReasonCode.NoMatchingSubscribers) {
    throw new Error(
      `Cannot request ${JSON.stringify(topic)}: nobody answers, ${
        reasonName(reasonCode)
      }`,
    );
  }
  for await (const message of responses.messages({ signal })) {
    if (noRetained && message.retain) continue;
    const theirs = message.properties?.correlationData;
    if (theirs === undefined || same(theirs, correlationData)) return message;
  }
  throw new Error("Cannot request: the client has disconnected");
}

function same(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length &&
    one.every((byte, index) => byte === other[index]);
}

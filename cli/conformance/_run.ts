/**
 * Runs checks against a broker.
 */

import type { ProtocolVersion } from "../../mod.ts";
import {
  type Check,
  plainTitle,
  statementsOf,
  versionNames,
} from "./_check.ts";
import { Failure, NoPacket, Skip } from "./_verdict.ts";
import { complete, describe, Peer } from "./_peer.ts";
import { allCapabilities, type Capabilities } from "./_capabilities.ts";
import { Stage, type Target } from "./_stage.ts";

/** How a check went. */
export type Outcome = "passed" | "failed" | "skipped" | "informative";

/** A check with one version of the protocol, and how it went. */
export interface Result {
  readonly chapter: string;
  /** What the broker has to do. */
  readonly title: string;
  /** `3.1`, `3.1.1` or `5.0`. */
  readonly version: string;
  /** The normative statements of that version, as `MQTT-3.1.2-24`. */
  readonly statements: readonly string[];
  readonly outcome: Outcome;
  /** What was expected, if it failed. */
  readonly expected?: string;
  /** What came instead; why it was skipped. */
  readonly actual?: string;
  /** What else was seen. */
  readonly notes: readonly string[];
  readonly milliseconds: number;
}

/** What is run. */
export interface Selection {
  readonly versions: readonly ProtocolVersion[];
  /** Part of a chapter, a title or the identifier of a statement. */
  readonly filter?: string;
  /** Whether to run those too for which time has to pass. */
  readonly slow: boolean;
}

/** One run of one check. */
export interface Case {
  readonly check: Check;
  readonly version: ProtocolVersion;
}

/** No broker is there, or it lets nobody in. */
export class UnreachableError extends Error {
  override readonly name: string = "UnreachableError";
}

/** What a selection takes of the checks. */
export function select(
  checks: readonly Check[],
  { versions, filter = "", slow }: Selection,
): Case[] {
  const wanted = filter.toLowerCase();
  return checks.filter((check) =>
    (slow || !check.slow) &&
    `${check.chapter}: ${check.title}`.toLowerCase().includes(wanted)
  ).flatMap((check) =>
    check.versions.filter((version) => versions.includes(version))
      .map((version) => ({ check, version }))
  );
}

/**
 * Runs checks one after the other.
 *
 * @throws {UnreachableError} If the broker takes no connection, or none any more,
 * or does not answer any more.
 */
export async function* runCases(
  cases: readonly Case[],
  target: Target,
  signal: AbortSignal,
): AsyncGenerator<Result> {
  const run = crypto.getRandomValues(new Uint8Array(3)).toHex();
  const spoken = new Map<ProtocolVersion, Refusal | undefined>();
  for (const version of new Set(cases.map((one) => one.version))) {
    spoken.set(version, await refusal(target, version));
  }
  const refusals = [...spoken.values()].filter((one) => one !== undefined);
  if (refusals.length === spoken.size) {
    throw new UnreachableError(summary(refusals));
  }
  const capabilities = await capabilitiesOf(target);
  let count = 0;
  for (const { check, version } of cases) {
    if (signal.aborted) return;
    const prefix = `${run}${(count++).toString(36).padStart(3, "0")}`;
    const stage = new Stage(target, version, prefix, capabilities);
    const reason = spoken.get(version);
    const result = reason === undefined
      ? await runCase(check, stage)
      : resultOf(check, stage, {
        outcome: "skipped",
        actual: summary([reason]),
      });
    // What was interrupted has not failed.
    if (signal.aborted) return;
    yield result;
    const late = !check.slow && result.milliseconds >= target.patience;
    if (result.outcome === "failed" || late) {
      await lookAfter(target, version, result);
    }
  }
}

async function runCase(check: Check, stage: Stage): Promise<Result> {
  const start = performance.now();
  const found = await outcomeOf(check, stage);
  const milliseconds = Math.round(performance.now() - start);
  return { ...resultOf(check, stage, found), milliseconds };
}

type Found = Pick<Result, "outcome" | "expected" | "actual">;

async function outcomeOf(check: Check, stage: Stage): Promise<Found> {
  let found: Found = {
    outcome: check.informative ? "informative" : "passed",
  };
  try {
    await check.run(stage);
  } catch (error) {
    found = foundOf(error);
    if (check.informative && found.outcome === "failed") {
      stage.note(found.actual ?? "");
      found = { outcome: "informative" };
    }
  }
  try {
    await stage[Symbol.asyncDispose]();
  } catch (error) {
    stage.note(`Cannot clean up: ${messageOf(error)}`);
  }
  return found;
}

function foundOf(error: unknown): Found {
  if (error instanceof Skip) {
    return { outcome: "skipped", actual: error.message };
  }
  if (error instanceof Failure) {
    const { expected, actual } = error;
    return { outcome: "failed", expected, actual };
  }
  return {
    outcome: "failed",
    expected: "a connection",
    actual: messageOf(error),
  };
}

function resultOf(
  { chapter, title }: Check,
  { version, notes }: Stage,
  found: Found,
): Result {
  return {
    chapter,
    title: plainTitle(title),
    version: versionNames[version],
    statements: statementsOf(title, version),
    ...found,
    notes,
    milliseconds: 0,
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Has no check wait for a broker that is gone, or hangs, since one of them. */
async function lookAfter(
  target: Target,
  version: ProtocolVersion,
  { title, version: name }: Result,
): Promise<void> {
  const reason = await refusal(target, version);
  if (reason !== undefined) {
    throw new UnreachableError(
      `since "${title}" (${name}) ${summary([reason])}`,
    );
  }
  if (await answers(target, version)) return;
  throw new UnreachableError(
    `the broker does not answer any more after "${title}" (${name}): ` +
      "CONNECT is answered, but neither PINGREQ nor SUBSCRIBE within " +
      `${target.patience / 1000} s`,
  );
}

/** How a CONNECT of some version is answered, unless it is accepted. */
interface Refusal {
  readonly name: string;
  /** The answer. */
  readonly actual: string;
  /** The same for all that is no packet, whatever bytes it is. */
  readonly kind: string;
}

/** Why the broker does not speak a version; `undefined` if it does. */
async function refusal(
  target: Target,
  version: ProtocolVersion,
): Promise<Refusal | undefined> {
  const name = versionNames[version];
  try {
    await using peer = await greet(target, version);
    const packet = await peer.nextOrEnd("CONNACK");
    if (packet?.type === "connack" && packet.reasonCode === 0) {
      // Whether it closes then is for the checks to tell.
      await peer.send({ type: "disconnect", reasonCode: 0 });
      return undefined;
    }
    const actual = describe(packet);
    return { name, actual, kind: actual };
  } catch (error) {
    if (!(error instanceof Failure)) {
      throw new UnreachableError(messageOf(error));
    }
    const { actual } = error;
    const kind = error instanceof NoPacket ? "no packet" : actual;
    return { name, actual, kind };
  }
}

/** Says what is the same for several versions once. */
function summary(refusals: readonly Refusal[]): string {
  const kinds = Map.groupBy(refusals, ({ kind }) => kind);
  return Array.from(kinds.values(), (same) => {
    const names = same.map(({ name }) => name).join(", ");
    return `a CONNECT of MQTT ${names} is answered with ${same[0]!.actual}`;
  }).join("; ");
}

/** Whether anything comes from the broker to a client that it has accepted. */
async function answers(
  target: Target,
  version: ProtocolVersion,
): Promise<boolean> {
  await using peer = await greet(target, version);
  try {
    await peer.next("connack");
    await peer.send(
      { type: "pingreq" },
      {
        type: "subscribe",
        packetId: peer.packetId(),
        subscriptions: [complete("ambermq-test/probe")],
      },
    );
    await peer.nextOrEnd("anything");
    await peer.send({ type: "disconnect", reasonCode: 0 });
    return true;
  } catch (error) {
    if (error instanceof Failure) return error instanceof NoPacket;
    throw error;
  }
}

/** What the broker says in its CONNACK, if it speaks 5.0. */
async function capabilitiesOf(target: Target): Promise<Capabilities> {
  try {
    await using peer = await greet(target, 5);
    const connack = await peer.next("connack");
    if (connack.reasonCode === 0) {
      await peer.send({ type: "disconnect", reasonCode: 0 });
    }
    return { ...allCapabilities, ...connack.properties };
  } catch {
    return allCapabilities;
  }
}

/** A connection with a CONNECT on its way. */
async function greet(target: Target, version: ProtocolVersion): Promise<Peer> {
  const stage = new Stage(target, version, "probe", allCapabilities);
  const peer = new Peer(
    version,
    "the client",
    await target.dial(),
    target.patience,
  );
  await peer.send(stage.connectPacket("", {
    clientId: `p${crypto.getRandomValues(new Uint8Array(8)).toHex()}`,
  }));
  return peer;
}

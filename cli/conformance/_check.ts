/**
 * A check: one thing that a broker has to do, and how to see whether it does.
 */

import type { ProtocolVersion } from "../../mod.ts";
import type { Stage } from "./_stage.ts";

/** One thing to be seen of a broker. */
export interface Check {
  /** The part of the specification that it is about. */
  readonly chapter: string;
  /**
   * What the broker does, with the normative statements that say so:
   * `[MQTT-…]` are those of 5.0, `[MQTT311-…]` those of 3.1.1.
   */
  readonly title: string;
  /** The versions it is run with. */
  readonly versions: readonly ProtocolVersion[];
  /** Whether time has to pass, so that it is run on demand only. */
  readonly slow: boolean;
  /** Whether no rule decides: it only tells how the broker does it. */
  readonly informative: boolean;
  /** Looks; throws a {@linkcode Failure} or a {@linkcode Skip}. */
  readonly run: (stage: Stage) => Promise<void>;
}

/** A check whose chapter is not said yet. */
export type Part = Omit<Check, "chapter">;

/** All versions. */
export const every: readonly ProtocolVersion[] = [3, 4, 5];
/** Those that OASIS has standardized: with normative statements. */
export const oasis: readonly ProtocolVersion[] = [4, 5];
/** MQTT 3.1.1. */
export const v311: readonly ProtocolVersion[] = [4];
/** MQTT 5.0. */
export const v5: readonly ProtocolVersion[] = [5];

/** A check. */
export function check(
  versions: readonly ProtocolVersion[],
  title: string,
  run: Check["run"],
): Part {
  return { versions, title, run, slow: false, informative: false };
}

/** What no rule decides, and is worth telling. */
export function informative(
  versions: readonly ProtocolVersion[],
  title: string,
  run: Check["run"],
): Part {
  return { versions, title, run, slow: false, informative: true };
}

/** A check for which time has to pass. */
export function slow(
  versions: readonly ProtocolVersion[],
  title: string,
  run: Check["run"],
): Part {
  return { versions, title, run, slow: true, informative: false };
}

/** The checks of a chapter. */
export function chapter(
  name: string,
  ...parts: readonly Part[]
): readonly Check[] {
  return parts.map((part) => ({ chapter: name, ...part }));
}

/** Names of versions, as `--version` has them. */
export const versionNames: Readonly<Record<ProtocolVersion, string>> = {
  3: "3.1",
  4: "3.1.1",
  5: "5.0",
};

/** The statements of a version that a check is about, as `MQTT-3.1.2-24`. */
export function statementsOf(
  title: string,
  version: ProtocolVersion,
): string[] {
  const pattern = version === 5
    ? /\[(MQTT-[^\]]+)\]/g
    : /\[MQTT311-([^\]]+)\]/g;
  return Array.from(
    title.matchAll(pattern),
    ([, id]) => version === 5 ? id! : `MQTT-${id}`,
  );
}

/** A title without statements. */
export function plainTitle(title: string): string {
  return title.replaceAll(/ ?\[MQTT[^\]]*\]/g, "");
}

/** The broker does not do what the specification asks for. */
export class Failure extends Error {
  override readonly name: string = "Failure";
  /** What was expected. */
  readonly expected: string;
  /** What came. */
  readonly actual: string;

  constructor(expected: string, actual: string) {
    super(`Expected ${expected}, got ${actual}`);
    this.expected = expected;
    this.actual = actual;
  }
}

/** The broker says that it does not offer what the check is about. */
export class Skip extends Error {
  override readonly name: string = "Skip";
}

/** Throws a failure unless two values are the same, compared as JSON. */
export function same(actual: unknown, expected: unknown, what: string): void {
  const [a, e] = [show(actual), show(expected)];
  if (a !== e) throw new Failure(`${what}: ${e}`, a);
}

/** Throws a failure unless something holds. */
export function holds(condition: boolean, expected: string, actual: unknown) {
  if (!condition) throw new Failure(expected, show(actual));
}

/** A value as a report shows it. */
export function show(value: unknown): string {
  const text = JSON.stringify(value, (_key, one) => {
    if (one instanceof Uint8Array) {
      return Array.from(
        one.subarray(0, 32),
        (byte) => byte.toString(16).padStart(2, "0"),
      ).join(" ");
    }
    return one;
  }) ?? "nothing";
  return text.length > 400 ? `${text.slice(0, 400)} …` : text;
}

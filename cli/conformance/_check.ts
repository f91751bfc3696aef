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
   * What the broker does, with the normative statements that say so
   * in brackets, those of 5.0 as `MQTT-…` and those of 3.1.1 as `MQTT311-…`.
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
  const found = title.matchAll(/\[(MQTT(?:311)?)-([^\]]+)\]/g);
  const name = version === 5 ? "MQTT" : "MQTT311";
  return Array.from(found).filter(([, one]) => one === name)
    .map(([, , id]) => `MQTT-${id}`);
}

/** A title without statements. */
export function plainTitle(title: string): string {
  return title.replaceAll(/ ?\[(?:MQTT)[^\]]*\]/g, "");
}

/** The normative statements, as data. */

/** The folder of the project. */
export const root = new URL("../", import.meta.url);

/** The versions that have numbered statements. */
export type StatementVersion = "3.1.1" | "5.0";

/** A statement. */
export interface Statement {
  readonly version: StatementVersion;
  /** Its number, as `3.1.2-24`. */
  readonly id: string;
  /** Whom it binds. */
  readonly binds: "server" | "client" | "both";
  /** The numbers of those of 5.0 that say the same, for one of 3.1.1. */
  readonly like: readonly string[];
  /** What it asks for, in short. */
  readonly text: string;
}

/** Rows of a table with tabs between its columns; `#` begins a comment. */
export function rowsOf(text: string): string[][] {
  return text.split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split("\t"));
}

function read(name: string): string[][] {
  return rowsOf(Deno.readTextFileSync(new URL(`tools/${name}`, root)));
}

/** The statements of a version, in the order of the standard. */
export function statementsOf(version: StatementVersion): Statement[] {
  if (version === "5.0") {
    return read("statements-5.tsv").map(([id, binds, text]) => ({
      version,
      id: id!,
      binds: binds as Statement["binds"],
      like: [],
      text: text!,
    }));
  }
  return read("statements-311.tsv").map(([id, binds, like, text]) => ({
    version,
    id: id!,
    binds: binds as Statement["binds"],
    like: like === "-" ? [] : like!.split(" "),
    text: text!,
  }));
}

/** As sources and tests refer to it, without brackets. */
export function referenceTo({ version, id }: Statement): string {
  return version === "5.0" ? `MQTT-${id}` : `MQTT311-${id}`;
}

/** Why a statement is not kept, or not shown by a test. */
export interface Deviation {
  readonly version: string;
  readonly id: string;
  /**
   * `missing`: not there yet, `not applicable`: of what there is not, or
   * `deviation`: done otherwise on purpose.
   */
  readonly kind: string;
  readonly reason: string;
}

/** The deviations. */
export function deviations(): Deviation[] {
  return read("deviations.tsv").map(([version, id, kind, reason]) => ({
    version: version!,
    id: id!,
    kind: kind!,
    reason: reason!,
  }));
}

/** Where another broker differs from ours. */
export interface Difference {
  readonly what: string;
  readonly versions: string;
  readonly statements: string;
  readonly theirs: string;
  readonly verdict: string;
}

/** The differences to mosquitto. */
export function differences(): Difference[] {
  return read("mosquitto.tsv").map((
    [what, versions, statements, theirs, verdict],
  ) => ({
    what: what!,
    versions: versions!,
    statements: statements!,
    theirs: theirs!,
    verdict: verdict!,
  }));
}

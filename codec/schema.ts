/**
 * Settings as data: what a key may hold, its default, and what it is for. The
 * broker, the client and plugins describe their options with it, and checks,
 * explanations, documentation and the JSON schema for editors follow from it.
 *
 * @module
 */

/** One setting. */
export interface Field {
  /**
   * What it holds: `"boolean"`, `"integer"`, `"number"`, `"text"`; a `"list"`
   * of {@linkcode Field.values}; a `"map"` from any key to
   * {@linkcode Field.values}; an `"object"` with {@linkcode Field.fields}; or
   * `"any"`, which its reader checks.
   */
  readonly type:
    | "boolean"
    | "integer"
    | "number"
    | "text"
    | "list"
    | "map"
    | "object"
    | "any";
  /** One sentence for a user, with the unit. */
  readonly description: string;
  /** What holds if nothing is said, for documentation. */
  readonly default?: unknown;
  /** The only texts allowed. */
  readonly choices?: readonly string[];
  /** The lowest number allowed. */
  readonly minimum?: number;
  /** The highest number allowed. */
  readonly maximum?: number;
  /** What each value of a list or map holds. */
  readonly values?: Field;
  /** The keys of an object. */
  readonly fields?: Fields;
  /** Whether the value must not be shown, for example a password. */
  readonly secret?: boolean;
}

/** Settings by their key, in camelCase. */
export type Fields = Readonly<Record<string, Field>>;

/** What a field holds once it is read. */
export type SettingValue<F extends Field> = F extends { type: "boolean" }
  ? boolean
  : F extends { type: "integer" | "number" } ? number
  : F extends { type: "text" }
    ? F extends { choices: readonly (infer Choice)[] } ? Choice : string
  : F extends { type: "list"; values: infer Values extends Field }
    ? SettingValue<Values>[]
  : F extends { type: "map"; values: infer Values extends Field }
    ? Record<string, SettingValue<Values>>
  : F extends { type: "object"; fields: infer Own extends Fields }
    ? Settings<Own>
  : unknown;

/** Settings once they are read: what was not said is not there. */
export type Settings<F extends Fields> = {
  -readonly [Key in keyof F]?: SettingValue<F[Key]>;
};

/**
 * The type of a flag follows from the options, as with the real module:
 * `boolean` flags are always there, `string` flags may be undefined unless
 * they have a default, `collect` makes an array, `negatable` allows false.
 */

type Defaults = Record<string, unknown>;

/** What flag `K` holds, given the type `V` of its values. */
type Value<K, V, N, D> =
  | V
  | (K extends N ? false : never)
  | (K extends keyof D ? D[K] : never);

export type Args<
  B extends string = never,
  S extends string = never,
  C extends string = never,
  N extends string = never,
  D extends Defaults = Record<never, never>,
> =
  & Record<string, unknown>
  & { _: Array<string | number>; "--"?: string[] }
  & { [K in Exclude<B, C>]: Value<K, boolean, never, D> }
  & { [K in Exclude<S, C> & keyof D]: Value<K, string, N, D> }
  & { [K in Exclude<S, C | keyof D>]?: Value<K, string, N, D> | undefined }
  & { [K in S & C]: Value<K, string[], N, D> }
  & { [K in B & C]: Value<K, boolean[], never, D> }
  & { [K in Exclude<C, S | B>]: Value<K, unknown[], N, D> };

export interface ParseOptions<
  B extends string = string,
  S extends string = string,
  C extends string = string,
  N extends string = string,
  D extends Defaults = Defaults,
> {
  "--"?: boolean;
  alias?: Record<string, string | readonly string[]>;
  boolean?: readonly B[];
  collect?: readonly C[];
  default?: D;
  negatable?: readonly N[];
  stopEarly?: boolean;
  string?: readonly S[];
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

export function parseArgs<
  const B extends string = never,
  const S extends string = never,
  const C extends string = never,
  const N extends string = never,
  D extends Defaults = Record<never, never>,
>(
  args: readonly string[],
  options?: ParseOptions<B, S, C, N, D>,
): Args<B, S, C, N, D>;

/** What the values of flags have to be, where any text will not do. */

/** A kind of value. */
export interface ValueKind<T> {
  /** What it is, for errors: "a number from 0 to 2". */
  readonly name: string;
  /** Reads it; `undefined` if it is none. */
  read(text: string): T | undefined;
}

/** A whole number of a range. */
export function integer<T extends number = number>(
  least: T,
  most: T,
): ValueKind<T> {
  return {
    name: `a number from ${least} to ${most}`,
    read: (text) => within(/^\d+$/.test(text), text, least, most),
  };
}

/** A whole number that has no limit but what numbers can be. */
export function count(least: 0 | 1): ValueKind<number> {
  return {
    ...integer<number>(least, Number.MAX_SAFE_INTEGER),
    name: `a number from ${least} on`,
  };
}

/** A number of a range, perhaps with a fraction. */
export function decimal(
  least: number,
  most: number,
  what = "a number",
): ValueKind<number> {
  return {
    name: `${what} from ${least} to ${most}`,
    read: (text) =>
      within(/^\d+(\.\d+)?$|^\.\d+$/.test(text), text, least, most),
  };
}

/** Seconds, as long as a timer can wait. */
export function seconds(
  least: number,
  most = 2_000_000,
): ValueKind<number> {
  return decimal(least, most, "a number of seconds");
}

function within<T extends number>(
  isNumber: boolean,
  text: string,
  least: T,
  most: T,
): T | undefined {
  const number = Number(text);
  return isNumber && number >= least && number <= most
    ? number as T
    : undefined;
}

/**
 * What a check finds: failures, what cannot be checked, and how values compare.
 */

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

/** What came is no packet. */
export class NoPacket extends Failure {
  override readonly name: string = "NoPacket";
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

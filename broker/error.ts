/**
 * What stops a broker.
 *
 * @module
 */

/** The broker cannot do what it was told: its message says what and why. */
export class BrokerError extends Error {
  /** The name of the class, for logs. */
  override readonly name: string = "BrokerError";
}

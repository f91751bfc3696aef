/**
 * Checks passwords within limits: so many at a time, so many waiting, and none
 * twice that was right a moment ago.
 */

import { createHmac } from "node:crypto";
import { timingSafeEqual } from "@std/crypto/timing-safe-equal";
import { FairQueue } from "./_fair_queue.ts";
import { HashWorkers } from "./_hash_workers.ts";
import { type Hash, randomBytes } from "./_hash.ts";
import { matches } from "./password.ts";

/** Checks at a time: each may take its share of memory, and a thread. */
const RUNNING = 4;

/** Checks that wait; more would not be done before their clients have gone. */
const WAITING = 512;

/** Users whose password is remembered. */
const REMEMBERED = 10_000;

/** What is to be checked. */
export interface Check {
  /** Whose password it is: it is remembered. Absent: it is not. */
  readonly user: string | undefined;
  readonly hash: Hash;
  readonly password: Uint8Array;
  /** Where it comes from: sources have their turns, one after the other. */
  readonly source: string;
  /** Aborted when nobody needs the answer any more. */
  readonly signal: AbortSignal;
}

/** A check that was right: of which hash, and of which password. */
interface Proof {
  readonly hash: Hash;
  readonly mac: Uint8Array;
}

export class PasswordChecker {
  /** Of this process alone: what is remembered is of no use to anybody else. */
  readonly #key = randomBytes(32);
  readonly #proofs = new Map<string, Proof>();
  readonly #queue = new FairQueue<(turn: boolean) => void>(WAITING);
  readonly #workers = new HashWorkers();
  #running = 0;

  /** Whether a user's password was checked against this hash and right. */
  remembers(user: string, hash: Hash, password: Uint8Array): boolean {
    const proof = this.#proofs.get(user);
    return proof?.hash === hash &&
      timingSafeEqual(proof.mac, this.#mac(user, password));
  }

  /**
   * Whether a password is the one that was hashed.
   *
   * @returns Whether it is; `undefined` if it was not checked: nobody needs the
   * answer any more, or too many wait.
   */
  async check(
    { user, hash, password, source, signal }: Check,
  ): Promise<boolean | undefined> {
    // The bytes are the receive buffer's, and the check may wait.
    const own = password.slice();
    if (this.#running < RUNNING) this.#running++;
    else if (!await this.#turn(source, signal)) return undefined;
    try {
      const derived = await this.#workers.derive(hash, own);
      if (derived === undefined) return undefined;
      const right = matches(hash, derived);
      if (right && user !== undefined) this.#remember(user, hash, own);
      return right;
    } finally {
      const next = this.#queue.shift();
      if (next === undefined) this.#running--;
      else next(true);
    }
  }

  /** Waits for its turn; whether it comes. */
  #turn(source: string, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      this.#queue.push(source, resolve)?.(false);
      signal.addEventListener("abort", () => {
        if (this.#queue.delete(source, resolve)) resolve(false);
      }, { once: true });
    });
  }

  /** Lets go of threads that had nothing to do since the last call. */
  rest(): void {
    this.#workers.rest();
  }

  /** Gives up what waits and what runs, and remembers nothing any more. */
  stop(): void {
    for (let turn; (turn = this.#queue.shift()) !== undefined;) turn(false);
    this.#workers.close();
    this.forget();
  }

  /** Remembers nothing any more. */
  forget(): void {
    this.#proofs.clear();
  }

  #remember(user: string, hash: Hash, password: Uint8Array): void {
    this.#proofs.delete(user);
    if (this.#proofs.size >= REMEMBERED) {
      const [oldest] = this.#proofs.keys();
      this.#proofs.delete(oldest!);
    }
    this.#proofs.set(user, { hash, mac: this.#mac(user, password) });
  }

  #mac(user: string, password: Uint8Array): Uint8Array {
    return createHmac("sha256", this.#key)
      .update(JSON.stringify(user)).update(password).digest();
  }
}

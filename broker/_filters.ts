/**
 * The filters that a session subscribed with, and what they take.
 */

import { topicLevels } from "../codec/mod.ts";
import type { Limits } from "./limits.ts";

/** Roughly what a level of a filter takes in the tree, in bytes. */
const LEVEL = 250;

export class Filters implements Iterable<string> {
  readonly #filters = new Set<string>();
  #bytes = 0;

  get size(): number {
    return this.#filters.size;
  }

  has(filter: string): boolean {
    return this.#filters.has(filter);
  }

  /** Whether there is room for a filter, or it is there already. */
  accepts(filter: string, limits: Limits): boolean {
    return this.has(filter) ||
      (this.size < limits.subscriptions &&
        this.#bytes + cost(filter) <= limits.subscriptionBytes);
  }

  add(filter: string): void {
    if (this.has(filter)) return;
    this.#filters.add(filter);
    this.#bytes += cost(filter);
  }

  /** Takes a filter out; returns whether it was there. */
  delete(filter: string): boolean {
    if (!this.#filters.delete(filter)) return false;
    this.#bytes -= cost(filter);
    return true;
  }

  clear(): void {
    this.#filters.clear();
    this.#bytes = 0;
  }

  [Symbol.iterator](): Iterator<string> {
    return this.#filters.values();
  }
}

function cost(filter: string): number {
  return 2 * filter.length + LEVEL * topicLevels(filter);
}

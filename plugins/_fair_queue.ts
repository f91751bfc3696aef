/**
 * What waits, by where it comes from: each source has its turn, one after the
 * other, and none can keep the others out.
 */
export class FairQueue<T> {
  readonly #most: number;
  /** The first has the next turn. In a queue of its own each is in its order. */
  readonly #sources = new Map<string, Set<T>>();
  #size = 0;

  /** @param most How many may wait. */
  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#size;
  }

  /**
   * Adds an item.
   *
   * @returns What there is no room for: the newest item of the source that has
   * most, which may be this one.
   */
  push(source: string, item: T): T | undefined {
    const own = this.#sources.get(source) ?? new Set();
    this.#sources.set(source, own.add(item));
    this.#size++;
    if (this.#size <= this.#most) return undefined;
    let [longest, items] = [source, own];
    for (const [other, waiting] of this.#sources) {
      if (waiting.size > items.size) [longest, items] = [other, waiting];
    }
    const newest = [...items].at(-1)!;
    this.delete(longest, newest);
    return newest;
  }

  /** Takes out what is next. */
  shift(): T | undefined {
    for (const [source, items] of this.#sources) {
      const [first] = items;
      this.delete(source, first!);
      // Behind the others.
      if (this.#sources.delete(source)) this.#sources.set(source, items);
      return first;
    }
    return undefined;
  }

  /** Takes an item out, wherever it is; whether it was there. */
  delete(source: string, item: T): boolean {
    const items = this.#sources.get(source);
    if (items?.delete(item) !== true) return false;
    if (items.size === 0) this.#sources.delete(source);
    this.#size--;
    return true;
  }
}

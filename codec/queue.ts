/**
 * A queue for what waits to be sent.
 *
 * @module
 */

/**
 * First in, first out, at constant cost: `Array.prototype.shift` moves all that
 * is left, which a queue of thousands of messages feels.
 */
export class Queue<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  /** How many items wait. */
  get size(): number {
    return this.#items.length - this.#head;
  }

  /**
   * Adds an item at the end.
   *
   * @param item The item.
   */
  push(item: T): void {
    this.#items.push(item);
  }

  /**
   * The first item, left where it is.
   *
   * @returns The item, or `undefined` if none waits.
   */
  peek(): T | undefined {
    return this.#items[this.#head];
  }

  /**
   * Takes the first item.
   *
   * @returns The item, or `undefined` if none waits.
   */
  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head++] = undefined;
    // Each item is moved once at the most, on average.
    if (this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** Forgets all items. */
  clear(): void {
    this.#items = [];
    this.#head = 0;
  }
}

/**
 * A table of what has a packet identifier now.
 *
 * Not a `Map`: its storage is renewed again and again while entries come and
 * go, and each old one refers to the next. When one of them has grown old, all
 * messages that pass through live until the collector looks at everything. Here
 * storage is renewed only when it grows.
 */

/** Slots that a table begins with. */
const SMALLEST = 8;

export class PacketIds<V> {
  /** Identifiers by slot; 0 is an empty slot. A power of two, half empty. */
  #keys = new Uint16Array(SMALLEST);
  #values: (V | undefined)[] = new Array(SMALLEST).fill(undefined);
  /** When each entry was added: the number of entries before it. */
  #orders = new Float64Array(SMALLEST);
  #size = 0;
  #added = 0;

  /** How many entries there are. */
  get size(): number {
    return this.#size;
  }

  get(packetId: number): V | undefined {
    return this.#values[this.#slot(packetId)];
  }

  has(packetId: number): boolean {
    return this.get(packetId) !== undefined;
  }

  /** Adds an entry, or replaces it where it is. */
  set(packetId: number, value: V): void {
    let slot = this.#slot(packetId);
    if (this.#keys[slot] === 0) {
      if (2 * (this.#size + 1) > this.#keys.length) {
        this.#grow();
        slot = this.#slot(packetId);
      }
      this.#keys[slot] = packetId;
      this.#orders[slot] = this.#added++;
      this.#size++;
    }
    this.#values[slot] = value;
  }

  delete(packetId: number): boolean {
    const keys = this.#keys;
    let hole = this.#slot(packetId);
    if (keys[hole] === 0) return false;
    this.#size--;
    // Entries behind it move up, as far as they are still found there.
    const mask = keys.length - 1;
    for (let slot = hole + 1 & mask; keys[slot] !== 0; slot = slot + 1 & mask) {
      const distance = slot - keys[slot]! & mask;
      if (distance < (slot - hole & mask)) continue;
      this.#move(slot, hole);
      hole = slot;
    }
    keys[hole] = 0;
    this.#values[hole] = undefined;
    return true;
  }

  /** The values in the order in which they were added. */
  values(): V[] {
    const slots: number[] = [];
    this.#keys.forEach((key, slot) => {
      if (key !== 0) slots.push(slot);
    });
    const orders = this.#orders;
    return slots.sort((a, b) => orders[a]! - orders[b]!)
      .map((slot) => this.#values[slot]!);
  }

  /** The slot of an identifier, or the empty one where it would be. */
  #slot(packetId: number): number {
    const keys = this.#keys;
    const mask = keys.length - 1;
    let slot = packetId & mask;
    while (keys[slot] !== 0 && keys[slot] !== packetId) slot = slot + 1 & mask;
    return slot;
  }

  #move(from: number, to: number): void {
    this.#keys[to] = this.#keys[from]!;
    this.#values[to] = this.#values[from];
    this.#orders[to] = this.#orders[from]!;
  }

  #grow(): void {
    const [keys, values, orders] = [this.#keys, this.#values, this.#orders];
    const size = 2 * keys.length;
    this.#keys = new Uint16Array(size);
    this.#values = new Array(size).fill(undefined);
    this.#orders = new Float64Array(size);
    for (let slot = 0; slot < keys.length; slot++) {
      if (keys[slot] === 0) continue;
      const to = this.#slot(keys[slot]!);
      this.#keys[to] = keys[slot]!;
      this.#values[to] = values[slot];
      this.#orders[to] = orders[slot]!;
    }
  }
}

/**
 * Routes by topic, for as long as topics come back.
 *
 * Remembering costs more than looking up where hardly any topic is seen twice
 * (many devices, each message on a topic of its own). So the cache watches
 * its own use, and rests for a while when it is of none.
 */

/** What may be remembered: each topic counts 1, and what its route takes, */
const CAPACITY = 65_536;

/** and 1 for so many characters: names may have 64 KiB, and be anybody's. */
const CHARACTERS = 128;

/** Look-ups between two judgements. */
const PERIOD = 8192;

/** The cache rests where less than one look-up in this many finds something. */
const WORTHWHILE = 4;

/** Periods that the cache rests. */
const REST = 16;

export class RouteCache<Route> {
  readonly #routes = new Map<string, Route>();
  #weight = 0;
  #lookups = 0;
  #hits = 0;
  #resting = 0;

  get(topic: string): Route | undefined {
    if (++this.#lookups === PERIOD) this.#judge();
    if (this.#resting > 0) return undefined;
    const route = this.#routes.get(topic);
    if (route !== undefined) this.#hits++;
    return route;
  }

  /** Remembers a route that takes so much, and returns it. */
  set(topic: string, route: Route, weight: number): Route {
    const total = weight + Math.floor(topic.length / CHARACTERS);
    if (this.#resting > 0 || total > CAPACITY) return route;
    if (this.#weight + total > CAPACITY) this.clear();
    this.#weight += total;
    this.#routes.set(topic, route);
    return route;
  }

  /** A subscription has changed: any route may have. */
  clear(): void {
    if (this.#weight === 0) return;
    this.#routes.clear();
    this.#weight = 0;
  }

  #judge(): void {
    if (this.#resting > 0) this.#resting--;
    else if (this.#hits * WORTHWHILE < this.#lookups) {
      this.#resting = REST;
      this.clear();
    }
    this.#lookups = this.#hits = 0;
  }
}

/**
 * Who takes what: the map from publishers to subscribers.
 */

import type { Options } from "./_options.ts";
import { padded } from "./_packets.ts";

/** The filters that a subscriber takes. */
export function filtersOf(index: number, options: Options): string[] {
  const { map, prefix, publishers, subscribers, filters } = options;
  switch (map) {
    case "one":
      return [`${prefix}/${index % publishers}`];
    case "all":
      return [`${prefix}/+`];
    case "allone":
      return Array.from({ length: publishers }, (_, i) => `${prefix}/${i}`);
    case "shared":
      return [`$share/bench/${prefix}/+`];
    case "match": {
      const count = subscribers * filters;
      return Array.from({ length: filters }, (_, i) => {
        return `${prefix}/+/dev/${padded(index * filters + i, count)}/#`;
      });
    }
  }
}

/** How many subscribers get a message of a publisher. */
export function fanOf(publisher: number, options: Options): number {
  const { map, publishers, subscribers } = options;
  if (map === "all" || map === "allone") return subscribers;
  if (map !== "one") return Math.min(1, subscribers);
  const rest = publisher < subscribers % publishers ? 1 : 0;
  return Math.floor(subscribers / publishers) + rest;
}

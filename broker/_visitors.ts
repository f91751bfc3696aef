/**
 * Who comes too often: what is known of the addresses that connections come
 * from, so that one of them cannot keep the broker busy with connecting.
 *
 * An address may come so many times a second, have so many connections at a
 * time, and make so many bad attempts a minute. Above the last it is banned for
 * a time that doubles with each ban. Time forgives: arrivals and failures are
 * levels that fall, as water runs out of a bucket.
 *
 * An address is not a client. Behind NAT and proxies there are many, and one
 * bad device is not to lock them out: what an address may fail grows with the
 * clients that are connected from it.
 */

import { type Address, ReasonCode } from "../codec/mod.ts";
import { type Networks, siteOf } from "./_address.ts";
import type { Hooks } from "./_hooks.ts";
import type { Limits } from "./limits.ts";
import type { Metrics } from "./metrics.ts";

/** Addresses that are known at a time, those with connections not counted. */
const MOST = 65_536;

/** How many are looked at to find one to forget. */
const LOOKS = 16;

/** The parts of the broker that this uses. */
export interface VisitorsHost {
  readonly limits: Limits;
  readonly metrics: Metrics;
  readonly hooks: Hooks;
  /** The time in milliseconds. */
  readonly now: () => number;
}

/** Why a connection is not let in. */
export interface Refusal {
  readonly reasonCode: ReasonCode;
  readonly reason: string;
}

export class Visitors {
  readonly #broker: VisitorsHost;
  readonly #trusted: Networks;
  /** By site; who came first is looked at first when there are too many. */
  readonly #known = new Map<string, Visitor>();
  /** Whether there is anything to watch over. */
  readonly #watchful: boolean;

  /** @param trusted Addresses that are not watched. */
  constructor(broker: VisitorsHost, trusted: Networks) {
    this.#broker = broker;
    this.#trusted = trusted;
    const { connectionRate, connectionsPerAddress, failures } = broker.limits;
    this.#watchful = connectionRate + connectionsPerAddress + failures > 0;
  }

  /** How many addresses are known. */
  get size(): number {
    return this.#known.size;
  }

  /** Who comes from an address; `undefined` if nobody cares. */
  find(address: Address | undefined): Visitor | undefined {
    const hostname = address?.hostname;
    if (!this.#watchful || hostname === undefined) return undefined;
    const site = siteOf(hostname);
    const known = this.#known.get(site);
    if (known !== undefined) return known;
    if (this.#trusted.has(hostname)) return undefined;
    const visitor = new Visitor(this.#broker, site, (visitor) => {
      this.#known.delete(visitor.site);
    });
    this.#known.set(site, visitor);
    if (this.#known.size > MOST) this.#forgetOne();
    return visitor;
  }

  /**
   * Forgets the oldest that has no connection, if it is soon found; one that is
   * banned only where no other is: many addresses are not to lift a ban.
   */
  #forgetOne(): void {
    let looks = LOOKS;
    let banned: string | undefined;
    for (const [site, visitor] of this.#known) {
      this.#known.delete(site);
      if (visitor.open > 0 || visitor.banned) {
        this.#known.set(site, visitor); // the last now
        if (visitor.open === 0) banned ??= site;
      }
      if (this.#known.size <= MOST) return;
      if (--looks === 0) break;
    }
    if (banned !== undefined) this.#known.delete(banned);
  }
}

/** One address, or the addresses of one site. */
export class Visitor {
  /** The address, or the network of the site. */
  readonly site: string;
  /** Its connections. */
  open = 0;
  /** Those of them that are clients. */
  clients = 0;

  readonly #broker: VisitorsHost;
  readonly #onIdle: (visitor: Visitor) => void;
  /** How much it came of late; and how much of that was bad. */
  readonly #arrivals = new Level();
  readonly #failures = new Level();
  #bans = 0;
  #bannedUntil = -Infinity;

  /** @param onIdle Is called when nothing about it is worth knowing. */
  constructor(
    broker: VisitorsHost,
    site: string,
    onIdle: (visitor: Visitor) => void,
  ) {
    this.#broker = broker;
    this.site = site;
    this.#onIdle = onIdle;
  }

  get banned(): boolean {
    return this.#broker.now() < this.#bannedUntil;
  }

  /** A connection comes: why it is not let in, or nothing. */
  arrive(): Refusal | undefined {
    const { limits, metrics, now } = this.#broker;
    const { connectionRate, connectionBurst, connectionsPerAddress } = limits;
    const time = now();
    if (time < this.#bannedUntil) {
      metrics.connectionsBanned++;
      const seconds = Math.ceil((this.#bannedUntil - time) / 1000);
      const reason = `the address is banned for ${seconds} s more`;
      return { reasonCode: ReasonCode.Banned, reason };
    }
    if (connectionRate > 0) {
      const arrivals = this.#arrivals.at(time, connectionRate);
      if (arrivals + 1 > Math.max(connectionBurst, connectionRate)) {
        metrics.connectionsTooOften++;
        const reasonCode = ReasonCode.ConnectionRateExceeded;
        const reason =
          `too many connections: the address makes over ${connectionRate} a second`;
        return { reasonCode, reason };
      }
      this.#arrivals.raise();
    }
    if (connectionsPerAddress > 0 && this.open >= connectionsPerAddress) {
      metrics.connectionsTooMany++;
      const reasonCode = ReasonCode.QuotaExceeded;
      const reason =
        `too many connections: the address has ${connectionsPerAddress}`;
      return { reasonCode, reason };
    }
    return undefined;
  }

  /** A connection is let in. */
  enter(): void {
    this.open++;
  }

  /** A connection is closed. */
  leave(): void {
    this.open--;
    if (this.open === 0 && this.#idle) this.#onIdle(this);
  }

  /** A connection did what nobody does who is in order. */
  fail(reason: string): void {
    const { limits, now } = this.#broker;
    const { failures } = limits;
    const time = now();
    if (failures === 0 || time < this.#bannedUntil) return;
    const level = this.#failures.at(time, failures / 60);
    this.#failures.raise();
    if (level + 1 > failures * (1 + this.clients)) this.#ban(time, reason);
  }

  #ban(time: number, reason: string): void {
    const { limits, metrics, hooks } = this.#broker;
    const { banTime, banTimeMaximum } = limits;
    // Who was in order for as long as a ban may be begins anew.
    if (time - this.#bannedUntil > banTimeMaximum * 1000) this.#bans = 0;
    const seconds = Math.min(banTime * 2 ** this.#bans++, banTimeMaximum);
    this.#bannedUntil = time + seconds * 1000;
    metrics.addressesBanned++;
    const { site: address } = this;
    hooks.emit("broker_address_banned", { address, seconds, reason });
  }

  /** Whether it is like one that was never here. */
  get #idle(): boolean {
    const { limits, now } = this.#broker;
    const time = now();
    return this.#arrivals.at(time, limits.connectionRate) === 0 &&
      this.#failures.at(time, limits.failures / 60) === 0 &&
      time - this.#bannedUntil > limits.banTimeMaximum * 1000;
  }
}

/** What rises by one with each event, and falls with time. */
class Level {
  #level = 0;
  #at = 0;

  /** @param rate By how much it falls in a second. */
  at(time: number, rate: number): number {
    const fallen = (time - this.#at) / 1000 * rate;
    this.#level = Math.max(0, this.#level - fallen);
    this.#at = time;
    return this.#level;
  }

  raise(): void {
    this.#level++;
  }
}

/**
 * Topic aliases (5.0, section 3.3.2.3.4): numbers that stand for topic names,
 * in one direction of one connection.
 *
 * @module
 */

import { ProtocolError } from "./error.ts";
import { ReasonCode } from "./reason_code.ts";

/** A number for a topic name, and whether the peer knows it already. */
export interface TopicAlias {
  /** The alias. */
  readonly alias: number;
  /** Whether the peer was told: the topic name may be left out. */
  readonly known: boolean;
}

/**
 * The aliases that we assign for the peer, to the topics that are used. When
 * all are taken, the one that was not used for longest (nearly: a hand goes
 * round and passes over those used since it came by) goes to the new topic.
 */
export class OutboundTopicAliases {
  readonly #maximum: number;
  readonly #aliases = new Map<string, number>();
  /** By alias - 1: its topic, and whether it was used since the hand passed. */
  readonly #topics: string[] = [];
  readonly #used: boolean[] = [];
  #hand = 0;

  /**
   * Makes an empty map.
   *
   * @param maximum The Topic Alias Maximum of the peer, or less: how many
   * aliases are assigned. [MQTT-3.1.2-26] [MQTT-3.1.2-27]
   */
  constructor(maximum: number) {
    this.#maximum = maximum;
  }

  /**
   * The alias to send a topic name with.
   *
   * @param topic The topic name.
   * @returns Its alias; `known` is `false` the first time, when the topic name
   * has to go with it.
   */
  use(topic: string): TopicAlias {
    const alias = this.#aliases.get(topic);
    if (alias !== undefined) {
      this.#used[alias - 1] = true;
      return { alias, known: true };
    }
    const index = this.#topics.length < this.#maximum
      ? this.#topics.length
      : this.#free();
    this.#topics[index] = topic;
    this.#used[index] = false;
    this.#aliases.set(topic, index + 1);
    return { alias: index + 1, known: false };
  }

  /**
   * Takes an alias back that the peer was not told after all.
   *
   * @param topic The topic name.
   */
  forget(topic: string): void {
    const alias = this.#aliases.get(topic);
    if (alias === undefined) return;
    this.#aliases.delete(topic);
    this.#used[alias - 1] = false;
    if (alias === this.#topics.length) this.#topics.pop();
    else this.#topics[alias - 1] = "";
  }

  #free(): number {
    for (;;) {
      const index = this.#hand;
      this.#hand = (index + 1) % this.#maximum;
      if (!this.#used[index]) {
        this.#aliases.delete(this.#topics[index]!);
        return index;
      }
      this.#used[index] = false;
    }
  }
}

/** The aliases that the peer has assigned. They end with the connection. */
export class InboundTopicAliases {
  // [MQTT-3.3.2-7]
  readonly #topics = new Map<number, string>();
  readonly #maximum: number;

  /**
   * Makes an empty map.
   *
   * @param maximum The Topic Alias Maximum that the peer was told.
   */
  constructor(maximum: number) {
    this.#maximum = maximum;
  }

  /**
   * The topic name of a PUBLISH that carries an alias.
   *
   * @param topic The topic name in the packet; empty if only the alias is there.
   * @param alias The alias.
   * @returns The topic name.
   * @throws {ProtocolError} If the alias is out of range (0x94) or stands for
   * nothing (0x82).
   */
  resolve(topic: string, alias: number): string {
    // [MQTT-3.3.2-9] [MQTT-3.3.2-12]
    if (alias > this.#maximum) {
      throw new ProtocolError(
        `Topic alias ${alias} is above ${this.#maximum}`,
        ReasonCode.TopicAliasInvalid,
      );
    }
    if (topic !== "") {
      this.#topics.set(alias, topic);
      return topic;
    }
    const known = this.#topics.get(alias);
    if (known === undefined) {
      throw new ProtocolError(`Topic alias ${alias} stands for no topic`);
    }
    return known;
  }
}

/**
 * Topic aliases (5.0, section 3.3.2.3.4): numbers that stand for topic names,
 * in one direction of one connection.
 *
 * @module
 */

import { ProtocolError } from "./error.ts";
import { ReasonCode } from "./reason_code.ts";

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

/**
 * The topic name of the last PUBLISH, which often is that of the next.
 */

import { decodeString } from "./_bytes.ts";
import { MalformedPacketError } from "./error.ts";
import { topicNameError } from "./topic.ts";

/** Bytes of the longest topic name that is remembered. */
const REMEMBERED = 64;

/**
 * Remembers the last topic name as bytes and as a string: a connection that
 * publishes to one topic decodes and validates its name once.
 */
export class TopicCache {
  /** Made by the first PUBLISH: most connections only listen. */
  #bytes: Uint8Array | undefined;
  #length = -1;
  #topic = "";

  decode(buffer: Uint8Array, start: number, end: number): string {
    const length = end - start;
    if (length === this.#length) {
      const bytes = this.#bytes!;
      let i = length;
      // backwards: topics of one publisher differ at their ends
      while (i > 0 && bytes[i - 1] === buffer[start + i - 1]) i--;
      if (i === 0) return this.#topic;
    }
    const topic = decodeString(buffer, start, end);
    const error = length === 0 ? undefined : topicNameError(topic);
    if (error !== undefined) {
      throw new MalformedPacketError(
        `PUBLISH has the topic name ${JSON.stringify(topic)}: ${error}`,
      );
    }
    if (length <= REMEMBERED) {
      const bytes = this.#bytes ??= new Uint8Array(REMEMBERED);
      for (let i = 0; i < length; i++) bytes[i] = buffer[start + i]!;
      this.#length = length;
      this.#topic = topic;
    }
    return topic;
  }
}

/**
 * SCRAM-SHA-256, for the option `authentication` of a client.
 *
 * @module
 */

import { SCRAM_SHA_256, ScramClient } from "../codec/mod.ts";
import type { ClientAuthentication } from "./options.ts";

/**
 * Authenticates by SCRAM-SHA-256 (RFC 7677, MQTT 5.0): client and broker prove
 * to each other that they know the password, and neither says it. A broker that
 * does not is not connected to.
 *
 * Nobody on the way learns the password; but who can read or change what follows
 * still can: use TLS as well.
 *
 * @example
 * ```ts ignore
 * import { MQTTClient, scram } from "@ambermq/mqtt/client";
 *
 * await using client = new MQTTClient({
 *   url: "mqtts://broker.example.com",
 *   protocolVersion: 5,
 *   authentication: scram("alice", "correct horse"),
 * });
 * await client.connect();
 * ```
 *
 * @param username The user name.
 * @param password The password.
 * @returns The method.
 * @throws {TypeError} If one is empty or has control characters, or where there
 * is no cryptography: in a page of a browser that did not come by https.
 */
export function scram(
  username: string,
  password: string,
): ClientAuthentication {
  if (crypto.subtle === undefined) {
    throw new TypeError(
      "Cannot use SCRAM: there is no cryptography here; browsers have it for " +
        "pages that come by https",
    );
  }
  new ScramClient(username, password); // what is wrong is told at once
  return {
    name: SCRAM_SHA_256,
    start() {
      const client = new ScramClient(username, password);
      return {
        first: () => client.first(),
        answer: (data = new Uint8Array()) => client.answer(data),
        finish: (data = new Uint8Array()) => client.finish(data),
      };
    },
  };
}

/**
 * A plugin that authenticates: devices whose password is a token made for them.
 *
 * The token is the HMAC-SHA-256 of the user name with a secret that only the
 * broker and the factory know, in hexadecimal. Nobody has to keep a list.
 *
 * ```yaml
 * plugins:
 *   - ./authentication.ts:
 *       secret: a long random text
 * ```
 */

import type { Plugin } from "@ambermq/mqtt/broker";
import type { Fields } from "@ambermq/mqtt/codec";

/** The broker checks the options of a configuration with this. */
export const options = {
  secret: { type: "text", description: "The key of the HMAC.", secret: true },
} as const satisfies Fields;

/** The broker calls this with the options. */
export function plugin({ secret }: { secret?: string }): Plugin {
  if (!secret) throw new TypeError("Cannot check tokens: there is no secret");
  const encoder = new TextEncoder();
  let key: CryptoKey;
  return {
    name: "device_token",

    // Before the first client comes.
    async start() {
      key = await crypto.subtle.importKey(
        "raw",
        encoder.encode(secret),
        { name: "HMAC", hash: "SHA-256" },
        false,
        ["verify"],
      );
    },

    // true approves, false denies; undefined leaves it to other plugins. While a
    // promise is pending this client waits, and no other.
    authenticate({ username }, password) {
      if (username === undefined) return undefined;
      if (password?.length !== 64) return false;
      let token: Uint8Array<ArrayBuffer>;
      try {
        token = Uint8Array.fromHex(new TextDecoder().decode(password));
      } catch {
        return false;
      }
      return crypto.subtle.verify("HMAC", key, token, encoder.encode(username));
    },
  };
}

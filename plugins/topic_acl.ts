/**
 * To be replaced by the plugin of branch w/plugins.
 *
 * @module
 */

import type { Plugin } from "../broker/mod.ts";
import type { Fields } from "../codec/mod.ts";

/** Its options. */
export const options: Fields = Object.fromEntries(
  ["acl", "subscribeAcl", "publishAcl", "receiveAcl"].map((key) => [
    key,
    { type: "any", description: "Rules." },
  ]),
);

/** Makes it. */
export function plugin(): Plugin {
  return { name: "topic_acl" };
}

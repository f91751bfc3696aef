/**
 * To be replaced by the plugin of branch w/plugins.
 *
 * @module
 */

import type { Plugin } from "../broker/mod.ts";
import type { Fields } from "../codec/mod.ts";

/** Its options. */
export const options: Fields = {
  passwordFile: { type: "text", description: "File." },
};

/** Makes it. */
export function plugin(): Plugin {
  return { name: "auth_file", authenticate: () => undefined };
}

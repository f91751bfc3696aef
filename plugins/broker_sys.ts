/**
 * To be replaced by the plugin of branch w/plugins.
 *
 * @module
 */

import type { Plugin } from "../broker/mod.ts";
import type { Fields } from "../codec/mod.ts";

/** Its options. */
export const options: Fields = {
  sysInterval: { type: "integer", minimum: 0, description: "Seconds." },
};

/** Makes it. */
export function plugin(): Plugin {
  return { name: "broker_sys" };
}

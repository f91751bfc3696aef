/**
 * To be replaced by the plugin of branch w/plugins.
 *
 * @module
 */

import type { Plugin } from "../broker/mod.ts";

/** Makes it. */
export function plugin(): Plugin {
  return { name: "packet_logger" };
}

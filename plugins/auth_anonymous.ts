/**
 * To be replaced by the plugin of branch w/plugins.
 *
 * @module
 */

import type { Plugin } from "../broker/mod.ts";
import type { Fields } from "../codec/mod.ts";

/** Its options. */
export const options: Fields = {
  allowAnonymous: { type: "boolean", default: true, description: "Whether." },
};

/** Makes it. */
export function plugin({ allowAnonymous = true }: {
  allowAnonymous?: boolean;
}): Plugin {
  return {
    name: "auth_anonymous",
    authenticate: ({ username }) =>
      allowAnonymous ? true : username ? undefined : false,
  };
}

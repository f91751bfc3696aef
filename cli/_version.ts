import config from "../deno.json" with { type: "json" };

/** What `--version` prints. */
export const version: string = `ambermq ${config.version}\n`;

/** The flags of `ambermq broker`, known without loading it. */

import type { Flags } from "./_flags.ts";

export const brokerFlags = {
  config: {
    names: ["-c", "--config"],
    value: "FILE",
    path: "file",
    help: "the configuration, in YAML",
  },
  bind: {
    names: ["--bind"],
    value: "ADDRESS",
    help: "where to listen, without -c: host:port, [IPv6]:port, :port or port",
  },
  test: {
    names: ["--test-config"],
    help: "check the configuration and all it names, and end",
  },
  debug: { names: ["-d", "--debug"], help: "log what happens in detail" },
  version: { names: ["--version"], help: "show the version" },
  help: { names: ["-h", "--help"], help: "show this help" },
} as const satisfies Flags;

/** The flags of `ambermq broker`, known without loading it. */

import { type Flags, shortHelpFlag } from "./_flags.ts";

export const brokerFlags = {
  config: {
    names: ["-c", "--config"],
    value: "FILE",
    path: "file",
    help: "configuration in YAML",
  },
  bind: {
    names: ["--bind"],
    value: "ADDRESS",
    help: "where to listen, without -c: host:port,\n" +
      "[IPv6]:port, :port or port",
  },
  persist: {
    names: ["--persist"],
    value: "FILE",
    path: "file",
    help: "keep sessions and retained messages in this\n" +
      "file; like persistence.file in the configuration",
  },
  test: {
    names: ["--test-config"],
    help: "check the configuration and all it names, and end",
  },
  debug: { names: ["-d", "--debug"], help: "log in detail what happens" },
  version: { names: ["--version"], help: "show the version" },
  help: shortHelpFlag,
} as const satisfies Flags;

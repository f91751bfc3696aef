/** The flags of `ambermq test`, known without loading the checks. */

import { brokerFlags, tlsFlags } from "./_client_flags.ts";
import { type Flags, shortHelpFlag } from "./_flags.ts";
import { seconds } from "./_value.ts";

/** Which broker, and as whom. */
const targetFlags = {
  url: {
    names: ["-L", "--url"],
    value: "URL",
    help: "the broker, where it is not the first argument",
  },
  username: brokerFlags.username,
  password: brokerFlags.password,
} as const satisfies Flags;

/** Which checks, and how they are told. */
const checkFlags = {
  versions: {
    names: ["-V", "--version"],
    value: "VERSION",
    list: true,
    choices: ["3.1", "3.1.1", "5.0"],
    help: "3.1, 3.1.1 or 5.0; may be given again;\nby default all",
  },
  filter: {
    names: ["--filter"],
    value: "TEXT",
    help: "only checks with this in chapter, title or\nnumbers of statements",
  },
  slow: {
    names: ["--slow"],
    help: "also checks that take seconds: keep alive,\nexpiry, delays",
  },
  timeout: {
    names: ["--timeout"],
    value: "SECONDS",
    kind: seconds(0.001, 3600),
    help: "how long to wait for an answer, by default 5",
  },
  format: {
    names: ["--format"],
    value: "FORMAT",
    choices: ["text", "json", "junit"],
    help: "text (default), json or junit",
  },
  list: { names: ["--list"], help: "list the checks, run none" },
  help: shortHelpFlag,
} as const satisfies Flags;

/** All of them. */
export const testFlags = {
  ...targetFlags,
  ...tlsFlags,
  ...checkFlags,
} as const;

/** The same by subject, for the help. */
export const testGroups = {
  Broker: targetFlags,
  TLS: tlsFlags,
  Checks: checkFlags,
} as const;

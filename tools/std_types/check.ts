/**
 * Compares the declarations in this folder with the modules they stand for.
 *
 * Where vendor/ holds the modules of jsr.io, `deno check` fails on a
 * declaration that promises more than the module keeps. Where it holds the
 * stand-ins, the declarations are compared with themselves, which is idle.
 * `tools/deps.ts` fetches what is imported here, so every module that the
 * project imports from a dependency has to be named.
 */

import * as assert from "@std/assert";
import * as cli from "@std/cli/parse-args";
import * as crypto from "@std/crypto/timing-safe-equal";
import * as yaml from "@std/yaml";
import type * as AssertTypes from "./assert/mod.d.ts";
import type * as CliTypes from "./cli/parse_args.d.ts";
import type * as CryptoTypes from "./crypto/timing_safe_equal.d.ts";
import type * as YamlTypes from "./yaml/mod.d.ts";

assert satisfies typeof AssertTypes;
crypto satisfies typeof CryptoTypes;
yaml satisfies typeof YamlTypes;

// The type that parseArgs() computes cannot be compared as a whole, since it
// depends on the options. Each flag here stands for one kind of option.
const flags = cli.parseArgs([], {
  boolean: ["bool"],
  collect: ["list"],
  default: { preset: "x" },
  negatable: ["maybe"],
  string: ["text", "list", "preset", "maybe"],
});
type Declared = CliTypes.Args<
  "bool",
  "text" | "list" | "preset" | "maybe",
  "list",
  "maybe",
  { preset: string }
>;
flags._ satisfies Declared["_"];
flags.bool satisfies Declared["bool"];
flags.list satisfies Declared["list"];
flags.maybe satisfies Declared["maybe"];
flags.preset satisfies Declared["preset"];
flags.text satisfies Declared["text"];
flags["anything else"] satisfies Declared[string];

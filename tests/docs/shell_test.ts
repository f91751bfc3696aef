/**
 * Shell in the documents: each command line of AmberMQ is one that the program
 * takes. What has the mark `test` is run: run_test.ts.
 */

import { assert, assertEquals } from "@std/assert";
import { brokerFlags } from "../../cli/_broker_flags.ts";
import { helpFlag, parseFlags } from "../../cli/_flags.ts";
import { passwdCommand } from "../../cli/_passwd.ts";
import { runPub } from "../../cli/_pub.ts";
import { runRr } from "../../cli/_rr.ts";
import { storeCommand } from "../../cli/_store.ts";
import { runSub } from "../../cli/_sub.ts";
import { testFlags } from "../../cli/_test_flags.ts";
import { FakeTerminal } from "../cli/_fake_terminal.ts";
import { blocksOf } from "./_markdown.ts";
import { argumentsOf, commandsOf, type Words } from "./_shell.ts";

/** Checks the arguments of a command as the program itself does. */
async function check([name, ...args]: Words): Promise<void> {
  switch (name) {
    case "broker":
      return void parseFlags(brokerFlags, args);
    case "pub":
      return await checkClient(runPub, args);
    case "sub":
      return await checkClient(runSub, args);
    case "rr":
      return await checkClient(runRr, args);
    case "config":
      return assert(
        args[0] === "schema" ||
          (args[0] === "explain" && args[1] !== undefined),
      );
    case "passwd":
      return void parseFlags(
        { ...passwdCommand.flags, help: helpFlag },
        args.filter((arg) => arg.startsWith("-")),
      );
    case "store": {
      assert(Object.hasOwn(storeCommand.words!, args[0]!));
      return assertEquals(args.length, args[0] === "backup" ? 3 : 2);
    }
    case "test":
      assert(args[0]?.startsWith("mqtt://"));
      return void parseFlags(testFlags, args.slice(1));
    case "completions":
      return assert(["bash", "zsh", "fish"].includes(args[0]!));
    default:
      parseFlags(
        { version: { names: ["--version"], help: "" }, help: helpFlag },
        [name!, ...args],
      );
  }
}

/**
 * Runs it, interrupted before it connects, and without the configuration file,
 * which is there only where examples run.
 */
async function checkClient(run: typeof runPub, args: Words): Promise<void> {
  const terminal = new FakeTerminal();
  terminal.interrupt();
  const own = args.filter((arg, i) => arg !== "-c" && args[i - 1] !== "-c");
  const status = await run(own, terminal);
  assertEquals([status, ...terminal.errors], [130]);
}

for (const { where, text } of ["sh", "bash", "console"].flatMap(blocksOf)) {
  for (const args of commandsOf(text).map(argumentsOf)) {
    if (args === undefined) continue;
    Deno.test(`${where}: the program takes ${args.join(" ")}`, async () => {
      await check(args);
    });
  }
}

Deno.test("commands are found in shell", () => {
  const script = `# ambermq no
date | ambermq pub -t 'a b' -m "c \\"d\\"" \\
  -q 1 > file 2>&1
X=1 npx -y deno@2.9.6 task sub -t '#' < in && deno run -A cli/mod.ts broker &
cat > f <<'END'
ambermq pub no
END
ls; ambermq_sub -t a\\ b
`;
  assertEquals(
    commandsOf(script).map(argumentsOf).filter((one) => one !== undefined),
    [
      ["pub", "-t", "a b", "-m", 'c "d"', "-q", "1"],
      ["sub", "-t", "#"],
      ["broker"],
      ["sub", "-t", "a b"],
    ],
  );
});

import { assertEquals, assertThrows } from "@std/assert";
import {
  describeFlags,
  helpFlag,
  parseFlags,
  UsageError,
} from "../../cli/_flags.ts";
import { integer } from "../../cli/_value.ts";

const flags = {
  message: { names: ["-m", "--message"], value: "TEXT", help: "a text" },
  topics: { names: ["-t"], value: "TOPIC", list: true, help: "topics" },
  retain: { names: ["-r", "--retain"], help: "keep it" },
  host: { names: ["-h", "--host"], value: "HOST", orHelp: true, help: "where" },
  help: helpFlag,
} as const;

const nothing = {
  message: undefined,
  topics: [],
  retain: false,
  host: undefined,
  help: false,
};

Deno.test("parseFlags() reads values, lists and switches", () => {
  assertEquals(parseFlags(flags, []), nothing);
  assertEquals(
    parseFlags(flags, ["-t", "a", "-r", "-m", "x", "-t", "b", "-h", "box"]),
    {
      message: "x",
      topics: ["a", "b"],
      retain: true,
      host: "box",
      help: false,
    },
  );
  assertEquals(parseFlags(flags, ["--message=a=b"]), {
    ...nothing,
    message: "a=b",
  });
  assertEquals(parseFlags(flags, ["--message="]), { ...nothing, message: "" });
  assertEquals(parseFlags(flags, ["-m", "1", "-m", "2"]).message, "2");
});

Deno.test("parseFlags() takes values that look like flags", () => {
  for (const value of ["-1", "--help", "-r", "-", "", "--"]) {
    assertEquals(parseFlags(flags, ["-m", value]), {
      ...nothing,
      message: value,
    });
  }
});

Deno.test("parseFlags() takes -h without a host for help", () => {
  for (const args of [["-h"], ["-h", "-r"], ["--help"]]) {
    assertEquals(parseFlags(flags, args).help, true);
  }
  assertEquals(parseFlags(flags, ["-h", "box"]).help, false);
  assertEquals(parseFlags(flags, ["--host=-x"]).host, "-x");
});

Deno.test("parseFlags() refuses what it does not know, with a hint", () => {
  const cases: [string[], string][] = [
    [["--mesage", "x"], "there is no flag --mesage; did you mean --message?"],
    [["--retian"], "there is no flag --retian; did you mean --retain?"],
    [["-x"], "there is no flag -x"],
    [["--quite-another"], "there is no flag --quite-another"],
    [["word"], '"word" is not expected'],
    [["-m"], "-m needs a value: TEXT"],
    [["-r", "-t"], "-t needs a value: TOPIC"],
    [["--retain=yes"], "--retain takes no value"],
  ];
  for (const [args, message] of cases) {
    assertThrows(() => parseFlags(flags, args), UsageError, message);
  }
});

Deno.test("parseFlags() takes as many words as a flag says", () => {
  const some = {
    pair: {
      names: ["-D"],
      value: "NAME VALUE",
      words: ([first]: readonly string[]) => first === "none" ? 1 : 2,
      help: "",
    },
    help: helpFlag,
  } as const;
  assertEquals(
    parseFlags(some, ["-D", "a", "-D", "-D", "none", "-D", "b", ""]).pair,
    [["a", "-D"], ["none"], ["b", ""]],
  );
  assertThrows(
    () => parseFlags(some, ["-D", "a"]),
    UsageError,
    "-D needs a value: NAME VALUE",
  );
});

Deno.test("parseFlags() says why a flag of others is refused", () => {
  assertThrows(
    () => parseFlags(flags, ["--proxy", "x"], { "--proxy": "we do not" }),
    UsageError,
    "--proxy is not supported: we do not",
  );
});

Deno.test("parseFlags() reads values, and tells of a wrong one by the name given", () => {
  const flags = {
    count: {
      names: ["-n", "-C", "--count"],
      value: "COUNT",
      kind: integer<number>(0, 9),
      help: "",
    },
    help: helpFlag,
  } as const;
  assertEquals(parseFlags(flags, []).count, undefined);
  assertEquals(parseFlags(flags, ["-C", "7"]).count, 7);
  assertEquals(parseFlags(flags, ["--count=0"]).count, 0);
  const wrong: [string[], string][] = [
    [["-C", "-1"], '-C is "-1", not a number from 0 to 9'],
    [["--count=x"], '--count is "x", not a number from 0 to 9'],
  ];
  for (const [args, message] of wrong) {
    assertThrows(() => parseFlags(flags, args), UsageError, message);
  }
});

Deno.test("describeFlags() has a line for each flag, in groups", () => {
  const { help, ...others } = flags;
  assertEquals(
    describeFlags({ Some: others, Other: { help } }),
    "Some:\n" +
      "  -m, --message TEXT          a text\n" +
      "  -t TOPIC                    topics\n" +
      "  -r, --retain                keep it\n" +
      "  -h, --host HOST             where\n" +
      "\n" +
      "Other:\n" +
      "  --help                      show this help\n",
  );
  const long = {
    long: {
      names: ["--a-name-that-is", "--much-too-long"],
      help: "for one line\nand its help too",
    },
  };
  assertEquals(
    describeFlags({ Long: long }),
    "Long:\n" +
      "  --a-name-that-is, --much-too-long\n" +
      "                              for one line\n" +
      "                              and its help too\n",
  );
});

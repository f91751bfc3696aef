import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  describeFlags,
  helpFlag,
  hint,
  parseFlags,
  parseInteger,
  UsageError,
} from "../../cli/_flags.ts";

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

Deno.test("hint() names what is close", () => {
  const names = ["broker", "pub", "sub"];
  assertEquals(hint("pbu", names), "; did you mean pub?");
  assertEquals(hint("brokr", names), "; did you mean broker?");
  assertEquals(hint("subscribe", names), "");
  assertEquals(hint("xyz", names), "");
});

Deno.test("parseInteger() takes numbers within the range", () => {
  const flag = { names: ["-q"], value: "QOS", help: "" };
  assertEquals(parseInteger(flag, undefined, [0, 2]), undefined);
  assertEquals(parseInteger(flag, "0", [0, 2]), 0);
  assertEquals(parseInteger(flag, "2", [0, 2]), 2);
  for (const text of ["3", "-1", "", "1.5", "x", "0x1", " 1", "1e0"]) {
    assertThrows(
      () => parseInteger(flag, text, [0, 2]),
      UsageError,
      `-q is ${JSON.stringify(text)}, not a number from 0 to 2`,
    );
  }
});

Deno.test("describeFlags() has a line for each flag", () => {
  assertEquals(
    describeFlags(flags),
    "  -m, --message TEXT  a text\n" +
      "  -t TOPIC            topics\n" +
      "  -r, --retain        keep it\n" +
      "  -h, --host HOST     where\n" +
      "  --help              show this help\n",
  );
  const long = {
    long: {
      names: ["--a-name-that-is", "--much-too-long"],
      help: "for one line",
    },
  };
  assertStringIncludes(describeFlags(long), "long\n   ");
});

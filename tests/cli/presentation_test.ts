import { assertEquals, assertThrows } from "@std/assert";
import { helpFlag, parseFlags, UsageError } from "../../cli/_flags.ts";
import {
  formatHelp,
  presentation,
  presentationFlags,
} from "../../cli/_presentation.ts";
import { compileFormat } from "../../cli/_format.ts";
import { IncomingApplicationMessage } from "../../mod.ts";

const message = new IncomingApplicationMessage({
  type: "publish",
  topic: "a",
  payload: new Uint8Array([0x78, 0xff]),
  qos: 0,
  retain: false,
  dup: false,
});

function written(args: string[], colours = false): string {
  const flags = { ...presentationFlags, help: helpFlag };
  const present = presentation(parseFlags(flags, args), { colours });
  return present(message, { seconds: 0, nanoseconds: 0 })
    .map((part) => new TextDecoder("latin1").decode(part)).join("");
}

Deno.test("a message is its payload and a line feed, which -N leaves out", () => {
  assertEquals(written([]), "xÿ\n");
  assertEquals(written(["-N"]), "xÿ");
  assertEquals(written(["-v", "-N"]), "a xÿ");
});

Deno.test("-v has the topic, in colour where somebody looks", () => {
  assertEquals(written(["-v"]), "a xÿ\n");
  assertEquals(written(["-v"], true), "\x1b[36ma\x1b[39m xÿ\n");
  assertEquals(written([], true), "xÿ\n");
});

Deno.test("-F is stronger than -v, and has a line feed too", () => {
  assertEquals(written(["-v", "-F", "%t:%l"]), "a:2\n");
  assertEquals(written(["-F", "%t:%l", "-N"]), "a:2");
});

Deno.test("--json is for programs: there are no colours", () => {
  const line = written(["--json", "-v"], true);
  assertEquals(JSON.parse(line).topic, "a");
  assertEquals(line.at(-1), "\n");
  assertEquals(written(["--json", "--pretty"]).split("\n").length > 3, true);
  assertThrows(
    () => written(["--json", "-F", "%t"]),
    UsageError,
    "give -F or --json, not both",
  );
});

Deno.test("the help has every letter of -F, and nothing else", () => {
  const explained = new Set(
    Array.from(formatHelp.matchAll(/%([A-Za-z])/g), ([, letter]) => letter!),
  );
  for (const letter of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
    let known = true;
    try {
      compileFormat(`%${letter}`, false);
    } catch {
      known = false;
    }
    assertEquals(explained.has(letter), known, letter);
  }
});

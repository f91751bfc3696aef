/** What people type: flags, and formats for messages. */

import { assert } from "@std/assert";
import { pubFlags } from "../../cli/_pub.ts";
import { subFlags } from "../../cli/_sub.ts";
import { refusedFlags } from "../../cli/_client_flags.ts";
import { clientSettings } from "../../cli/_client_options.ts";
import { type Flag, parseFlags, UsageError } from "../../cli/_flags.ts";
import { compileFormat } from "../../cli/_format.ts";
import { PayloadError } from "../../cli/_format_json.ts";
import { sourceOf } from "../../cli/_source.ts";
import { type ApplicationMessage, MQTTClient } from "../../mod.ts";
import type { Random } from "../_random.ts";
import { somePacket } from "../codec/_random_packets.ts";
import { mutateText } from "./_mutate.ts";
import { fewer, simplerText } from "./_shrink.ts";
import type { Target } from "./_target.ts";

interface CommandLine {
  readonly command: "pub" | "sub";
  readonly words: readonly string[];
}

const flags = { pub: pubFlags, sub: subFlags };

const values = [
  ...[
    "a/b",
    "#",
    "+",
    "",
    "-1",
    "0",
    "1",
    "2",
    "3",
    "65536",
    "1.5",
    "1e9",
    "x",
  ],
  ...["mqtt://localhost", "mqtt://", "mqtt://h/t", "wss://h", "{}", "[1]", "-"],
  ...["connect", "publish", "user-property", "content-type", "topic-alias"],
  ...["$share/g/a", "$share/g", "mqttv5", "5", "311", "%t %p", "\0", "ü", "--"],
];

function commandLine(random: Random): CommandLine {
  const command = random.pick(["pub", "sub"] as const);
  const names = Object.values<Flag>(flags[command]).flatMap(({ names }) =>
    names
  )
    // Files are of no interest, and of the machine.
    .filter((name) => !["-f", "--file", "-c", "--config"].includes(name));
  const words = random.array(random.integer(0, 8), () => {
    const name = random.pick(names);
    return random.percent(20)
      ? [random.pick(values)]
      : random.percent(20)
      ? [`${name}=${random.pick(values)}`]
      : [
        name,
        ...random.array(random.integer(0, 2), () => random.pick(values)),
      ];
  }).flat();
  if (random.percent(70)) words.unshift("-t", "a/b");
  return { command, words };
}

function checkCommandLine({ command, words }: CommandLine): void {
  try {
    const given = command === "pub"
      ? parseFlags(pubFlags, words, refusedFlags)
      : parseFlags(subFlags, words, refusedFlags);
    const sender = { command, pid: 1, hostname: "box" };
    const { options } = clientSettings(given, sender);
    if ("message" in given) sourceOf(given as never);
    // What the library refuses is a mistake on the command line too.
    try {
      new MQTTClient(options);
    } catch (error) {
      const fine = error instanceof TypeError || error instanceof RangeError;
      assert(fine && /^Cannot |: /.test(error.message), `${error}`);
    }
  } catch (error) {
    assert(error instanceof UsageError, `${(error as Error)?.stack}`);
    assert(!/undefined|\[object/.test(error.message), error.message);
  }
}

/** `cli/_flags.ts`, and what flags come to. */
export const flagsTarget: Target<CommandLine> = {
  name: "flags",
  about: "command lines are understood, or it is said what is wrong",
  generate: commandLine,
  check: checkCommandLine,
  *shrink({ command, words }) {
    for (const some of fewer(words)) yield { command, words: some };
  },
  show: ({ command, words }) => `ambermq ${command} ${JSON.stringify(words)}`,
};

interface Formatted {
  readonly format: string;
  readonly message: ApplicationMessage;
  readonly pretty: boolean;
}

const formats = [
  "%t %p",
  "%I %U @H:@M:@S.@N",
  "%j",
  "%J",
  "%-20.5t|%08x|%q%r%l\\n",
  "%A%C%D%E%F%m%P%R%S%X%%@@\\\\",
];

const formatWords = [
  ...["%", "@", "\\", "%.", "%0", "%-", "%9999", "%10001", "%.99999999999999"],
  ...["@Z", "@s", "@e", "\\0", "\\x", "%\n", "%\u{1f600}", "@\u{1f600}", "%Q"],
];

function formatted(random: Random): Formatted {
  const packet = somePacket(random, "publish", 5);
  if (packet.type !== "publish") throw new Error("It is no PUBLISH");
  const message = {
    ...packet,
    text: () => new TextDecoder().decode(packet.payload),
  } as unknown as ApplicationMessage;
  const format = mutateText(random, random.pick(formats), formatWords);
  return { format, message, pretty: random.boolean() };
}

function checkFormat({ format, message, pretty }: Formatted): void {
  let parts;
  try {
    parts = compileFormat(format, pretty)(message, {
      seconds: 1_800_000_000,
      nanoseconds: 5,
    });
  } catch (error) {
    const fine = error instanceof UsageError || error instanceof PayloadError;
    assert(fine, `${(error as Error)?.stack}`);
    return;
  }
  for (const part of parts) {
    assert(typeof part === "string" || part instanceof Uint8Array, `${part}`);
    const short = /undefined|\[object/.test(format) || part.length > 40 ||
      !/undefined|\[object/.test(String(part));
    assert(short, `${part}`);
  }
}

/** `cli/_format.ts`. */
export const format: Target<Formatted> = {
  name: "format",
  about: "formats of sub -F are used, or it is said what is wrong",
  generate: formatted,
  check: checkFormat,
  *shrink(input) {
    for (const format of simplerText(input.format)) yield { ...input, format };
  },
  show: ({ format, message }) =>
    `${JSON.stringify(format)} for ${JSON.stringify(message)}`,
};

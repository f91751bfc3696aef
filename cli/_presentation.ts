/** How `sub` writes a message: the flags for it, and the bytes. */

import type { ApplicationMessage } from "../mod.ts";
import { type Flag, UsageError, type Values } from "./_flags.ts";
import { compileFormat, type Formatter } from "./_format.ts";
import { jsonLine } from "./_json_line.ts";
import type { Instant, Terminal } from "./_terminal.ts";

/** The flags. */
export const presentationFlags = {
  verbose: {
    names: ["-v", "--verbose"],
    help: "write the topic and a space in front",
  },
  format: {
    names: ["-F", "--format"],
    value: "FORMAT",
    help: "write this instead, see below",
  },
  json: {
    names: ["--json"],
    help: "write an object of JSON on a line, see below",
  },
  pretty: { names: ["--pretty"], help: "indent JSON, on more than one line" },
  noEnd: {
    names: ["-N"],
    help: "write no line feed behind a message",
  },
} as const satisfies Record<string, Flag>;

/** What a format is, for the help. */
export const formatHelp = `-F writes its text, in which stand for
  %t %p %l %q %r %m   topic, payload, its length, QoS, 1 if it was retained
                      before, packet identifier
  %x %X               payload in hexadecimal
  %j %J               all as JSON; with %J the payload is JSON, not text
  %C %R %D            content type, response topic, correlation data
  %E %F %P            message expiry interval, payload format, user properties
  %S %A               subscription identifier, topic alias (which the client
                      has resolved: nothing)
  %I %U               the time in ISO 8601, and in seconds since 1970
  @Y @m @d @H @M @S … the time as strftime(3) has it; @N the nanoseconds
  \\n \\t \\r \\v         line feed, tab, carriage return, vertical tab
  \\e \\a \\0            escape, bell, null character
  %% @@ \\\\            these signs
%10t is at least 10 characters wide, %-10t aligned to the left, %.10t at most 10
wide; %06l has zeros in front.`;

/** The bytes for a message that came at a time. */
export type Presentation = (
  message: ApplicationMessage,
  time: Instant,
) => Uint8Array[];

const CYAN = "\x1b[36m";
const PLAIN = "\x1b[39m";

const LINE_FEED = "\n";

/**
 * Makes what writes messages.
 *
 * @param values What was given.
 * @param terminal Whether there are colours.
 * @throws {UsageError} If a format has no meaning.
 */
export function presentation(
  values: Values<typeof presentationFlags>,
  { colours }: Pick<Terminal, "colours">,
): Presentation {
  const encoder = new TextEncoder();
  const present = formatter(values, colours);
  const end = values.noEnd ? "" : LINE_FEED;
  return (message, time) =>
    [...present(message, time), end].map((part) =>
      typeof part === "string" ? encoder.encode(part) : part
    );
}

function formatter(
  { format, json, pretty, verbose }: Values<typeof presentationFlags>,
  colours: boolean,
): Formatter {
  if (format !== undefined && json) {
    throw new UsageError("give -F or --json, not both");
  }
  if (format !== undefined) return compileFormat(format, pretty);
  if (json) return (message, time) => [jsonLine(message, time, pretty)];
  if (!verbose) return ({ payload }) => [payload];
  return colours
    ? ({ topic, payload }) => [`${CYAN}${topic}${PLAIN} `, payload]
    : ({ topic, payload }) => [`${topic} `, payload];
}

/**
 * `sub -F`: a format for messages, as mosquitto_sub has it. It is read once,
 * and what it says is done for each message.
 */

import type { ApplicationMessage } from "../mod.ts";
import { UsageError } from "./_flags.ts";
import { formatJson } from "./_format_json.ts";
import { strftime } from "./_strftime.ts";
import type { Instant } from "./_terminal.ts";

/** Parts of what is written for a message. */
export type Formatter = (
  message: ApplicationMessage,
  time: Instant,
) => (string | Uint8Array)[];

/** What is between % and the letter. */
interface Field {
  readonly left: boolean;
  readonly zeros: boolean;
  /** At least so many characters. */
  readonly width: number;
  /** At most so many characters. */
  readonly precision: number;
}

type Piece = (
  message: ApplicationMessage,
  time: Instant,
) => string | Uint8Array;

/** No field is wider: each message would have it. */
const WIDEST = 10_000;

const ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\",
  "0": "\0",
  a: "\x07",
  e: "\x1b",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

/**
 * Reads a format.
 *
 * @param format The text after -F.
 * @param pretty Whether JSON is indented.
 * @throws {UsageError} If something in it has no meaning.
 */
export function compileFormat(format: string, pretty: boolean): Formatter {
  const pieces: Piece[] = [];
  const token = /%(-?)(0?)(\d*)(?:\.(\d*))?(.?)|@(.?)|\\(.?)|([^%@\\]+)/gsu;
  for (const found of format.matchAll(token)) {
    const [all, left, zeros, width, precision, letter, time, escape, text] =
      found;
    if (text !== undefined) pieces.push(() => text);
    else if (escape !== undefined) {
      if (!Object.hasOwn(ESCAPES, escape)) throw wrong(all);
      pieces.push(() => ESCAPES[escape]!);
    } else if (time !== undefined) pieces.push(timePiece(time));
    else {
      const conversion = conversionOf(letter!, pretty);
      if (conversion === undefined) throw wrong(all);
      if (Number(width) > WIDEST) {
        throw new UsageError(
          `-F has ${JSON.stringify(all)}, which is wider than ${WIDEST}`,
        );
      }
      const field: Field = {
        left: left === "-",
        zeros: zeros === "0",
        width: Number(width),
        precision: precision === undefined ? Infinity : Number(precision),
      };
      pieces.push((message, now) => conversion(message, now, field));
    }
  }
  return (message, time) => pieces.map((piece) => piece(message, time));
}

function wrong(sequence: string): UsageError {
  return new UsageError(
    `-F has ${JSON.stringify(sequence)}, which has no meaning there; ` +
      "%%, @@ and \\\\ stand for the signs themselves",
  );
}

function timePiece(letter: string): Piece {
  if (letter === "") throw wrong("@");
  if (letter === "@") return () => "@";
  if (letter === "N") return (_, time) => nine(time.nanoseconds);
  return (_, time) => strftime(`%${letter}`, time);
}

type Conversion = (
  message: ApplicationMessage,
  time: Instant,
  field: Field,
) => string | Uint8Array;

function conversionOf(letter: string, pretty: boolean): Conversion | undefined {
  if (letter === "j" || letter === "J") {
    return (message, time) =>
      formatJson(message, time, { pretty, parsed: letter === "J" });
  }
  return Object.hasOwn(conversions, letter) ? conversions[letter] : undefined;
}

const conversions: Readonly<Record<string, Conversion>> = {
  "%": () => "%",
  // The client has replaced an alias by the topic.
  A: (_message, _time, field) => textField(undefined, field),
  C: ({ properties }, _, field) => textField(properties?.contentType, field),
  D: ({ properties }) => properties?.correlationData ?? "",
  E: ({ properties }, _, field) =>
    numberField(properties?.messageExpiryInterval, field),
  F: ({ properties }, _, field) => {
    const { payloadFormatIndicator: utf8 } = properties ?? {};
    return numberField(utf8 === undefined ? undefined : Number(utf8), field);
  },
  I: (_, time, field) =>
    textField(strftime("%Y-%m-%dT%H:%M:%S%z", time), field),
  l: ({ payload }, _, field) => numberField(payload.length, field),
  m: ({ packetId }, _, field) => numberField(packetId ?? 0, field),
  P: ({ properties }) =>
    (properties?.userProperties ?? [])
      .map(([name, value]) => `${name}:${value}`).join(" "),
  p: ({ payload }, _, field) => payloadField(payload, field),
  q: ({ qos }) => String(qos),
  R: ({ properties }, _, field) => textField(properties?.responseTopic, field),
  r: ({ retain }) => retain ? "1" : "0",
  S: ({ properties }, _, field) =>
    numberField(properties?.subscriptionIdentifiers?.[0], field),
  t: ({ topic }, _, field) => textField(topic, field),
  U: (_, { seconds, nanoseconds }) => `${seconds}.${nine(nanoseconds)}`,
  X: ({ payload }, _, field) =>
    numberField(payload.toHex().toUpperCase(), field),
  x: ({ payload }, _, field) => numberField(payload.toHex(), field),
};

function nine(nanoseconds: number): string {
  return String(nanoseconds).padStart(9, "0");
}

function pad(text: string, { left, width }: Field, fill = " "): string {
  return left ? text.padEnd(width) : text.padStart(width, fill);
}

/** Zeros are not for texts. */
function textField(text: string | undefined, field: Field): string {
  const { precision } = field;
  const whole = text ?? "";
  // Characters, lest one is cut in the middle.
  const cut = whole.length > precision
    ? Array.from(whole).slice(0, precision).join("")
    : whole;
  return pad(cut, field);
}

function numberField(
  value: number | string | undefined,
  field: Field,
): string {
  return pad(String(value ?? ""), field, field.zeros ? "0" : " ");
}

/** The payload is bytes: its padding is too. */
function payloadField(payload: Uint8Array, field: Field): Uint8Array {
  const { left, zeros, width } = field;
  if (payload.length >= width) return payload;
  const fill = zeros && !left ? 0x30 : 0x20;
  const bytes = new Uint8Array(width).fill(fill);
  bytes.set(payload, left ? 0 : width - payload.length);
  return bytes;
}

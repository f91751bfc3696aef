/**
 * A line of a dump: JSON with bytes as base64, and exactly the fields that its
 * type has. Who reads a dump of a version that knows more is told so, rather
 * than left with less than was written.
 */

/** What is wrong with a line. */
export class LineError extends Error {}

/** What a line has. */
export interface Line {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** What a field may be; gives the value to use, throws what it should be. */
interface Field {
  readonly what: string;
  readonly optional?: true;
  read(value: unknown): unknown;
}

function field(what: string, is: (value: unknown) => boolean): Field {
  return {
    what,
    read: (value) => {
      if (is(value)) return value;
      throw new LineError(`is ${shown(value)}, not ${what}`);
    },
  };
}

function integer(minimum: number, maximum = Number.MAX_SAFE_INTEGER): Field {
  return field(
    `a whole number from ${minimum}` +
      (maximum === Number.MAX_SAFE_INTEGER ? "" : ` to ${maximum}`),
    (value) =>
      Number.isSafeInteger(value) && Number(value) >= minimum &&
      Number(value) <= maximum,
  );
}

function optional(one: Field): Field {
  return { ...one, optional: true };
}

const text = field("a text", (value) => typeof value === "string");
const flag = field("true or false", (value) => typeof value === "boolean");
const time = field(
  "milliseconds since 1970",
  (value) => typeof value === "number" && Number.isFinite(value),
);
const qos = integer(0, 2);
const packetId = integer(1, 65_535);
const bytes: Field = {
  what: "base64",
  read: (value) => {
    if (typeof value === "string") {
      try {
        return Uint8Array.fromBase64(value);
      } catch {
        // It is told below.
      }
    }
    throw new LineError(`is ${shown(value)}, not base64`);
  },
};
const pairs = field(
  "a list of pairs of texts",
  (value) =>
    Array.isArray(value) &&
    value.every((pair) =>
      Array.isArray(pair) && pair.length === 2 &&
      pair.every((one) => typeof one === "string")
    ),
);
const numbers = field(
  "a list of subscription identifiers",
  (value) =>
    Array.isArray(value) && value.length > 0 &&
    value.every((one) => Number.isInteger(one) && one > 0),
);

type Fields = Readonly<Record<string, Field>>;

function record(what: string, fields: Fields): Field {
  return {
    what,
    read: (value) => {
      if (isRecord(value)) return readFields(value, fields);
      throw new LineError(`is ${shown(value)}, not ${what}`);
    },
  };
}

const properties: Fields = {
  payloadFormatIndicator: optional(flag),
  messageExpiryInterval: optional(integer(0, 0xffff_ffff)),
  contentType: optional(text),
  responseTopic: optional(text),
  correlationData: optional(bytes),
  userProperties: optional(pairs),
};

const message: Fields = {
  topic: text,
  payload: bytes,
  qos,
  retain: flag,
  properties: optional(record("properties", properties)),
  expiresAt: optional(time),
};

/** The number of a message before it, or the message. */
const aMessage: Field = {
  what: "a message or its number",
  read: (value) =>
    typeof value === "number"
      ? integer(1).read(value)
      : record("a message or its number", message).read(value),
};

const client: Fields = {
  clientId: text,
  username: optional(text),
  protocolVersion: integer(3, 5),
  address: optional(field("an address", isRecord)),
  listener: text,
  certificate: optional(field("a certificate", isRecord)),
};

/** The types of lines and the fields of each. */
const types: Readonly<Record<string, Fields>> = {
  "ambermq-store": { format: integer(1) },
  session: {
    clientId: text,
    client: record("a client", client),
    expiryInterval: integer(0, 0xffff_ffff),
    expiresAt: optional(time),
  },
  subscription: {
    clientId: text,
    filter: text,
    qos,
    noLocal: flag,
    retainAsPublished: flag,
    retainHandling: integer(0, 2),
    identifier: optional(integer(1, 268_435_455)),
  },
  message: { id: integer(1), uses: integer(1), ...message },
  delivery: {
    clientId: text,
    id: integer(1),
    message: aMessage,
    qos: integer(1, 2),
    retain: flag,
    identifiers: optional(numbers),
    shared: optional(text),
    packetId: optional(packetId),
  },
  released: { clientId: text, id: integer(1) },
  received: { clientId: text, packetId },
  will: {
    clientId: text,
    topic: text,
    payload: bytes,
    qos,
    retain: flag,
    properties: optional(
      record("properties", {
        ...properties,
        willDelayInterval: optional(integer(0, 0xffff_ffff)),
      }),
    ),
    dueAt: optional(time),
  },
  retained: { message: aMessage },
  end: { lines: integer(0) },
};

/** Writes a line. */
export function toLine(line: Line): string {
  return JSON.stringify(
    line,
    (_, value) => value instanceof Uint8Array ? value.toBase64() : value,
  );
}

/**
 * Reads a line.
 *
 * @throws {LineError} If it is none.
 */
export function fromLine(text: string): Line {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new LineError("it is not JSON");
  }
  if (!isRecord(value)) throw new LineError("it is not an object");
  const { type, ...rest } = value;
  if (typeof type !== "string" || !Object.hasOwn(types, type)) {
    throw new LineError(
      `there is no type ${shown(type)}, but ${Object.keys(types).join(", ")}`,
    );
  }
  return { type, ...readFields(rest, types[type]!) };
}

function readFields(
  value: Readonly<Record<string, unknown>>,
  fields: Fields,
): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [name, given] of Object.entries(value)) {
    if (!Object.hasOwn(fields, name)) {
      throw new LineError(
        `there is no field ${shown(name)} here: a newer version may have ` +
          "written it",
      );
    }
    try {
      result[name] = fields[name]!.read(given);
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      const dot = /^is /.test(error.message) ? " " : ": ";
      throw new LineError(`${name}${dot}${error.message}`);
    }
  }
  for (const [name, one] of Object.entries(fields)) {
    if (one.optional || Object.hasOwn(value, name)) continue;
    throw new LineError(`${name} is missing: ${one.what}`);
  }
  return result;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

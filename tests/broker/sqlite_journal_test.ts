import { assertEquals, assertThrows } from "@std/assert";
import {
  type JournalReader,
  JournalWriter,
  readJournal,
} from "../../broker/_sqlite_journal.ts";

type Call = [name: keyof JournalReader, ...args: unknown[]];

/** A reader that writes down what it is told. */
function recorder(calls: Call[]): JournalReader {
  return new Proxy({} as JournalReader, {
    get: (_, name) => (...args: unknown[]) =>
      calls.push([name as keyof JournalReader, ...structuredClone(args)]),
  });
}

const bytes = Uint8Array.from({ length: 200 }, (_, i) => i);

const calls: Call[] = [
  ["session", 1, {
    clientId: "ü",
    client: "{}",
    expiryInterval: 0xffff_ffff,
    expiresAt: undefined,
  }],
  ["session", 300, {
    clientId: "",
    client: "x".repeat(5000),
    expiryInterval: 0,
    expiresAt: 1_700_000_000_000.25,
  }],
  ["subscribe", 1, "a/+", { options: 0x2e, identifier: 268_435_455 }],
  ["subscribe", 1, "b", { options: 0, identifier: undefined }],
  // [MQTT-1.5.4-3]
  ["subscribe", 1, "\ufeffb", { options: 0, identifier: undefined }],
  ["subscribe", 1, "b", undefined],
  ["message", 2 ** 40, { flags: 13, expiresAt: 1_700_000_000_000, bytes }],
  ["message", 1, { flags: 0, expiresAt: null, bytes: new Uint8Array(70_000) }],
  ["enqueue", 1, 7, 2 ** 40, {
    qos: 1,
    retain: true,
    identifiers: [1, 70_000],
    shared: "$share/g/ä",
    packetId: 65_535,
  }],
  ["enqueue", 1, 8, 1, {
    qos: 2,
    retain: false,
    identifiers: undefined,
    shared: undefined,
    packetId: undefined,
  }],
  ["send", 1, 8, 1],
  ["release", 1, 8],
  ["settle", 1, 7],
  ["receive", 1, 65_535, true],
  ["receive", 1, 65_535, false],
  ["will", 1, bytes],
  ["will", 1, null],
  ["retain", "a/b", 1],
  ["retain", "a/b", undefined],
  ["sessionEnd", 300],
];

function write(writer: JournalWriter, [name, ...args]: Call): void {
  (writer[name] as (...args: unknown[]) => void)(...args);
}

Deno.test("readJournal() reads what a JournalWriter wrote", () => {
  const writer = new JournalWriter();
  for (let round = 0; round < 2; round++) {
    for (const call of calls) write(writer, call);
    const read: Call[] = [];
    readJournal(writer.bytes, recorder(read));
    assertEquals(read, calls);
    writer.clear();
    assertEquals(writer.length, 0);
  }
});

Deno.test("JournalWriter does not keep the room that something large took", () => {
  const writer = new JournalWriter();
  const large = new Uint8Array(3 << 20);
  writer.message(1, { flags: 0, expiresAt: null, bytes: large });
  writer.clear();
  writer.settle(1, 2);
  assertEquals(writer.bytes.buffer.byteLength, 4096);
  const read: Call[] = [];
  readJournal(writer.bytes, recorder(read));
  assertEquals(read, [["settle", 1, 2]]);
});

Deno.test("readJournal() refuses what is cut off, or of a kind that it does not know", () => {
  const writer = new JournalWriter();
  for (const call of calls) {
    writer.clear();
    write(writer, call);
    const { bytes } = writer;
    assertThrows(
      () => readJournal(bytes.subarray(0, bytes.length - 1), recorder([])),
      RangeError,
    );
  }
  assertThrows(
    () => readJournal(new Uint8Array([99, 0]), recorder([])),
    RangeError,
    "of kind 99",
  );
});

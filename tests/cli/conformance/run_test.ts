import { assertEquals, assertRejects } from "@std/assert";
import {
  chapter,
  check,
  informative,
  slow,
  v311,
} from "../../../cli/conformance/_check.ts";
import { Failure, Skip } from "../../../cli/conformance/_verdict.ts";
import {
  type Result,
  runCases,
  select,
  UnreachableError,
} from "../../../cli/conformance/_run.ts";
import type { Target } from "../../../cli/conformance/_stage.ts";
import type { Transport } from "../../../mod.ts";
import { agreeable } from "./_agreeable_broker.ts";

const done = () => Promise.resolve();

const some = chapter(
  "Some",
  check([3, 4, 5], "passes [MQTT-3.1.0-1]", done),
  check(v311, "fails [MQTT311-3.1.0-2]", () => {
    throw new Failure("this", "that");
  }),
  check(v311, "is skipped", () => {
    throw new Skip("the broker says no");
  }),
  check(v311, "is interrupted", () => {
    throw new Error("Connection refused");
  }),
  informative(v311, "tells", (stage) => {
    stage.note("it is so");
    return Promise.reject(new Failure("this", "otherwise"));
  }),
  slow(v311, "takes its time", done),
);

function target(dial: () => Promise<Transport>): Target {
  return { dial, patience: 50, wait: done };
}

const yes = target(() => Promise.resolve(agreeable()));
const never = new AbortController().signal;

Deno.test("checks are selected by version, text and time", () => {
  const titles = (...args: Parameters<typeof select>) =>
    select(...args).map(({ check, version }) => `${check.title} ${version}`);
  const versions = [3, 4, 5] as const;
  assertEquals(titles(some, { versions, slow: false }).length, 7);
  assertEquals(titles(some, { versions, slow: true }).length, 8);
  assertEquals(titles(some, { versions: [5], slow: true }), [
    "passes [MQTT-3.1.0-1] 5",
  ]);
  assertEquals(
    titles(some, { versions, slow: true, filter: "mqtt311-3.1.0-2" }),
    ["fails [MQTT311-3.1.0-2] 4"],
  );
  assertEquals(
    titles(some, { versions, slow: true, filter: "SOME:" }).length,
    8,
  );
});

Deno.test("every outcome is told with what there is to say", async () => {
  const cases = select(some, { versions: [4], slow: false });
  const results = await Array.fromAsync(runCases(cases, yes, never));
  const seen = (one: Result) => [one.outcome, one.expected, one.actual];
  assertEquals(results.map(seen), [
    ["passed", undefined, undefined],
    ["failed", "this", "that"],
    ["skipped", undefined, "the broker says no"],
    ["failed", "a connection", "Connection refused"],
    ["informative", undefined, undefined],
  ]);
  assertEquals(results[1]!.statements, ["MQTT-3.1.0-2"]);
  assertEquals(results[4]!.notes, ["it is so", "otherwise"]);
});

Deno.test("a version that the broker does not speak is skipped", async () => {
  // As a broker of 5.0 alone: it closes where it does not understand.
  const only5 = target(() => {
    const transport = agreeable();
    let first = true;
    return Promise.resolve({
      read: (buffer) => transport.read(buffer),
      write(bytes) {
        if (first && bytes[8] !== 5) transport.close();
        first = false;
        return transport.write(bytes);
      },
      close: () => transport.close(),
    });
  });
  const cases = select(some.slice(0, 1), { versions: [4, 5], slow: false });
  const results = await Array.fromAsync(runCases(cases, only5, never));
  assertEquals(results.map(({ outcome }) => outcome), ["skipped", "passed"]);
  assertEquals(
    results[0]!.actual,
    "a CONNECT of MQTT 3.1.1 is answered with the end of the connection",
  );
});

Deno.test("a broker that cannot be reached is an error", async () => {
  const nobody = target(() => Promise.reject(new Error("Connection refused")));
  const cases = select(some, { versions: [4], slow: false });
  await assertRejects(
    () => Array.fromAsync(runCases(cases, nobody, never)),
    UnreachableError,
    "Connection refused",
  );
});

Deno.test("an interruption ends the run after the check it falls into", async () => {
  const controller = new AbortController();
  const results: Result[] = [];
  const cases = select(some, { versions: [4], slow: false });
  for await (const result of runCases(cases, yes, controller.signal)) {
    results.push(result);
    controller.abort();
  }
  assertEquals(results.length, 1);
});

Deno.test("a broker that is gone since a check has no other wait for it", async () => {
  let count = 0;
  const mortal = target(() =>
    ++count <= 2 // to ask for the version, and for what it offers
      ? Promise.resolve(agreeable())
      : Promise.reject(new Error("Connection refused"))
  );
  const cases = select(some, { versions: [4], slow: false });
  const results: Result[] = [];
  const run = async () => {
    for await (const result of runCases(cases, mortal, never)) {
      results.push(result);
    }
  };
  await assertRejects(run, UnreachableError, "Connection refused");
  const outcomes = results.map(({ outcome }) => outcome);
  assertEquals(outcomes, ["passed", "failed"]);
});

/** A broker whose connections answer as their first packet tells. */
function answering(
  answer: (bytes: Uint8Array) => readonly number[],
): Target {
  return target(() => {
    const { readable, writable } = new TransformStream<Uint8Array>();
    const reader = readable.getReader();
    const writer = writable.getWriter();
    return Promise.resolve({
      async read(buffer) {
        const { value, done } = await reader.read();
        if (done) return null;
        buffer.set(value);
        return value.length;
      },
      write(bytes) {
        const said = answer(bytes);
        if (said.length > 0) writer.write(Uint8Array.from(said));
        return Promise.resolve(bytes.length);
      },
      close: () => void writer.close(),
    });
  });
}

/** CONNACK for a CONNECT, and nothing for anything else. */
const greeting = ([first, , , , , , , , version]: Uint8Array) =>
  first !== 0x10 ? [] : version === 5 ? [0x20, 3, 0, 0, 0] : [0x20, 2, 0, 0];

/** A check that asks, and waits for the answer. */
const asking = (times: number) =>
  chapter(
    "Some",
    ...Array.from({ length: times }, (_, n) =>
      check(v311, `answers ${n}`, async (stage) => {
        const peer = await stage.connect("a", { session: true });
        await peer.subscribe(stage.topic("x"));
      })),
  );

Deno.test("a broker that answers CONNECT and then hangs is given up after the check that has noticed", async () => {
  const results: Result[] = [];
  const cases = select(asking(20), { versions: [4], slow: false });
  const run = async () => {
    const hanging = answering(greeting);
    for await (const result of runCases(cases, hanging, never)) {
      results.push(result);
    }
  };
  const error = await assertRejects(run, UnreachableError);
  assertEquals(
    error.message,
    'the broker does not answer any more after "answers 0" (3.1.1): CONNECT ' +
      "is answered, but neither PINGREQ nor SUBSCRIBE within 0.05 s",
  );
  assertEquals(results.map(({ outcome }) => outcome), ["failed"]);
});

Deno.test("what hangs is noticed by a check too that does not fail", async () => {
  const cases = select(
    chapter(
      "Some",
      informative(v311, "tells", async (stage) => {
        const peer = await stage.connect("a");
        await peer.subscribe(stage.topic("x"));
      }),
    ),
    { versions: [4], slow: false },
  );
  await assertRejects(
    () => Array.fromAsync(runCases(cases, answering(greeting), never)),
    UnreachableError,
    "does not answer any more",
  );
});

Deno.test("a broker that does not close after DISCONNECT fails the checks that wait for it", async () => {
  const patient = answering((bytes) =>
    bytes[0] === 0xc0 ? [0xd0, 0] : greeting(bytes)
  );
  const cases = select(
    chapter(
      "Some",
      check(v311, "closes", async (stage) => {
        await (await stage.connect("a")).disconnect();
      }),
      check(v311, "is there", async (stage) => {
        await (await stage.connect("a")).drain();
      }),
    ),
    { versions: [4], slow: false },
  );
  const results = await Array.fromAsync(runCases(cases, patient, never));
  assertEquals(
    results.map(({ outcome, expected }) => [outcome, expected]),
    [["failed", "the end after DISCONNECT for a"], ["passed", undefined]],
  );
});

Deno.test("what is no MQTT is shown once, and in part", async () => {
  let count = 0;
  const noisy = answering(() => [0xff, ++count, ...Array(100).fill(0xab)]);
  const cases = select(some.slice(0, 1), { versions: [3, 4, 5], slow: false });
  const error = await assertRejects(
    () => Array.fromAsync(runCases(cases, noisy, never)),
    UnreachableError,
    "a CONNECT of MQTT 3.1, 3.1.1, 5.0 is answered with what is no packet (",
  );
  assertEquals(
    error.message.match(/ff 01( ab){22} … \(102 bytes\)$/)?.length,
    2,
  );
  assertEquals(error.message.includes("ff 02"), false);
});

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Lane, Pool } from "../../tools/soak/_ledger.ts";
import { figure, plot } from "../../tools/soak/_plot.ts";
import { report } from "../../tools/soak/_report.ts";
import {
  flatness,
  quantities,
  type Sample,
  slope,
} from "../../tools/soak/_samples.ts";

/** So many seconds of a broker that is well. */
function samples(
  count: number,
  change: (at: number) => Partial<Sample> = () => ({}),
): Sample[] {
  return Array.from({ length: count }, (_, at) => ({
    at,
    resident: 100 + at % 3,
    heap: 30 + at % 7,
    handles: 40,
    sessions: 12,
    messages: 1000,
    p50: 0.2,
    p99: 2,
    cpu: 10,
    others: 0,
    ...change(at),
  }));
}

const calm = {
  parts: [{ name: "a", sent: 10, missing: 0 }],
  problems: [],
  handles: [20, 20],
  left: { sessions: 0 },
} as const;

const about = { minutes: 1, rate: 100, version: "0" };

Deno.test("Lane takes each message once and in order", () => {
  const problems: string[] = [];
  const lane = new Lane("lane", (problem) => problems.push(problem));
  for (let count = 0; count < 5; count++) lane.next();
  lane.receive(1);
  lane.receive(2);
  lane.receive(2, true); // says that it may be a repetition
  assertEquals([problems, lane.missing], [[], 3]);
  lane.receive(2);
  lane.receive(4);
  assertEquals(problems, ["lane: 2 came after 2", "lane: 4 came after 2"]);
});

Deno.test("Lane of QoS 0 takes what is missing for dropped, but nothing twice", () => {
  const problems: string[] = [];
  const lane = new Lane("lane", (problem) => problems.push(problem), true);
  for (const number of [1, 5, 6]) lane.receive(number);
  assertEquals(problems, []);
  lane.receive(6);
  assertEquals(problems.length, 1);
});

Deno.test("Pool knows what has not come to anybody", () => {
  const pool = new Pool("pool");
  for (let count = 0; count < 3; count++) pool.next();
  pool.receive(2);
  pool.receive(2);
  assertEquals([pool.sent, pool.missing], [3, 2]);
});

Deno.test("slope is that of the line, whatever a few points are", () => {
  const xs = Array.from({ length: 50 }, (_, i) => i);
  const ys = xs.map((x) => x % 17 === 0 ? 1000 : 3 + 2 * x);
  assertEquals(slope(xs, ys), 2);
  assertEquals(slope([], []), 0);
});

Deno.test("flatness judges the last two thirds", () => {
  const [memory] = quantities;
  const warming = samples(90, (at) => ({ resident: Math.min(50 + at, 80) }));
  assert(flatness(warming, memory!).flat);
  const leaking = samples(90, (at) => ({ resident: 50 + at / 2 }));
  const { flat, growth } = flatness(leaking, memory!);
  assertEquals([flat, Math.round(growth)], [false, 30]);
});

Deno.test("flatness leaves out of latency what others did to it", () => {
  const latency = quantities.find(({ key }) => key === "p99")!;
  const busy = samples(
    90,
    (at) => ({ p99: at > 50 ? at * 9 : 2, others: at > 50 ? 90 : 5 }),
  );
  const { flat, seconds } = flatness(busy, latency);
  assertEquals([flat, seconds], [true, 21]);
  const quiet = busy.map((one) => ({ ...one, others: 0 }));
  assertEquals(flatness(quiet, latency).flat, false);
});

Deno.test("report fails for what grows, is lost or is left, and says so", () => {
  const fine = { ...calm, samples: samples(60) };
  assertEquals(report(fine, about).passed, true);
  const failures = [
    [{ samples: samples(60, (at) => ({ handles: at })) }, "Handles grew by"],
    [{ parts: [{ name: "a", sent: 9, missing: 2 }] }, "2 messages are lost"],
    [{ handles: [20, 25] as const }, "5 handles are left"],
    [{ left: { sessions: 3 } }, "3 sessions are left"],
    [{ left: { sessions: NaN } }, "NaN sessions are left"],
    [{ problems: ["a: 4 came after 2"] }, "a: 4 came after 2"],
  ] as const;
  for (const [change, expected] of failures) {
    const { passed, summary } = report({ ...fine, ...change }, about);
    assertEquals(passed, false, expected);
    assertStringIncludes(summary, expected);
  }
});

Deno.test("report and plot say what was not judged", () => {
  const busy = samples(60, () => ({ others: 90 }));
  const { passed, summary } = report({ ...calm, samples: busy }, about);
  assertEquals(passed, true);
  assertStringIncludes(summary, "too busy (latency, median; latency, p99)");
  assertStringIncludes(plot(busy, "title"), "not judged");
});

Deno.test("plot has a line for each quantity, in both colour schemes", () => {
  const svg = plot(samples(60), "title");
  assertEquals(svg.match(/<polyline/g)?.length, quantities.length);
  assertStringIncludes(svg, "prefers-color-scheme: dark");
  assert(!/NaN|undefined|Infinity/.test(svg));
  assertEquals([figure(1234.5), figure(12.34), figure(0.1234)], [
    "1,235",
    "12",
    "0.12",
  ]);
});

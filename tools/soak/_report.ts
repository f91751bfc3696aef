/** The figures of a soak, and the verdict. */

import { figure } from "./_plot.ts";
import { flatness, quantities, settled } from "./_samples.ts";
import type { Outcome } from "./_soak.ts";

/** What is told, and whether all is well. */
export interface Told {
  readonly document: string;
  readonly summary: string;
  readonly passed: boolean;
}

/** Judges a soak and writes it down. */
export function report(
  outcome: Outcome,
  about: { minutes: number; rate: number; version: string },
): Told {
  const { samples, parts, problems, handles, left } = outcome;
  const judged = quantities.map((one) => flatness(samples, one));
  const [before, after] = handles;
  const lost = parts.reduce((sum, { missing }) => sum + missing, 0);
  const failures = [
    ...judged.filter(({ flat }) => !flat).map(({ quantity, growth, allowed }) =>
      `${quantity.title} grew by ${figure(growth)} ${quantity.unit}; at most ` +
      `${figure(allowed)} are all right`
    ),
    // The system may keep one or two of its own.
    ...after - before > 2 ? [`${after - before} handles are left`] : [],
    ...Object.entries(left).filter(([, count]) => count !== 0)
      .map(([what, count]) => `${count} ${what} are left`),
    ...lost > 0 ? [`${lost} messages are lost`] : [],
    ...problems,
  ];
  const passed = failures.length === 0;
  const unknown = judged.filter(({ seconds }) => seconds === 0)
    .map(({ quantity }) => quantity.title.toLowerCase());
  const all = unknown.length === 0
    ? "All flat"
    : `All flat but what was not judged, for others kept the machine too busy ` +
      `(${unknown.join("; ")})`;
  const verdict = passed
    ? `${all}; nothing lost, nothing left.`
    : `Failed:\n\n${failures.map((one) => `- ${one}`).join("\n")}`;
  const late = settled(samples);
  const mean = (key: "messages" | "cpu") =>
    late.reduce((sum, one) => sum + one[key], 0) / Math.max(late.length, 1);
  const rows = judged.map((
    { quantity, mean, maximum, growth, allowed, flat, seconds },
  ) => [
    quantity.title + (quantity.unit === "" ? "" : `, ${quantity.unit}`),
    ...seconds === 0 ? ["–", "–", "–"] : [
      figure(mean),
      figure(maximum),
      (growth < 0 ? "−" : "+") + figure(Math.abs(growth)),
    ],
    figure(allowed),
    String(seconds),
    seconds === 0 ? "not known" : flat ? "yes" : "no",
  ]);
  const total = parts.reduce((sum, { sent }) => sum + sent, 0);
  const document = `# Soak

Written by \`deno task soak\`: AmberMQ ${about.version} as a process of its own, under
mixed traffic for ${about.minutes} minutes.

${verdict}

![Memory, handles, sessions and latency over the time of the soak](./soak.svg)

The line through the last two thirds of the time (by Theil and Sen) may rise no
further than allowed; what comes before is warming up. Seconds in which other
programs used more than a quarter of the machine say nothing of latency and do
not count for it; the diagram shows them all.

${
    table(
      ["Each second", "Mean", "Most", "Growth", "Allowed", "Seconds", "Flat"],
      rows,
    )
  }

${figure(mean("messages"))} messages a second came to a client, in ${
    figure(mean("cpu"))
  } % of a processor. Before the
first client the broker had ${before} handles, after the last one ${after}.

## Traffic

${
    table(
      ["Part", "Sent", "Lost"],
      parts.map((
        { name, sent, missing },
      ) => [name, sent.toLocaleString("en"), String(missing)]),
    )
  }

All but the stalled readers use AmberMQ's own client, which checks that messages
of QoS 1 and 2 come once and in their order, however often a connection is cut.
Visitors, ten a second in MQTT 3.1, 3.1.1 and 5.0, bring a retained message and
a will, and every third one is lost. The connections of the unsteady sessions
are cut every two seconds. Stalled readers subscribe to everything and read
nothing; the broker closes them after ten seconds.
`;
  const summary = `${total.toLocaleString("en")} messages sent. ${verdict}`;
  return { document, summary, passed };
}

function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const widths = head.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => row[i]!.length))
  );
  const line = (cells: readonly string[]) =>
    `| ${
      cells.map((cell, i) =>
        i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)
      ).join(" | ")
    } |`;
  const rule = widths.map((width, i) =>
    i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`
  );
  return [line(head), line(rule), ...rows.map(line)].join("\n");
}

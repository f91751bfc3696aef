/**
 * The plot of a soak: one small diagram for each quantity, over the same time.
 *
 * The file is looked at on light and dark pages, which an SVG in an <img> is
 * told of by `prefers-color-scheme` only.
 */

import {
  type Flatness,
  flatness,
  quantities,
  type Quantity,
  type Sample,
} from "./_samples.ts";

const WIDTH = 720;
const HEIGHT = 104;
const LEFT = 150;
const RIGHT = 84;
const TOP = 56;
const GAP = 18;

const STYLE = `
    :root { color-scheme: light dark; }
    text { font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328; }
    .title { font-size: 15px; font-weight: 600; }
    .name { font-weight: 600; }
    .soft { fill: #59636e; }
    .axis { stroke: #d1d9e0; stroke-width: 1; }
    .warm { fill: #d1d9e0; opacity: 0.28; }
    .line { fill: none; stroke: #0969da; stroke-width: 1.5; stroke-linejoin: round; }
    .bad { stroke: #cf222e; }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc; }
      .soft { fill: #9198a1; }
      .axis { stroke: #3d444d; }
      .warm { fill: #3d444d; }
      .line { stroke: #4493f8; }
      .bad { stroke: #f85149; }
    }`;

/** Draws the plot. */
export function plot(samples: readonly Sample[], title: string): string {
  const height = TOP + quantities.length * (HEIGHT + GAP) + 24;
  const end = samples.at(-1)?.at ?? 1;
  const parts = quantities.map((quantity, i) =>
    panel(samples, quantity, TOP + i * (HEIGHT + GAP), end)
  );
  const bottom = height - 14;
  const ticks = [0, 1, 2, 3, 4].map((quarter) => {
    const at = end * quarter / 4;
    const anchor = quarter === 0 ? "start" : quarter === 4 ? "end" : "middle";
    return `  <text class="soft" x="${x(at, end)}" y="${bottom}" ` +
      `text-anchor="${anchor}">${clock(at)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${title}">
  <style>${STYLE}
  </style>
  <text class="title" x="16" y="26">${title}</text>
  <text class="soft" x="16" y="44">One point a second; grey: warming up, not judged. Time in minutes.</text>
${parts.join("\n")}
${ticks.join("\n")}
</svg>
`;
}

function panel(
  samples: readonly Sample[],
  quantity: Quantity,
  top: number,
  end: number,
): string {
  const { key, title, unit } = quantity;
  const judged = flatness(samples, quantity);
  const { flat } = judged;
  const notes = notesOf(judged);
  const values = samples.map((one) => one[key]);
  // A second of a busy machine is shown as far as the diagram goes.
  const sorted = values.toSorted((one, other) => one - other);
  const high = sorted[Math.floor(sorted.length * 0.99)] ?? 1;
  const most = ceiling(high * 1.15);
  const base = top + HEIGHT;
  const y = (value: number) => round(base - Math.min(value / most, 1) * HEIGHT);
  const points = samples.map((one) => `${x(one.at, end)},${y(one[key])}`);
  const warm = x(end / 3, end) - LEFT;
  const right = WIDTH - RIGHT;
  return `  <g>
    <rect class="warm" x="${LEFT}" y="${top}" width="${
    round(warm)
  }" height="${HEIGHT}"/>
    <line class="axis" x1="${LEFT}" y1="${base}" x2="${right}" y2="${base}"/>
    <line class="axis" x1="${LEFT}" y1="${top}" x2="${right}" y2="${top}"/>
    <text class="name" x="16" y="${top + 14}">${title}</text>
${
    notes.map((note, i) =>
      `    <text class="soft" x="16" y="${top + 32 + 18 * i}">${note}</text>`
    ).join("\n")
  }
    <polyline class="line${flat ? "" : " bad"}" points="${points.join(" ")}"/>
    <text class="soft" x="${right + 8}" y="${top + 5}">${
    figure(most)
  } ${unit}</text>
    <text class="soft" x="${right + 8}" y="${base + 4}">0</text>
  </g>`;
}

/** What is said of a quantity. */
function notesOf(
  { quantity: { unit }, mean, growth, flat, seconds }: Flatness,
): string[] {
  if (seconds === 0) return ["not judged:", "the machine was", "too busy"];
  const sign = growth < 0 ? "−" : "+";
  return [
    `mean ${figure(mean)} ${unit}`,
    `growth ${sign}${figure(Math.abs(growth))} ${unit}`,
    flat ? "flat" : "not flat",
  ];
}

function x(at: number, end: number): number {
  return round(LEFT + at / end * (WIDTH - LEFT - RIGHT));
}

/** The next round number. */
function ceiling(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const steps = [1, 1.5, 2, 3, 4, 5, 6, 8, 10];
  return steps.find((one) => one * power >= value)! * power;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** A number with the digits that mean something. */
export function figure(value: number): string {
  return value >= 100
    ? Math.round(value).toLocaleString("en")
    : String(Number(value.toPrecision(2)));
}

function clock(seconds: number): string {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** Times as strftime(3) writes them in the C locale, in local time. */

import type { Instant } from "./_terminal.ts";

const DAYS = [
  "Sunday",
  "Monday",
  "Tuesday",
  "Wednesday",
  "Thursday",
  "Friday",
  "Saturday",
];

const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

const DAY = 86_400_000;

/** One conversion each; some are made of others. */
const conversions: Readonly<
  Record<string, string | ((date: Date) => string | number)>
> = {
  "%": () => "%",
  A: (date) => DAYS[date.getDay()]!,
  a: (date) => DAYS[date.getDay()]!.slice(0, 3),
  B: (date) => MONTHS[date.getMonth()]!,
  b: (date) => MONTHS[date.getMonth()]!.slice(0, 3),
  C: (date) => two(Math.floor(date.getFullYear() / 100)),
  c: "%a %b %e %T %Y",
  D: "%m/%d/%y",
  d: (date) => two(date.getDate()),
  e: (date) => String(date.getDate()).padStart(2),
  F: "%Y-%m-%d",
  G: (date) => thursday(date).getFullYear(),
  g: (date) => two(thursday(date).getFullYear() % 100),
  H: (date) => two(date.getHours()),
  h: "%b",
  I: (date) => two(twelve(date)),
  j: (date) => String(dayOfYear(date) + 1).padStart(3, "0"),
  k: (date) => String(date.getHours()).padStart(2),
  l: (date) => String(twelve(date)).padStart(2),
  M: (date) => two(date.getMinutes()),
  m: (date) => two(date.getMonth() + 1),
  n: () => "\n",
  P: (date) => date.getHours() < 12 ? "am" : "pm",
  p: (date) => date.getHours() < 12 ? "AM" : "PM",
  R: "%H:%M",
  r: "%I:%M:%S %p",
  S: (date) => two(date.getSeconds()),
  s: (date) => Math.floor(date.getTime() / 1000),
  T: "%H:%M:%S",
  t: () => "\t",
  U: (date) => two(week(date, 0)),
  u: (date) => date.getDay() || 7,
  V: (date) => two(Math.floor(dayOfYear(thursday(date)) / 7) + 1),
  W: (date) => two(week(date, 1)),
  w: (date) => date.getDay(),
  X: "%T",
  x: "%D",
  Y: (date) => date.getFullYear(),
  y: (date) => two(date.getFullYear() % 100),
  Z: zoneName,
  z: zone,
};

/**
 * Writes a time.
 *
 * @param format As strftime(3) has it; a % before what is no conversion stays.
 */
export function strftime(format: string, { seconds }: Instant): string {
  return write(format, new Date(seconds * 1000));
}

function write(format: string, date: Date): string {
  return format.replaceAll(/%(.)/gsu, (all, letter: string) => {
    if (!Object.hasOwn(conversions, letter)) return all;
    const conversion = conversions[letter]!;
    return typeof conversion === "string"
      ? write(conversion, date)
      : String(conversion(date));
  });
}

function two(number: number): string {
  return String(number).padStart(2, "0");
}

function twelve(date: Date): number {
  return date.getHours() % 12 || 12;
}

function dayOfYear(date: Date): number {
  const day = Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  return Math.round((day - Date.UTC(date.getFullYear(), 0, 1)) / DAY);
}

/** The week of the year, the first one beginning with the first such day. */
function week(date: Date, firstDay: 0 | 1): number {
  const weekday = (date.getDay() - firstDay + 7) % 7;
  return Math.floor((dayOfYear(date) + 7 - weekday) / 7);
}

/** The Thursday of the same ISO week, which is in the week's year. */
function thursday(date: Date): Date {
  const weekday = date.getDay() || 7;
  return new Date(
    date.getFullYear(),
    date.getMonth(),
    date.getDate() + 4 - weekday,
  );
}

/** `+0100` */
function zone(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const amount = Math.abs(minutes);
  return (minutes < 0 ? "-" : "+") + two(Math.floor(amount / 60)) +
    two(amount % 60);
}

function zoneName(date: Date): string {
  const parts = new Intl.DateTimeFormat("en", { timeZoneName: "short" })
    .formatToParts(date);
  return parts.find(({ type }) => type === "timeZoneName")?.value ?? "";
}

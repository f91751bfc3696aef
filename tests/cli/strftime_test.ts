import { assertEquals } from "@std/assert";
import { strftime } from "../../cli/_strftime.ts";

/** A moment of local time, whatever the time zone. */
function at(
  ...parts: [number, number, number, number, number, number]
): { seconds: number; nanoseconds: number } {
  const [year, month, ...rest] = parts;
  const date = new Date(year, month - 1, ...rest);
  return { seconds: date.getTime() / 1000, nanoseconds: 0 };
}

Deno.test("strftime() writes days and times", () => {
  const morning = at(2026, 3, 5, 7, 8, 9);
  const cases: Record<string, string> = {
    "%Y-%m-%d": "2026-03-05",
    "%H:%M:%S": "07:08:09",
    "%F %T %R %D": "2026-03-05 07:08:09 07:08 03/05/26",
    "%A %a %B %b %h": "Thursday Thu March Mar Mar",
    "%c": "Thu Mar  5 07:08:09 2026",
    "%x %X": "03/05/26 07:08:09",
    "%r %I %l %k %p %P": "07:08:09 AM 07  7  7 AM am",
    "%e %j %C %y": " 5 064 20 26",
    "%u %w": "4 4",
    "%n%t%%": "\n\t%",
    "%s": String(morning.seconds),
  };
  for (const [format, expected] of Object.entries(cases)) {
    assertEquals(strftime(format, morning), expected, format);
  }
  const evening = at(2026, 3, 8, 12, 0, 0);
  assertEquals(strftime("%I %l %p %P %u %w", evening), "12 12 PM pm 7 0");
  assertEquals(strftime("%I", at(2026, 3, 8, 0, 0, 0)), "12");
});

Deno.test("strftime() leaves what it does not know", () => {
  const now = at(2026, 3, 5, 7, 8, 9);
  for (const text of ["%Q", "%E", "%1", "%+", "%", "Y-m", "%é"]) {
    assertEquals(strftime(text, now), text);
  }
});

Deno.test("strftime() counts weeks from Sunday, from Monday, and as ISO 8601", () => {
  const cases: [[number, number, number], string][] = [
    [[2026, 1, 1], "00 00 01 2026 26"], // a Thursday
    [[2027, 1, 1], "00 00 53 2026 26"], // a Friday
    [[2027, 1, 3], "01 00 53 2026 26"], // a Sunday
    [[2027, 1, 4], "01 01 01 2027 27"], // a Monday
    [[2024, 12, 30], "52 53 01 2025 25"], // a Monday
    [[2024, 12, 31], "52 53 01 2025 25"],
    [[2028, 2, 29], "09 09 09 2028 28"],
  ];
  for (const [[year, month, day], expected] of cases) {
    const time = at(year, month, day, 12, 0, 0);
    assertEquals(strftime("%U %W %V %G %g", time), expected, `${year}`);
  }
  assertEquals(strftime("%j", at(2028, 12, 31, 23, 59, 59)), "366");
});

Deno.test("strftime() has the zone as hours and minutes, and by its name", async () => {
  const module = new URL("../../cli/_strftime.ts", import.meta.url);
  const program = `
    import { strftime } from ${JSON.stringify(module.href)};
    const time = { seconds: 1767225600, nanoseconds: 0 };
    console.log(strftime("%F %T %z %Z", time));
  `;
  const zones: Record<string, RegExp> = {
    UTC: /^2026-01-01 00:00:00 \+0000 UTC\n$/,
    "Asia/Kathmandu": /^2026-01-01 05:45:00 \+0545 \S+\n$/,
    "America/New_York": /^2025-12-31 19:00:00 -0500 EST\n$/,
  };
  for (const [zone, expected] of Object.entries(zones)) {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-config",
        "--quiet",
        "data:text/typescript," +
        encodeURIComponent(program),
      ],
      env: { TZ: zone, NO_COLOR: "1" },
    }).output();
    assertEquals(expected.test(new TextDecoder().decode(stdout)), true, zone);
  }
});

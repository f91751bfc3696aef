import { assertEquals } from "@std/assert";
import {
  busyCores,
  cpuTicks,
  parseHost,
  statusNumber,
} from "../../bench/_proc.ts";

Deno.test("CPU time is found whatever the program is called", () => {
  const tail = "S 1 2 3 0 -1 4194560 10 0 0 0 123 45 0 0 20 0 1";
  assertEquals(cpuTicks(`42 (mosquitto) ${tail}`), [123, 45]);
  assertEquals(cpuTicks(`42 (a b) c) ${tail}`), [123, 45]);
});

Deno.test("a number of a status is found by its whole name", () => {
  const status = "VmHWM:\t  200 kB\nVmRSS:\t  100 kB\nThreads:\t7\n";
  assertEquals(statusNumber(status, "VmRSS"), 100);
  assertEquals(statusNumber(status, "Threads"), 7);
  assertEquals(statusNumber(status, "RSS"), 0);
});

Deno.test("busy cores leave out idle time and waiting for disks", () => {
  const cpus = "\ncpu0 1 2\ncpu1 1 2\nintr 5\n";
  const before = parseHost(`cpu  100 0 50 1000 50 0 0 0 9 9${cpus}`);
  const after = parseHost(`cpu  140 0 60 1040 60 0 0 0 9 9${cpus}`);
  assertEquals(before, { busyTicks: 150, totalTicks: 1200, cpus: 2 });
  assertEquals(busyCores(before, after), 1);
  assertEquals(busyCores(before, before), 0);
});

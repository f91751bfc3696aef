import { assert, assertEquals, assertRejects } from "@std/assert";
import { ApplicationMessage } from "../../client/mod.ts";
import { Inbox } from "../../client/_inbox.ts";

function message(topic: string): ApplicationMessage {
  return new ApplicationMessage({
    type: "publish",
    topic,
    payload: new Uint8Array(0),
    qos: 0,
    retain: false,
    dup: false,
  });
}

Deno.test("Inbox is full at its limit, and low at half of it", async () => {
  let taken = 0;
  const inbox = new Inbox(4, () => taken++);
  const states: [size: number, full: boolean, low: boolean][] = [];
  const note = () => states.push([inbox.size, inbox.full, inbox.low]);
  for (const topic of ["1", "2", "3", "4"]) {
    inbox.push(message(topic));
    note();
  }
  for (let n = 0; n < 4; n++) {
    await inbox.take();
    note();
  }
  assertEquals(states, [
    [1, false, true],
    [2, false, true],
    [3, false, false],
    [4, true, false],
    [3, false, false],
    [2, false, true],
    [1, false, true],
    [0, false, true],
  ]);
  assertEquals(taken, 4);
});

Deno.test("Inbox hands a message to who waits longest, past those who gave up", async () => {
  const inbox = new Inbox(1, () => {});
  const controller = new AbortController();
  const given = assertRejects(() => inbox.take(controller.signal));
  const first = inbox.take();
  const second = inbox.take();
  controller.abort();
  await given;
  inbox.push(message("1"));
  inbox.push(message("2"));
  assertEquals((await first)?.topic, "1");
  assertEquals((await second)?.topic, "2");
  assertEquals(inbox.size, 0);
});

Deno.test("Inbox ends for those who wait and those who come, until it is opened again", async () => {
  const inbox = new Inbox(5, () => {});
  const waiting = inbox.take();
  inbox.end(undefined);
  assertEquals(await waiting, undefined);
  assertEquals(await inbox.take(), undefined);
  inbox.open();
  const lost = inbox.take();
  const error = new Error("lost");
  inbox.end(error);
  await assertRejects(() => lost, Error, "lost");
  await assertRejects(() => inbox.take(), Error, "lost");
  inbox.open();
  const next = inbox.take();
  inbox.push(message("a"));
  assert((await next) !== undefined);
});

Deno.test("Inbox still has its messages after its end", async () => {
  const inbox = new Inbox(5, () => {});
  inbox.push(message("a"));
  inbox.end(new Error("lost"));
  assertEquals((await inbox.take())?.topic, "a");
  await assertRejects(() => inbox.take(), Error, "lost");
});

import { assert, assertEquals, assertRejects } from "@std/assert";
import { IncomingApplicationMessage } from "../../client/mod.ts";
import { Crowd, Inbox } from "../../client/_inbox.ts";

function message(topic: string): IncomingApplicationMessage {
  return new IncomingApplicationMessage({
    type: "publish",
    topic,
    payload: new Uint8Array(0),
    qos: 0,
    retain: false,
    dup: false,
  });
}

/** Where inboxes are that nobody looks at. */
const nowhere = () => new Crowd(() => {});

Deno.test("Inbox is crowded from its limit on, until half of it is taken", async () => {
  let dispersed = 0;
  const crowd = new Crowd(() => dispersed++);
  const inbox = new Inbox(4, crowd);
  const states: [size: number, full: boolean, crowded: boolean][] = [];
  const note = () => states.push([inbox.size, inbox.full, crowd.size === 1]);
  for (const topic of ["1", "2", "3", "4"]) {
    inbox.push(message(topic));
    note();
  }
  for (let n = 0; n < 4; n++) {
    await inbox.take();
    note();
  }
  assertEquals(states, [
    [1, false, false],
    [2, false, false],
    [3, false, false],
    [4, true, true],
    [3, false, true],
    [2, false, false],
    [1, false, false],
    [0, false, false],
  ]);
  assertEquals(dispersed, 1);
});

Deno.test("Inbox holds the receipts of messages for which it has no room", async () => {
  const inbox = new Inbox(1, nowhere());
  const held: string[] = [];
  const push = (name: string) =>
    inbox.push(message(name), {
      hold: () => held.push(name),
      release: () => held.splice(held.indexOf(name), 1),
    });
  for (const name of ["1", "2", "3", "4"]) push(name);
  assertEquals(held, ["2", "3", "4"]);
  await inbox.take();
  assertEquals(held, ["3", "4"]);
  inbox.leave();
  assertEquals(held, []);
  assertEquals((await inbox.take())?.topic, "2");
});

Deno.test("Crowd disperses when the last inbox has left it", () => {
  let dispersed = 0;
  const crowd = new Crowd(() => dispersed++);
  const [a, b] = [new Inbox(1, crowd), new Inbox(1, crowd)];
  a.push(message("1"));
  b.push(message("1"));
  a.leave();
  a.leave();
  assertEquals(dispersed, 0);
  b.leave();
  assertEquals(dispersed, 1);
});

Deno.test("Inbox hands a message to who waits longest, past those who gave up", async () => {
  const inbox = new Inbox(1, nowhere());
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
  const inbox = new Inbox(5, nowhere());
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
  const inbox = new Inbox(5, nowhere());
  inbox.push(message("a"));
  inbox.end(new Error("lost"));
  assertEquals((await inbox.take())?.topic, "a");
  await assertRejects(() => inbox.take(), Error, "lost");
});

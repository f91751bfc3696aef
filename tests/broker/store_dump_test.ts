import { assertEquals, assertRejects } from "@std/assert";
import {
  type Change,
  dumpLines,
  MemoryStore,
  Message,
  readDump,
} from "../../broker/mod.ts";
import { Random } from "../_random.ts";
import { clientOf, request } from "./_parts.ts";
import { History, stateOf } from "./_store_history.ts";

const clientId = "c";

const session = {
  type: "session",
  clientId,
  client: { ...clientOf(clientId), username: "user" },
  expiryInterval: 60,
  expiresAt: 1_700_000_000_000,
} satisfies Change;

function shared(): Message {
  const message = new Message({
    topic: "a/b",
    payload: new Uint8Array([0, 255]),
    qos: 2,
    retain: true,
    properties: {
      payloadFormatIndicator: true,
      messageExpiryInterval: 10,
      contentType: "x",
      responseTopic: "r",
      correlationData: new Uint8Array([1, 2, 3]),
      userProperties: [["k", "1"], ["k", "2"]],
    },
  }, 1_700_000_000_000);
  message.holders = 2;
  return message;
}

/** One of each kind. */
function example(): Change[] {
  const message = shared();
  return [
    { type: "retain", message },
    session,
    {
      type: "subscribe",
      clientId,
      request: request("a/+", { qos: 1, noLocal: true, retainHandling: 2 }),
      identifier: 7,
    },
    {
      type: "enqueue",
      clientId,
      id: 4,
      message,
      qos: 2,
      retain: false,
      identifiers: [7],
      shared: "$share/g/a/+",
      packetId: 1,
    },
    { type: "release", clientId, id: 4 },
    { type: "receive", clientId, packetId: 9 },
    {
      type: "will",
      clientId,
      will: {
        will: {
          topic: "w",
          payload: new Uint8Array([9]),
          qos: 1,
          retain: true,
          properties: { willDelayInterval: 5 },
        },
        dueAt: undefined,
      },
    },
  ];
}

const head = '{"type":"ambermq-store","format":1}';

const text = [
  head,
  '{"type":"message","id":1,"uses":2,"topic":"a/b","payload":"AP8=","qos":2,' +
  '"retain":true,"properties":{"payloadFormatIndicator":true,' +
  '"messageExpiryInterval":10,"contentType":"x","responseTopic":"r",' +
  '"correlationData":"AQID","userProperties":[["k","1"],["k","2"]]},' +
  '"expiresAt":1700000010000}',
  '{"type":"retained","message":1}',
  '{"type":"session","clientId":"c","client":{"clientId":"c",' +
  '"username":"user","protocolVersion":5,"listener":"test"},' +
  '"expiryInterval":60,"expiresAt":1700000000000}',
  '{"type":"subscription","clientId":"c","filter":"a/+","qos":1,' +
  '"noLocal":true,"retainAsPublished":false,"retainHandling":2,' +
  '"identifier":7}',
  '{"type":"delivery","clientId":"c","id":4,"message":1,"qos":2,' +
  '"retain":false,"identifiers":[7],"shared":"$share/g/a/+","packetId":1}',
  '{"type":"released","clientId":"c","id":4}',
  '{"type":"received","clientId":"c","packetId":9}',
  '{"type":"will","clientId":"c","topic":"w","payload":"CQ==","qos":1,' +
  '"retain":true,"properties":{"willDelayInterval":5}}',
  '{"type":"end","lines":8}',
];

/** A store that has what changes make. */
async function storeOf(
  changes: Iterable<Change> | AsyncIterable<Change>,
): Promise<MemoryStore> {
  const store = new MemoryStore();
  for await (const change of changes) store.record(change);
  store.commit();
  return store;
}

Deno.test("a dump has one of each kind in a form that stays", () => {
  assertEquals([...dumpLines(example())], text);
});

Deno.test("a dump that is read is what was written", async () => {
  assertEquals(
    await stateOf(await storeOf(readDump(text))),
    await stateOf(await storeOf(example())),
  );
});

for (let seed = 1; seed <= 20; seed++) {
  Deno.test(`a dump that is read is what was written, whatever that was (seed ${seed})`, async () => {
    const random = new Random(seed);
    const history = new History(random);
    const changes: Change[] = [];
    for (let turn = 0; turn < 60; turn++) changes.push(...history.turn());
    for (const change of changes) {
      if ("message" in change) change.message.holders = random.integer(0, 4);
    }
    const store = await storeOf(changes);
    const lines = [...dumpLines(store.load())];
    assertEquals(
      await stateOf(await storeOf(readDump(lines))),
      await history.committed(),
    );
  });
}

const begin = '{"type":"session","clientId":"c","client":{"clientId":"c",' +
  '"protocolVersion":5,"listener":"x"},"expiryInterval":60}';

/** A delivery by its number. */
function delivery(id: number): string {
  return `{"type":"delivery","clientId":"c","id":${id},"message":{"topic":"t",` +
    '"payload":"","qos":1,"retain":false},"qos":1,"retain":false}';
}

const wrong: readonly [what: string, lines: string[], error: string][] = [
  ["nothing", [], "its last line is missing, it is not whole"],
  ["no end", text.slice(0, -1), "its last line is missing, it is not whole"],
  [
    "a line that is missing",
    text.toSpliced(6, 1),
    "line 9: 8 lines were written, 7 are there",
  ],
  ["more behind the end", [...text, text[7]!], "line 11: there is more behind"],
  [
    "no head",
    text.slice(1),
    "line 1: a dump begins with a line of type ambermq-store",
  ],
  [
    "another format",
    ['{"type":"ambermq-store","format":2}'],
    "line 1: it is of format 2, known is 1",
  ],
  [
    "a field of a newer version",
    [head, '{"type":"released","clientId":"c","id":1,"colour":"red"}'],
    'line 2: there is no field "colour" here: a newer version may have',
  ],
  [
    "a property of a newer version",
    [
      head,
      '{"type":"retained","message":{"topic":"a","payload":"","qos":0,' +
      '"retain":true,"properties":{"smell":1}}}',
    ],
    'line 2: message: properties: there is no field "smell" here',
  ],
  ["a type of a newer version", [head, '{"type":"x"}'], 'no type "x", but'],
  ["no JSON", [head, "{"], "line 2: it is not JSON"],
  ["a list", [head, "[]"], "line 2: it is not an object"],
  [
    "a field that is missing",
    [head, '{"type":"released","clientId":"c"}'],
    "line 2: id is missing: a whole number from 1",
  ],
  [
    "a number out of range",
    [head, '{"type":"received","clientId":"c","packetId":65536}'],
    "line 2: packetId is 65536, not a whole number from 1 to 65535",
  ],
  [
    "bytes that are none",
    [
      head,
      '{"type":"retained","message":{"topic":"a","payload":"?","qos":0,' +
      '"retain":true}}',
    ],
    'line 2: message: payload is "?", not base64',
  ],
  [
    "a topic that is none",
    [
      head,
      '{"type":"retained","message":{"topic":"#","payload":"","qos":0,' +
      '"retain":true}}',
    ],
    "line 2: Cannot",
  ],
  [
    "an expiry without a time",
    [
      head,
      '{"type":"retained","message":{"topic":"a","payload":"","qos":0,' +
      '"retain":true,"properties":{"messageExpiryInterval":1}}}',
    ],
    "line 2: expiresAt and messageExpiryInterval belong together",
  ],
  [
    "a session that is not there",
    [head, '{"type":"released","clientId":"c","id":1}'],
    'line 2: there is no session "c" before it',
  ],
  [
    "a message that is not there",
    [head, '{"type":"retained","message":3}'],
    "line 2: there is no message 3 before it",
  ],
  [
    "a session that is there already",
    [head, begin, begin],
    'line 3: there is a session "c" before it',
  ],
  [
    "a client of another session",
    [head, begin.replace('"clientId":"c"', '"clientId":"d"')],
    "line 2: client: clientId is that of another session",
  ],
  [
    "a filter that is none",
    [
      head,
      begin,
      '{"type":"subscription","clientId":"c","filter":"a/#/b","qos":1,' +
      '"noLocal":false,"retainAsPublished":false,"retainHandling":0}',
    ],
    "line 3: filter: # is not its last level",
  ],
  [
    "a delivery that nobody would read",
    [head, begin, delivery(0)],
    "line 3: id is 0, not a whole number from 1",
  ],
  [
    "a delivery twice",
    [head, begin, delivery(2), delivery(2)],
    "line 4: id is 2, not larger than the one before it",
  ],
  [
    "a will that cannot be published",
    [
      head,
      begin,
      '{"type":"will","clientId":"c","topic":"#","payload":"","qos":0,' +
      '"retain":false}',
    ],
    "line 3: Cannot",
  ],
  [
    "a retained message without a payload",
    [
      head,
      '{"type":"retained","message":{"topic":"a","payload":"","qos":0,' +
      '"retain":true}}',
    ],
    "line 2: without a payload none is retained",
  ],
];

for (const [what, lines, error] of wrong) {
  Deno.test(`a dump is refused with ${what}`, async () => {
    const thrown = await assertRejects(
      () => Array.fromAsync(readDump(lines)),
      Error,
      error,
    );
    assertEquals(thrown.name, "BrokerError");
    assertEquals(thrown.message.startsWith("Cannot read the dump: "), true);
  });
}

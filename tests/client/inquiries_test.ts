import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
} from "@std/assert";
import {
  type ClientOptions,
  ConnectionLostError,
  MQTTClient,
  type Packet,
  type PublishProperties,
  QueueFullError,
  RequestError,
} from "../../client/mod.ts";
import { Broker } from "../../broker/mod.ts";
import {
  connack5,
  connect5,
  resume5,
  type ScriptedConnection,
  Stage,
  turn,
} from "./_scripted_broker.ts";

type Sent<Type> = Extract<Packet, { type: Type }>;

/** A client whose packets a test sees, since there is chance in them. */
class Asking extends Stage {
  readonly #sent: Packet[];

  constructor(options: ClientOptions = {}) {
    const sent: Packet[] = [];
    super({
      protocolVersion: 5,
      on: { packetSent: (packet) => void sent.push(packet) },
      ...options,
    });
    this.#sent = sent;
  }

  /** The next packet of a type. */
  async next<Type extends Packet["type"]>(type: Type): Promise<Sent<Type>> {
    for (;;) {
      const packet = this.#sent.shift();
      if (packet === undefined) await turn();
      else if (packet.type === type) return packet as Sent<Type>;
    }
  }

  /** Grants the subscription to the response topic, which it returns. */
  async granted(): Promise<string> {
    const { packetId, subscriptions } = await this.next("subscribe");
    this.broker.send(`90 [${hex(packetId)} [] 01]`);
    return subscriptions[0]!.filter;
  }

  /** The properties of the next request. */
  async asked(): Promise<PublishProperties> {
    return (await this.next("publish")).properties!;
  }
}

function hex(packetId: number): string {
  return packetId.toString(16).padStart(4, "0");
}

/** The identifier of the client's first subscription, which is theirs. */
const own = "0b ffffff7f";

function respond(
  broker: ScriptedConnection,
  { responseTopic, correlationData }: PublishProperties,
  text: string,
): void {
  const data = `0010 ${correlationData!.toHex()}`;
  broker.send(`30 [<${responseTopic}> [${own} 09 ${data}] '${text}']`);
}

const connected5 = { connect: connect5, connack: connack5() };

Deno.test("request() ends with the message to its Response Topic that has its Correlation Data", async () => {
  await using stage = new Asking();
  const broker = await stage.connect(connected5);
  const { client } = stage;
  const first = client.request("q", "1", {
    properties: { contentType: "text/plain" },
  });
  const second = client.request("q", "2");
  const topic = await stage.granted();
  assertMatch(topic, /^ambermq\/responses\/[0-9a-f]{32}$/);
  const one = await stage.next("publish");
  const two = await stage.asked();
  assertEquals([one.topic, one.qos, one.retain], ["q", 0, false]);
  assertEquals(one.properties!.contentType, "text/plain");
  assertEquals(one.properties!.responseTopic, topic);
  assertEquals(two.responseTopic, topic);
  assertEquals(one.properties!.correlationData!.length, 16);
  respond(broker, two, "b");
  assertEquals((await second).text(), "b");
  respond(broker, one.properties!, "a");
  assertEquals((await first).text(), "a");
  // The subscription is there by now.
  const third = client.request("q", "3");
  respond(broker, await stage.asked(), "c");
  assertEquals((await third).text(), "c");
  assertEquals(client.strayResponses, 0);
});

Deno.test("responses that nobody waits for are ignored and counted", async () => {
  await using stage = new Asking();
  const broker = await stage.connect(connected5);
  const { client, clock } = stage;
  const late = client.request("q", "1", { timeout: 2 });
  const topic = await stage.granted();
  const properties = await stage.asked();
  clock.pass(2000);
  const error = await assertRejects(() => late, DOMException);
  assertEquals(error.name, "TimeoutError");
  assertEquals(
    error.message,
    'Cannot request "q": no response came within 2 s',
  );
  respond(broker, properties, "late");
  const other = client.request("q", "2");
  const answered = await stage.asked();
  broker.send(`30 [<${topic}> [${own}] 'no Correlation Data']`);
  broker.send(`30 [<${topic}> [${own} 09 0001 07] 'short']`);
  respond(broker, { ...answered, correlationData: new Uint8Array(16) }, "?");
  respond(broker, answered, "yes");
  respond(broker, answered, "again");
  assertEquals((await other).text(), "yes");
  await turn();
  assertEquals(client.strayResponses, 5);
});

Deno.test("request() takes the Response Information of the broker, if there is one", async () => {
  for (
    const [information, start] of [
      ["r/me", "r/me/"],
      ["r/", "r/"],
      ["", "ambermq/responses/"],
    ]
  ) {
    await using stage = new Asking();
    const broker = await stage.connect({
      connect: connect5,
      connack: connack5(`1a <${information}>`),
    });
    const asked = stage.client.request("q", "");
    const topic = await stage.granted();
    assertMatch(topic, new RegExp(`^${start}[0-9a-f]{32}$`));
    respond(broker, await stage.asked(), "a");
    await asked;
  }
});

Deno.test("request() begins the response topic as the client's options say", async () => {
  await using stage = new Asking({ responsePrefix: "my/own" });
  const broker = await stage.connect(connected5);
  const asked = stage.client.request("q", "");
  assertMatch(await stage.granted(), /^my\/own\/[0-9a-f]{32}$/);
  respond(broker, await stage.asked(), "a");
  await asked;
});

Deno.test("request() fails at once where the broker says that nobody answers", async () => {
  await using stage = new Asking();
  const broker = await stage.connect(connected5);
  for (const qos of [1, 2] as const) {
    const asked = stage.client.request("q", "", { qos });
    if (qos === 1) await stage.granted();
    const { packetId } = await stage.next("publish");
    broker.send(`${qos === 1 ? "40" : "50"} [${hex(packetId!)} 10]`);
    if (qos === 2) broker.send(`70 [${hex(packetId!)}]`);
    const error = await assertRejects(
      () => asked,
      RequestError,
      'Cannot request "q": nobody answers, No matching subscribers (0x10)',
    );
    assertEquals(error.reasonCode, 0x10);
  }
});

Deno.test("request() fails where the broker refuses the request or the subscription", async () => {
  await using stage = new Asking();
  const broker = await stage.connect(connected5);
  const { client } = stage;
  const unheard = client.request("q", "");
  const { packetId } = await stage.next("subscribe");
  broker.send(`90 [${hex(packetId)} [] 87]`);
  const error = await assertRejects(() => unheard, RequestError);
  assertEquals(error.reasonCode, 0x87);
  // The next one tries again.
  const refused = client.request("q", "", { qos: 1 });
  await stage.granted();
  const { packetId: id } = await stage.next("publish");
  broker.send(`40 [${hex(id!)} 87]`);
  const other = await assertRejects(() => refused, RequestError);
  assertEquals(other.reasonCode, 0x87);
});

Deno.test("request() is given up by its signal; a request that has not left stays", async () => {
  await using stage = new Asking();
  await stage.connect({
    connect: connect5,
    connack: connack5("21 0001"), // one at a time
  });
  const { client } = stage;
  await assertRejects(
    () => client.request("q", "", { signal: AbortSignal.abort("no") }),
  );
  const blocking = client.publish("p", "", { qos: 1 });
  await stage.next("publish");
  const controller = new AbortController();
  const asked = client.request("q", "1", {
    qos: 1,
    signal: controller.signal,
  });
  await stage.granted();
  await turn();
  controller.abort(new Error("enough"));
  await assertRejects(() => asked, Error, "enough");
  stage.broker.send("40 [0001]");
  await blocking;
  await turn();
  const after = client.publish("r", "", { qos: 1 });
  assertEquals((await stage.next("publish")).topic, "r");
  stage.broker.send("40 [0001] 40 [0002] 40 [0003]");
  await after;
});

Deno.test("requests wait for their responses within a bound", async () => {
  await using stage = new Asking({ requestLimit: 2 });
  const broker = await stage.connect(connected5);
  const { client } = stage;
  const asked = [client.request("q", "1"), client.request("q", "2")];
  await assertRejects(
    () => client.request("q", "3"),
    QueueFullError,
    "Cannot request: 2 requests wait for their responses",
  );
  await stage.granted();
  respond(broker, await stage.asked(), "1");
  await asked[0];
  asked.push(client.request("q", "3"));
  respond(broker, await stage.asked(), "2");
  respond(broker, await stage.asked(), "3");
  await Promise.all(asked);
});

Deno.test("request() refuses what is wrong, and sends nothing", async () => {
  await using old = new Stage();
  await old.connect();
  await assertRejects(
    () => old.client.request("q", ""),
    TypeError,
    "Cannot request: it takes protocolVersion 5",
  );
  await using stage = new Asking();
  const broker = await stage.connect(connected5);
  for (const properties of [{ responseTopic: "r" }, { correlationData: [] }]) {
    await assertRejects(
      () => stage.client.request("q", "", { properties } as object),
      TypeError,
      "is the client's own",
    );
  }
  await assertRejects(
    () => stage.client.request("q", "", { timeout: -1 }),
    RangeError,
  );
  await broker.expectNothing();
  const offline = new Stage({ protocolVersion: 5 });
  await assertRejects(
    () => offline.client.request("q", ""),
    ConnectionLostError,
    "Cannot request: the client is not connected",
  );
  for (const responsePrefix of ["", "a/#"]) {
    const make = () => Promise.resolve(new MQTTClient({ responsePrefix }));
    await assertRejects(async () => await make(), TypeError, "responsePrefix");
  }
});

Deno.test("a wrong topic of a request rejects it", async () => {
  await using stage = new Asking();
  await stage.connect(connected5);
  const asked = stage.client.request("q/#", "");
  await stage.granted();
  await assertRejects(() => asked, TypeError);
});

Deno.test("the subscription of requests is made again where the session is lost, and kept where it is not", async () => {
  await using stage = new Asking({
    cleanStart: false,
    autoReconnect: true,
    reconnectRetries: -1,
  });
  await stage.connect({ connect: resume5, connack: connack5() });
  const { client, clock } = stage;
  const asked = client.request("q", "1", { qos: 1 });
  const topic = await stage.granted();
  const first = await stage.next("publish");
  stage.broker.end();
  await turn();
  clock.pass(10_000);
  await turn();
  // The broker has no session: the request is sent anew too.
  stage.broker.send(connack5());
  assertEquals(await stage.granted(), topic);
  const again = await stage.next("publish");
  assertEquals(again.properties, first.properties);
  stage.broker.send(`40 [${hex(again.packetId!)}]`);
  respond(stage.broker, again.properties!, "a");
  assertEquals((await asked).text(), "a");
  // The next connection has the session: nothing is to be done.
  stage.broker.end();
  await turn();
  clock.pass(10_000);
  await turn();
  stage.broker.send("20 [01 00 []]");
  const other = client.request("q", "2");
  respond(stage.broker, await stage.asked(), "b");
  assertEquals((await other).text(), "b");
});

Deno.test("request() before there is a connection waits for it, and knows what the broker says then", async () => {
  await using stage = new Asking();
  const connected = stage.client.connect();
  const asked = stage.client.request("q", "");
  await stage.broker.expect(connect5);
  stage.broker.send(connack5("1a <info>"));
  await connected;
  await stage.next("pingreq");
  stage.broker.send("d0 []");
  assertMatch(await stage.granted(), /^info\//);
  respond(stage.broker, await stage.asked(), "a");
  assertEquals((await asked).text(), "a");
});

Deno.test("requests fail when no connection is to come", async () => {
  await using stage = new Asking();
  await stage.connect(connected5);
  const asked = stage.client.request("q", "");
  await stage.granted();
  await stage.asked();
  await stage.lose();
  await assertRejects(() => asked, ConnectionLostError);
});

Deno.test("requests fail when the application ends their subscription", async () => {
  await using stage = new Asking();
  await stage.connect(connected5);
  const asked = stage.client.request("q", "");
  const topic = await stage.granted();
  await stage.asked();
  stage.client.unsubscribe(topic);
  const { packetId } = await stage.next("unsubscribe");
  stage.broker.send(`b0 [${hex(packetId)} [] 00]`);
  await assertRejects(() => asked, ConnectionLostError, "has ended");
});

Deno.test("request() goes on where the application takes no other messages", async () => {
  await using stage = new Asking({ receiveQueueLimit: 1 });
  const broker = await stage.connect(connected5);
  const asked = stage.client.request("q", "");
  await stage.granted();
  const properties = await stage.asked();
  broker.send("30 [<t> [] '1'] 30 [<t> [] '2']");
  await turn();
  respond(broker, properties, "a");
  assertEquals((await asked).text(), "a");
});

Deno.test("respond() answers to where the request says, with its Correlation Data and QoS", async () => {
  await using broker = new Broker({
    listeners: { default: { bind: "127.0.0.1:0" } },
  });
  await broker.start();
  const options = {
    url: `mqtt://127.0.0.1:${broker.addresses[0]!.port}`,
    protocolVersion: 5,
  } as const;
  await using client = new MQTTClient(options);
  await client.connect();
  await using responder = new MQTTClient(options);
  await responder.connect();
  await responder.subscribe("q/#", { qos: 2 });
  const all = Array.from({ length: 50 }, (_, n) => n);
  const responses = all.map((n) =>
    client.request(`q/${n}`, String(n), { qos: n % 3 as 0 })
  );
  for (const _ of all) {
    const request = await responder.deliverMessage(5);
    const response = await responder.respond(
      request,
      String(Number(request.text()) ** 2),
      { properties: { userProperties: [["is", "square"]] } },
    );
    assertEquals(response.qos, request.qos);
  }
  for (const [n, response] of (await Promise.all(responses)).entries()) {
    assertEquals(response.text(), String(n ** 2));
    assertEquals(response.properties!.userProperties, [["is", "square"]]);
  }
  assertEquals(client.strayResponses, 0);
  // There the broker knows that nobody answers.
  const error = await assertRejects(
    () => client.request("nobody", "", { qos: 1 }),
    RequestError,
    "nobody answers",
  );
  assertEquals(error.reasonCode, 0x10);
  await client.publish("q/x", "no request");
  const message = await responder.deliverMessage(5);
  await assertRejects(
    () => responder.respond(message, ""),
    TypeError,
    'Cannot respond: the message to "q/x" names no response topic',
  );
});

Deno.test("who asks again as soon as a request is rejected has a subscription of its own", async () => {
  await using stage = new Asking({ autoReconnect: true, resubscribe: false });
  const broker = await stage.connect(connected5);
  const { client, clock } = stage;
  const again = client.request("q", "1").catch(() => client.request("q", "2"));
  const first = await stage.granted();
  await stage.asked();
  broker.end();
  await turn();
  clock.pass(10_000);
  await turn();
  await stage.broker.expect(resume5);
  stage.broker.send(connack5());
  const second = await stage.granted();
  assertNotEquals(second, first);
  const properties = await stage.asked();
  assertEquals(properties.responseTopic, second);
  const { correlationData } = properties;
  stage.broker.send(
    `30 [<${second}> [0b feffff7f 09 0010 ${correlationData!.toHex()}] 'yes']`,
  );
  assertEquals((await again).text(), "yes");
});

Deno.test("responses that nobody waits for leave room for those that somebody does", async () => {
  await using stage = new Asking({ requestLimit: 1 });
  const broker = await stage.connect(connected5);
  const { client, clock } = stage;
  const asked: PublishProperties[] = [];
  const topic = (async () => await stage.granted())();
  for (let n = 0; n < 3; n++) {
    const late = client.request("q", "", { timeout: 1 });
    await topic;
    asked.push(await stage.asked());
    clock.pass(1000);
    await assertRejects(() => late, DOMException);
  }
  const one = client.request("q", "");
  asked.push(await stage.asked());
  // All of them come at once.
  broker.send(
    ...asked.map(({ responseTopic, correlationData }) =>
      `30 [<${responseTopic}> [${own} 09 0010 ${correlationData!.toHex()}] 'a']`
    ),
  );
  assertEquals((await one).text(), "a");
  assertEquals(client.strayResponses, 3);
});

Deno.test("no subscription of requests is left in a session that is kept", async () => {
  for (const kept of [false, true]) {
    await using stage = new Asking(
      kept ? { properties: { sessionExpiryInterval: 60 } } : {},
    );
    const broker = await stage.connect({
      connect: kept ? "10 [<MQTT> 05 02 0000 [11 0000003c] <me>]" : connect5,
      connack: connack5(),
    });
    const { client } = stage;
    const one = client.request("q", "");
    const topic = await stage.granted();
    respond(broker, await stage.asked(), "a");
    await one;
    const disconnected = client.disconnect();
    if (kept) {
      assertEquals((await stage.next("unsubscribe")).filters, [topic]);
    }
    await stage.next("disconnect");
    broker.end();
    await disconnected;
  }
});

Deno.test("requests and responses are not retained by what is said of others, but where it is said of them", async () => {
  await using stage = new Asking({
    defaultRetain: true,
    topics: { q: { retain: true }, r: { retain: true } },
  });
  const broker = await stage.connect(connected5);
  const { client } = stage;
  const asked = [client.request("q", "")];
  await stage.granted();
  const requests = [await stage.next("publish")];
  asked.push(client.request("q", "", { retain: true }));
  requests.push(await stage.next("publish"));
  assertEquals(requests.map(({ retain }) => retain), [false, true]);
  for (const { properties } of requests) respond(broker, properties!, "a");
  await Promise.all(asked);
  broker.send("30 [<question> [08 <r>] '?']");
  const question = await client.deliverMessage();
  await client.respond(question, "a");
  assertEquals((await stage.next("publish")).retain, false);
  await client.respond(question, "a", { retain: true });
  assertEquals((await stage.next("publish")).retain, true);
});

Deno.test("request() says so where the Response Information is no beginning of a topic", async () => {
  for (const information of ["r/#", "+/r", "r".repeat(65_510)]) {
    await using stage = new Asking();
    const broker = await stage.connect({
      connect: connect5,
      connack: connack5(`1a <${information}>`),
    });
    const error = await assertRejects(
      () => stage.client.request("q", ""),
      RequestError,
      "Cannot request: the broker's Response Information is " +
        `"${information.slice(0, 40)}`,
    );
    assert(error.message.length < 200, error.message);
    assertEquals(error.reasonCode, 0x90);
    await broker.expectNothing();
    assertEquals(stage.client.connected, true);
  }
});

for (const present of [true, false]) {
  Deno.test(`a response topic is not kept where the Response Information is another, ${present ? "and" : "or not"} the session`, async () => {
    await using stage = new Asking({
      cleanStart: false,
      autoReconnect: true,
      reconnectRetries: -1,
    });
    await stage.connect({
      connect: resume5,
      connack: connack5("1a <old>"),
    });
    const { client, clock } = stage;
    const first = client.request("q", "1");
    const old = await stage.granted();
    assertMatch(old, /^old\//);
    respond(stage.broker, await stage.asked(), "a");
    await first;
    const lost = assertRejects(
      () => client.request("q", "2"),
      ConnectionLostError,
      "the Response Information of the broker is another now",
    );
    await stage.asked();
    stage.broker.end();
    await turn();
    clock.pass(10_000);
    await turn();
    const last = present ? "01" : "00";
    stage.broker.send(`20 [${last} 00 [1a <new>]]`);
    await lost;
    const { filters, packetId } = await stage.next("unsubscribe");
    assertEquals(filters, [old]);
    stage.broker.send(`b0 [${hex(packetId)} [] ${present ? "00" : "11"}]`);
    const second = client.request("q", "3");
    const topic = await stage.granted();
    assertMatch(topic, /^new\//);
    const { correlationData } = await stage.asked();
    const properties = `0b feffff7f 09 0010 ${correlationData!.toHex()}`;
    stage.broker.send(`30 [<${topic}> [${properties}] 'b']`);
    assertEquals((await second).text(), "b");
  });
}

Deno.test("a response topic that is not granted yet is not asked for again where the Response Information is another", async () => {
  await using stage = new Asking({ autoReconnect: true });
  await stage.connect({ connect: connect5, connack: connack5("1a <old>") });
  const { client, clock } = stage;
  const lost = assertRejects(
    () => client.request("q", ""),
    ConnectionLostError,
  );
  await stage.next("subscribe");
  stage.broker.end();
  await turn();
  clock.pass(10_000);
  await turn();
  stage.broker.send(connack5("1a <new>"));
  await lost;
  const asked = client.request("q", "");
  assertMatch(await stage.granted(), /^new\//);
  const { correlationData, responseTopic } = await stage.asked();
  const properties = `0b feffff7f 09 0010 ${correlationData!.toHex()}`;
  stage.broker.send(`30 [<${responseTopic}> [${properties}] 'b']`);
  assertEquals((await asked).text(), "b");
});

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import {
  type Awaitable,
  type BrokerEvents,
  Message,
  type MessageInit,
  Metrics,
  type Opinion,
  type Plugin,
} from "../../broker/mod.ts";
import { Deadlines } from "../../broker/_deadlines.ts";
import { Attempt } from "../../broker/_attempt.ts";
import { Hooks } from "../../broker/_hooks.ts";
import { ReasonCode } from "../../codec/mod.ts";
import { text } from "../_raw_packets.ts";
import { clientOf, message, plugin } from "./_parts.ts";

const client = clientOf("client");
const attempt = new Attempt();
const broken = new Error("the plugin is broken");

/** How a plugin may answer: at once or later. */
const times = {
  "at once": <T>(value: T): Awaitable<T> => value,
  "later": <T>(value: T): Awaitable<T> => Promise.resolve(value),
};

const patient = new Deadlines(1, () => 0);

function hooksOf(
  plugins: readonly Plugin[],
  { open = true, metrics = new Metrics(), deadlines = patient } = {},
): Hooks {
  return new Hooks(plugins, open, metrics, deadlines);
}

// authenticate and authorize.

const yes = true;
const no = false;
const none = undefined;

/** Opinions of the plugins; whether nobody denies; whether somebody approves. */
const truths: readonly [
  opinions: Opinion[],
  allowed: boolean,
  approved: boolean,
][] = [
  [[], true, false],
  [[none], true, false],
  [[none, none], true, false],
  [[yes], true, true],
  [[no], false, false],
  [[yes, none], true, true],
  [[none, yes], true, true],
  [[no, none], false, false],
  [[none, no], false, false],
  [[yes, no], false, false],
  [[no, yes], false, false],
  [[yes, yes], true, true],
  [[none, yes, none], true, true],
  [[yes, none, no], false, false],
];

/** What an untyped plugin may say, and what it comes to. */
const odd: readonly [answer: unknown, allowed: boolean][] = [
  [null, true], // nothing
  [0, false],
  [1, false],
  ["no", false],
  ["yes", false],
  [{}, false],
  [{ then: "not a promise" }, false],
];

for (const [answer, allowed] of odd) {
  Deno.test(`hooks take ${JSON.stringify(answer)} for ${allowed ? "no opinion" : "a denial"}`, async () => {
    for (const time of Object.values(times)) {
      const say = () => time(answer) as Awaitable<Opinion>;
      const hooks = hooksOf([
        plugin({ authenticate: () => true }),
        plugin({ authenticate: say, authorize: say }),
      ]);
      assertEquals(
        await hooks.authenticate(client, undefined, attempt),
        allowed,
      );
      const request = { action: "subscribe", topic: "a", qos: 0 } as const;
      assertEquals(await hooks.authorize(client, request), allowed);
    }
    const hooks = hooksOf([
      plugin({ authorizeDelivery: () => answer as Opinion }),
    ]);
    assertEquals(hooks.authorizeDelivery(client, message("a")), allowed);
  });
}

/** Every mixture of answers at once and later. */
function mixtures(opinions: readonly Opinion[]): Awaitable<Opinion>[][] {
  return Array.from(
    { length: 2 ** opinions.length },
    (_, bits) =>
      opinions.map((one, i) =>
        times[(bits >> i & 1) === 0 ? "at once" : "later"](one)
      ),
  );
}

for (const [opinions, allowed, approved] of truths) {
  const shown = `[${opinions.map(String).join(", ")}]`;

  for (const open of [true, false]) {
    // Open is only what nobody guards.
    const expected = approved || (open && opinions.length === 0);
    Deno.test(`authenticate() gives ${expected} for ${shown} when it is ${open ? "" : "not "}open`, async () => {
      for (const answers of mixtures(opinions)) {
        const plugins = answers.map((one) =>
          plugin({ authenticate: () => one })
        );
        const hooks = hooksOf(plugins, { open });
        assertEquals(
          await hooks.authenticate(client, undefined, attempt),
          expected,
        );
      }
    });
  }

  Deno.test(`authorize() gives ${allowed} for ${shown}`, async () => {
    for (const answers of mixtures(opinions)) {
      const plugins = answers.map((one) => plugin({ authorize: () => one }));
      const found = await hooksOf(plugins, { open: false })
        .authorize(client, { action: "subscribe", topic: "a", qos: 0 });
      assertEquals(found, allowed);
    }
  });

  Deno.test(`authorizeDelivery() gives ${allowed} for ${shown}`, () => {
    const plugins = opinions.map((one) =>
      plugin({ authorizeDelivery: () => one })
    );
    const hooks = hooksOf(plugins, { open: false });
    assertEquals(hooks.authorizeDelivery(client, message("a")), allowed);
  });
}

for (const [when, time] of Object.entries(times)) {
  Deno.test(`authenticate() gives the reason code of a denial (answers ${when})`, async () => {
    for (const [code, given] of [[0x89, 0x89], [0x87, 0x87], [0x7f, false]]) {
      const hooks = hooksOf([
        plugin({ authenticate: () => yes }),
        plugin({ authenticate: () => time(code as ReasonCode) }),
      ]);
      assertEquals(await hooks.authenticate(client, undefined, attempt), given);
    }
  });

  Deno.test(`authorize() gives the reason code of a denial if SUBACK or PUBACK may have it (answers ${when})`, async () => {
    const subscribe = { action: "subscribe", topic: "a", qos: 0 } as const;
    const publish = {
      action: "publish",
      topic: "a",
      message: message("a"),
    } as const;
    const codes = [
      [0x80, 0x80, 0x80],
      [0x8f, 0x8f, false], // Topic Filter invalid
      [0x90, false, 0x90], // Topic Name invalid
      [0x89, false, false], // Server busy
      [0x7f, false, false],
    ] as const;
    for (const [code, ofSubscribe, ofPublish] of codes) {
      const hooks = hooksOf([
        plugin({ authorize: () => time(code as ReasonCode) }),
      ]);
      assertEquals(await hooks.authorize(client, subscribe), ofSubscribe);
      assertEquals(await hooks.authorize(client, publish), ofPublish);
      const inspected = hooks.inspect(client, publish.message, Date.now);
      assertEquals(await inspected, ofPublish || ReasonCode.NotAuthorized);
    }
  });
}

Deno.test("hooks answer at once when all plugins do", () => {
  const hooks = hooksOf([
    plugin({ authenticate: () => yes, authorize: () => yes }),
    plugin({ transform: () => undefined }),
  ]);
  const one = message("a");
  assertEquals(hooks.authenticate(client, undefined, attempt), true);
  assertEquals(hooks.inspect(client, one, () => 0), one);
});

Deno.test("plugins are asked in their order, and nobody after a denial", async () => {
  for (const time of Object.values(times)) {
    const asked: string[] = [];
    const opinionated = (name: string, opinion: Opinion) => {
      const answer = () => {
        asked.push(name);
        return time(opinion);
      };
      return plugin({ authenticate: answer, authorize: answer }, name);
    };
    const hooks = hooksOf([
      opinionated("one", yes),
      opinionated("two", none),
      opinionated("three", no),
      opinionated("four", yes),
    ]);
    await hooks.authenticate(client, undefined, attempt);
    assertEquals(asked.splice(0), ["one", "two", "three"]);
    await hooks.authorize(client, { action: "subscribe", topic: "a", qos: 0 });
    assertEquals(asked.splice(0), ["one", "two", "three"]);
    await hooks.inspect(client, message("a"), () => 0);
    assertEquals(asked, ["one", "two", "three"]);
  }
});

Deno.test("plugins get to know who wants what", async () => {
  const asked: unknown[] = [];
  const self: Plugin = {
    name: "nosy",
    authenticate(...args) {
      asked.push([this, ...args]);
      return yes;
    },
    authorize(...args) {
      asked.push([this, ...args]);
      return yes;
    },
    transform(...args) {
      asked.push([this, ...args]);
      return undefined;
    },
    authorizeDelivery(...args) {
      asked.push([this, ...args]);
      return yes;
    },
  };
  const hooks = hooksOf([self]);
  const password = Uint8Array.of(1);
  const one = message("a");
  await hooks.authenticate(client, password, attempt);
  await hooks.inspect(client, one, () => 0);
  hooks.authorizeDelivery(client, one);
  assertEquals(asked, [
    [self, client, password, attempt],
    [self, client, { action: "publish", topic: "a", message: one }],
    [self, client, one],
    [self, client, one],
  ]);
});

// Plugins that fail.

const failing: Record<string, () => never | Promise<never>> = {
  "throws": () => {
    throw broken;
  },
  "rejects": () => Promise.reject(broken),
};

for (const [how, fail] of Object.entries(failing)) {
  const asks: Record<string, (hooks: Hooks) => unknown> = {
    authenticate: (hooks) => hooks.authenticate(client, undefined, attempt),
    authorize: (hooks) =>
      hooks.authorize(client, { action: "subscribe", topic: "a", qos: 0 }),
    ...(how === "rejects" ? {} : {
      authorizeDelivery: (hooks) =>
        hooks.authorizeDelivery(client, message("a")),
    }),
  };
  for (const [hook, ask] of Object.entries(asks)) {
    Deno.test(`hook ${hook} denies when a plugin ${how}, which is counted and told`, async () => {
      const metrics = new Metrics();
      const failures: BrokerEvents["broker_plugin_failed"][] = [];
      const hooks = hooksOf([
        plugin({ [hook]: () => yes }),
        plugin({ [hook]: fail }, "broken"),
        plugin({ on: { broker_plugin_failed: (one) => failures.push(one) } }),
      ], { metrics });
      assertEquals(await ask(hooks), false);
      assertEquals(failures, [{ plugin: "broken", hook, error: broken }]);
      assertEquals(metrics.pluginFailures, 1);
    });
  }

  Deno.test(`message is refused when a plugin's transform ${how}`, async () => {
    const metrics = new Metrics();
    const hooks = hooksOf([plugin({ transform: fail })], { metrics });
    assertEquals(
      await hooks.inspect(client, message("a"), () => 0),
      ReasonCode.UnspecifiedError,
    );
    assertEquals(metrics.pluginFailures, 1);
  });

  Deno.test(`message is refused when a plugin's authorize ${how}`, async () => {
    let transformed = false;
    const hooks = hooksOf([plugin({
      authorize: fail,
      transform: () => {
        transformed = true;
        return undefined;
      },
    })]);
    assertEquals(
      await hooks.inspect(client, message("a"), () => 0),
      ReasonCode.NotAuthorized,
    );
    assertEquals(transformed, false);
  });
}

/** What other libraries return for promises. */
const thenable = <T>(
  settle: (
    resolve: (value: T) => void,
    reject: (error: unknown) => void,
  ) => void,
) => ({ then: settle }) as unknown as Promise<T>;

Deno.test("hooks wait for whatever has a then()", async () => {
  const answer = <T>(value: T) => thenable<T>((resolve) => resolve(value));
  const hooks = hooksOf([plugin({
    authenticate: () => answer(yes),
    authorize: () => answer(yes),
    transform: () => answer({ topic: "b" }),
  })]);
  assertEquals(await hooks.authenticate(client, undefined, attempt), true);
  const result = await hooks.inspect(client, message("a"), () => 0);
  assertInstanceOf(result, Message);
  assertEquals(result.topic, "b");
});

Deno.test("hooks and events report what rejects by a then()", async () => {
  const metrics = new Metrics();
  const fail = () => thenable<never>((_, reject) => reject(broken));
  const hooks = hooksOf([plugin({
    authenticate: fail,
    on: { broker_pre_start: fail },
  })], { metrics });
  assertEquals(await hooks.authenticate(client, undefined, attempt), false);
  hooks.emit("broker_pre_start", {});
  assertEquals(metrics.pluginFailures, 2);
});

const late: Record<string, () => Promise<Opinion>> = {
  "approves later": () => Promise.resolve(yes),
  "rejects later": () => Promise.reject(broken),
  "rejects by a then()": () => thenable((_, reject) => reject(broken)),
};

for (const [how, answer] of Object.entries(late)) {
  Deno.test(`authorizeDelivery() denies when a plugin ${how}, which is counted and told`, async () => {
    const metrics = new Metrics();
    const told: string[] = [];
    const hooks = hooksOf([
      plugin({ authorizeDelivery: answer as unknown as () => Opinion }, "slow"),
      plugin({
        on: {
          broker_plugin_failed: ({ plugin, hook, error }) =>
            told.push(`${plugin} ${hook} ${error}`),
        },
      }),
    ], { metrics });
    assertEquals(hooks.authorizeDelivery(client, message("a")), false);
    assertEquals(told, [
      "slow authorizeDelivery TypeError: authorizeDelivery has to answer at once",
    ]);
    assertEquals(metrics.pluginFailures, 1);
    await Promise.resolve(); // nothing is left unhandled
  });
}

// Plugins that do not answer.

Deno.test("hooks that do not answer in time deny, which is counted and told", async () => {
  const metrics = new Metrics();
  const told: string[] = [];
  const deadlines = new Deadlines(3, () => 0);
  const silent = () => new Promise<never>(() => {});
  const hooks = hooksOf([
    plugin({ authenticate: silent, authorize: silent }, "silent"),
    plugin({
      on: {
        broker_plugin_failed: ({ plugin, hook, error }) =>
          told.push(`${plugin} ${hook} ${error}`),
      },
    }),
  ], { metrics, deadlines });
  const answers = [
    hooks.authenticate(client, undefined, attempt),
    hooks.authorize(client, { action: "subscribe", topic: "a", qos: 0 }),
    hooks.inspect(client, message("a"), () => 0),
  ];
  hooks.tick(3000);
  assertEquals(await Promise.all(answers), [
    false,
    false,
    ReasonCode.NotAuthorized,
  ]);
  assertEquals(
    told,
    ["authenticate", "authorize", "authorize"].map((hook) =>
      `silent ${hook} Error: there was no answer within 3 s`
    ),
  );
  const slow = hooksOf([plugin({ transform: silent })], { metrics, deadlines });
  const refused = slow.inspect(client, message("a"), () => 0);
  slow.tick(3000);
  assertEquals(await refused, ReasonCode.UnspecifiedError);
  assertEquals(metrics.pluginFailures, 4);
});

// transform.

for (const [when, time] of Object.entries(times)) {
  /** A hook that notes the topics it sees and goes on with a letter more. */
  const adding = (letter: string, seen: string[] = []): Plugin =>
    plugin({
      transform: (_, { topic, payload }) => {
        seen.push(topic);
        return time<MessageInit>({ topic: topic + letter, payload, qos: 1 });
      },
    });

  Deno.test(`message goes through every plugin's transform (answers ${when})`, async () => {
    const seen: string[] = [];
    const abstaining = plugin({ transform: () => time(undefined) });
    const hooks = hooksOf([adding("b", seen), abstaining, adding("c", seen)]);
    const one = message("a");
    const result = await hooks.inspect(client, one, () => 0);
    assertInstanceOf(result, Message);
    assertEquals([result.topic, result.qos], ["abc", 1]);
    assertEquals(result.payload, one.payload);
    assertEquals(seen, ["a", "ab"]);
  });

  Deno.test(`message stays the same object when no transform replaces it (answers ${when})`, async () => {
    const one = message("a");
    for (const result of [undefined, one]) {
      const hooks = hooksOf([plugin({ transform: () => time(result) })]);
      assert(await hooks.inspect(client, one, () => 0) === one);
    }
  });

  Deno.test(`message is refused with the code that a transform gives (answers ${when})`, async () => {
    const seen: string[] = [];
    const refusing = plugin({
      transform: () => time(ReasonCode.PayloadFormatInvalid),
    });
    const hooks = hooksOf([refusing, adding("b", seen)]);
    assertEquals(
      await hooks.inspect(client, message("a"), () => 0),
      ReasonCode.PayloadFormatInvalid,
    );
    assertEquals(seen, []);
  });

  Deno.test(`message is authorized before it is transformed, and not again (answers ${when})`, async () => {
    const asked: string[] = [];
    const authorizing = plugin({
      authorize: (_, { topic }) => {
        asked.push(topic);
        return time(yes);
      },
    });
    const hooks = hooksOf([adding("b"), authorizing]);
    const result = await hooks.inspect(client, message("a"), () => 0);
    assertInstanceOf(result, Message);
    assertEquals(asked, ["a"]);
  });

  Deno.test(`message that is not allowed is not transformed (answers ${when})`, async () => {
    const seen: string[] = [];
    const hooks = hooksOf([
      adding("b", seen),
      plugin({ authorize: () => time(no) }),
    ]);
    assertEquals(
      await hooks.inspect(client, message("a"), () => 0),
      ReasonCode.NotAuthorized,
    );
    assertEquals(seen, []);
  });

  Deno.test(`message is refused when a transform gives it an invalid topic (answers ${when})`, async () => {
    const metrics = new Metrics();
    const hooks = hooksOf([adding("/#")], { metrics });
    assertEquals(
      await hooks.inspect(client, message("a"), () => 0),
      ReasonCode.UnspecifiedError,
    );
    assertEquals(metrics.pluginFailures, 1);
  });
}

Deno.test("message is refused when a transform gives a number that is no refusal, which is told", async () => {
  const metrics = new Metrics();
  const hooks = hooksOf([
    plugin({ transform: () => 5 as ReasonCode }),
  ], { metrics });
  assertEquals(
    await hooks.inspect(client, message("a"), () => 0),
    ReasonCode.UnspecifiedError,
  );
  assertEquals(metrics.pluginFailures, 1);
});

Deno.test("message keeps what a transform does not say", async () => {
  const before = message("a", {
    qos: 2,
    retain: true,
    properties: { contentType: "x" },
  });
  for (
    const [change, expected] of [
      [{}, ["a", "of a", 2, true, "x"]],
      [{ topic: "b" }, ["b", "of a", 2, true, "x"]],
      [{ payload: text("new") }, ["a", "new", 2, true, "x"]],
      [{ qos: 0 }, ["a", "of a", 0, true, "x"]],
      [{ retain: false }, ["a", "of a", 2, false, "x"]],
      [{ properties: {} }, ["a", "of a", 2, true, undefined]],
    ] as [Partial<MessageInit>, unknown[]][]
  ) {
    const hooks = hooksOf([plugin({ transform: () => change })]);
    const result = await hooks.inspect(client, before, () => 0);
    assertInstanceOf(result, Message);
    const { topic, payload, qos, retain, properties } = result;
    const shown = new TextDecoder().decode(payload);
    assertEquals(
      [topic, shown, qos, retain, properties?.contentType],
      expected,
    );
  }
});

Deno.test("hooks count and tell defects of the broker", () => {
  const metrics = new Metrics();
  const events: unknown[] = [];
  const hooks = hooksOf([
    plugin({ on: { broker_internal_error: (event) => events.push(event) } }),
  ], { metrics });
  hooks.report("one", broken);
  assertEquals(events, [{ clientId: "one", error: broken }]);
  assertEquals([metrics.internalErrors, metrics.pluginFailures], [1, 0]);
});

Deno.test("message that a transform makes expires by the broker's clock", async () => {
  const hooks = hooksOf([plugin({
    transform: (_, { topic, payload }) => ({
      topic,
      payload,
      properties: { messageExpiryInterval: 1 },
    }),
  })]);
  const result = await hooks.inspect(client, message("a"), () => 5000);
  assertInstanceOf(result, Message);
  assertEquals(result.expiresAt, 6000);
});

// Events.

const event = { clientId: "client", topic: "a", qos: 0 } as const;

Deno.test("event goes to all plugins that watch it, and no other", () => {
  const seen: string[] = [];
  const watching = (name: string, on: NonNullable<Plugin["on"]>) =>
    plugin({ on }, name);
  const hooks = hooksOf([
    watching("one", { broker_client_subscribed: () => seen.push("one") }),
    watching("two", { broker_client_unsubscribed: () => seen.push("two") }),
    watching("three", {
      broker_client_subscribed: (got) => seen.push(`three ${got.topic}`),
    }),
    plugin({}),
  ]);
  assertEquals(hooks.watches("broker_client_subscribed"), true);
  assertEquals(hooks.watches("broker_client_connected"), false);
  hooks.emit("broker_client_subscribed", event);
  hooks.emit("broker_pre_start", {});
  assertEquals(seen, ["one", "three a"]);
});

for (const [how, fail] of Object.entries(failing)) {
  Deno.test(`event reaches the others when a handler ${how}, which is counted and told`, async () => {
    const metrics = new Metrics();
    const failures: BrokerEvents["broker_plugin_failed"][] = [];
    let seen = 0;
    const hooks = hooksOf([
      plugin({ on: { broker_client_subscribed: fail } }, "broken"),
      plugin({
        on: {
          broker_client_subscribed: () => void seen++,
          broker_plugin_failed: (one) => failures.push(one),
        },
      }),
    ], { metrics });
    hooks.emit("broker_client_subscribed", event);
    assertEquals(seen, 1);
    await Promise.resolve(); // a rejection comes later
    assertEquals(failures, [{
      plugin: "broken",
      hook: "broker_client_subscribed",
      error: broken,
    }]);
    assertEquals(metrics.pluginFailures, 1);
  });

  Deno.test(`handler of broker_plugin_failed that ${how} itself is counted and not told`, async () => {
    const metrics = new Metrics();
    let told = 0;
    const hooks = hooksOf([
      plugin({
        on: {
          broker_plugin_failed: () => {
            told++;
            return fail();
          },
        },
      }),
      plugin({ authenticate: fail }),
    ], { metrics });
    await hooks.authenticate(client, undefined, attempt);
    await Promise.resolve();
    assertEquals([told, metrics.pluginFailures], [1, 2]);
  });
}

Deno.test("hooks of two brokers have nothing in common", () => {
  let seen = 0;
  const watching = plugin({ on: { broker_pre_start: () => void seen++ } });
  const one = hooksOf([watching]);
  const other = hooksOf([]);
  other.emit("broker_pre_start", {});
  assertEquals([seen, other.watches("broker_pre_start")], [0, false]);
  one.emit("broker_pre_start", {});
  assertEquals(seen, 1);
});

// authenticationMethods.

Deno.test("offer() is that of the first plugin that has the method, and of none by another name", () => {
  const [one, other] = ["one", "other"].map((name) => ({
    name,
    authenticationMethods: { TEST: () => ({ continue: () => refusal }) },
  }));
  const hooks = hooksOf([one!, other!]);
  assertEquals(hooks.offer("TEST")?.plugin, one);
  assertEquals(hooks.offer("test"), undefined);
  assertEquals(hooks.offer("toString"), undefined);
  hooks.use([other!], true);
  assertEquals(hooks.offer("TEST")?.plugin, other);
});

const refusal = { outcome: "refusal" } as const;

Deno.test("authenticate() is not open to everybody where a plugin offers a method", () => {
  const own = plugin({
    authenticationMethods: { TEST: () => ({ continue: () => refusal }) },
  });
  const hooks = hooksOf([own]);
  assertEquals(hooks.open, false);
  assertEquals(hooks.authenticate(client, undefined, attempt), false);
  const proven = new Attempt("TEST");
  assertEquals(hooks.authenticate(client, undefined, proven), true);
});

for (const [time, answer] of Object.entries(times)) {
  Deno.test(`guard() refuses what is no answer, ${time}, and tells of it`, async () => {
    const own = plugin({});
    const wrong = [
      { outcome: "perhaps" },
      { outcome: "continue", data: "text" },
      { outcome: "success", data: new Uint8Array(65_536) },
      undefined,
    ];
    for (const one of wrong) {
      const metrics = new Metrics();
      const hooks = hooksOf([own], { metrics });
      assertEquals(await hooks.guard(own, () => answer(one as never)), refusal);
      assertEquals(metrics.pluginFailures, 1);
    }
    const good = { outcome: "continue", data: new Uint8Array(65_535) } as const;
    assertEquals(await hooksOf([own]).guard(own, () => answer(good)), good);
  });
}

Deno.test("guard() refuses where there is no answer in time", async () => {
  let time = 0;
  const deadlines = new Deadlines(1, () => time);
  const own = plugin({});
  const hooks = hooksOf([own], { deadlines });
  const waiting = hooks.guard(own, () => new Promise(() => {}));
  time = 1000;
  hooks.tick(time);
  assertEquals(await waiting, refusal);
});

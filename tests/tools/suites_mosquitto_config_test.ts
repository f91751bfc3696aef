import { assert, assertEquals } from "@std/assert";
import type { ClientInfo, Message, Plugin } from "../../mod.ts";
import {
  accessList,
  passwords,
  translate,
} from "../../tools/suites/mosquitto_config.ts";

const info = (username?: string): ClientInfo => ({
  clientId: "me",
  username,
  protocolVersion: 5,
  address: undefined,
  listener: "listener-0",
  certificate: undefined,
});

Deno.test("translate() knows listeners, limits and what is offered", () => {
  const { config, missing } = translate(
    `listener 1884 localhost
max_connections 10
listener 8080
protocol websockets
max_keepalive 60
max_qos 1
retain_available false
persistent_client_expiration 2d
log_type all
allow_anonymous true`,
    undefined,
  );
  assertEquals(missing, []);
  assertEquals(config.listeners, {
    "listener-0": { bind: "localhost:1884", maxConnections: 10 },
    "listener-1": { bind: ":8080", type: "ws" },
  });
  assertEquals(config.auth, { allowAnonymous: true });
  assertEquals(config.capabilities, {
    maximumKeepAlive: 60,
    maximumQos: 1,
    retain: false,
  });
  assertEquals(config.limits?.sessionExpiryInterval, 172_800);
});

Deno.test("translate() knows where sessions are kept", () => {
  const { config } = translate("persistence true\npersistence_file a.db", 1);
  assertEquals(config.persistence, { file: "a.db" });
  const other = translate("persistence false\npersistence_file a.db", 1);
  assertEquals(other.config.persistence, undefined);
});

Deno.test("translate() lets nobody in unknown where there is a listener", () => {
  assertEquals(translate("", 1).config.auth, { allowAnonymous: true });
  const { config } = translate("listener 1884", 1);
  assertEquals(config.auth, { allowAnonymous: false });
});

Deno.test("translate() names what has no counterpart", () => {
  const { missing } = translate("connection bridge\nmount_point a/\n", 1);
  assertEquals(missing, ["connection", "mount_point"]);
});

Deno.test("passwords() checks both hashes of mosquitto_passwd", async () => {
  const { authenticate } = passwords(
    "user:$6$Ut1cUS9PG8+gC3vn$tOjCfSJJDe1Alu9HktxxyyzwN4+6mAMSWGRAF9gmMN8pzcGTPVEYYMAZpCEp96Oz2ZRRz5YKM6lrcyZCHTQdhQ==\n",
  );
  const { signal } = new AbortController();
  const attempt = { signal, method: undefined };
  const check = (user: string | undefined, password: string) =>
    authenticate!(info(user), new TextEncoder().encode(password), attempt);
  assertEquals(await check("user", "wrong"), false);
  assertEquals(await check("nobody", "password"), false);
  assertEquals(await check(undefined, ""), undefined);
});

Deno.test("accessList() reads users, topics and patterns", () => {
  const plugin: Plugin = accessList(`topic read public/#
topic deny public/secret
user alice
topic write a/b
pattern readwrite own/%c/#
`);
  const reads = (user: string | undefined, topic: string) =>
    plugin.authorizeDelivery!(info(user), { topic } as Message);
  const writes = (user: string | undefined, topic: string) =>
    plugin.authorize!(info(user), {
      action: "publish",
      topic,
      message: { topic } as Message,
    });
  assert(reads(undefined, "public/a"));
  assert(!reads(undefined, "public/secret"));
  assert(!writes(undefined, "public/a"));
  assert(writes("alice", "a/b"));
  assert(!reads("alice", "a/b"));
  assert(reads("bob", "own/me/x") && writes("bob", "own/me/x"));
  assert(!reads("bob", "own/you/x"));
});

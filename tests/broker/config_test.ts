import { assertEquals } from "@std/assert";
import { defaultConfig } from "../../broker/mod.ts";

Deno.test("defaultConfig() is what the command runs, and everybody has one of his own", () => {
  const config = defaultConfig();
  assertEquals(config, {
    listeners: { default: { type: "tcp", bind: "0.0.0.0:1883" } },
    auth: { allowAnonymous: true },
    sysInterval: 20,
  });
  config.listeners!["default"]!.bind = "1";
  config.auth!.allowAnonymous = false;
  assertEquals(defaultConfig().listeners!["default"]!.bind, "0.0.0.0:1883");
  assertEquals(defaultConfig().auth, { allowAnonymous: true });
});

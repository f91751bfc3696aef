import { assertEquals, assertThrows } from "@std/assert";
import type { BrokerConfig } from "../../broker/mod.ts";
import { storeOf } from "../../broker/_legacy_store.ts";
import { SettingsError } from "../../codec/mod.ts";

const contrib = "amqtt.contrib.persistence.SessionDBPlugin";
const old = "amqtt.plugins.persistence.SQLitePlugin";

/** What is meant, and what is warned of. */
function meant(config: BrokerConfig) {
  const warnings: string[] = [];
  return { ...storeOf(config, (_, text) => warnings.push(text)), warnings };
}

function refused(config: BrokerConfig): string {
  return assertThrows(() => meant(config), SettingsError).problem;
}

Deno.test("storeOf() leaves configurations alone that name no database", () => {
  assertEquals(meant({}), { warnings: [] });
  assertEquals(meant({ plugins: ["a", { b: {} }] }), { warnings: [] });
  assertEquals(meant({ plugins: { a: { file: "x" } } }), { warnings: [] });
});

for (
  const [options, file] of [
    [{ file: "/var/lib/a.db" }, "/var/lib/a.db"],
    [{ connection: "sqlite+aiosqlite:///amqtt.db" }, "amqtt.db"],
    [{ connection: "sqlite:////var/lib/a.db?x=1" }, "/var/lib/a.db"],
    [{}, "amqtt.db"],
    [null, "amqtt.db"],
  ] as const
) {
  Deno.test(`storeOf() takes a plugin with ${JSON.stringify(options)} for the file ${file}`, () => {
    for (const name of [contrib, old]) {
      const warnings = [
        `${name} is built in: taken as persistence.file ${file}`,
      ];
      const persistence = { file };
      assertEquals(meant({ plugins: { other: {}, [name]: options } }), {
        plugins: { other: {} },
        persistence,
        warnings,
      });
      assertEquals(meant({ plugins: ["other", { [name]: options }] }), {
        plugins: ["other"],
        persistence,
        warnings,
      });
    }
  });
}

Deno.test("storeOf() leaves the file to persistence where the plugin names none", () => {
  const persistence = { file: "hbmqtt.db", synchronous: "normal" } as const;
  const name = "hbmqtt.plugins.persistence.SQLitePlugin";
  assertEquals(meant({ plugins: [name], persistence }), {
    plugins: [],
    persistence,
    warnings: [`${name} is built in: taken as persistence.file hbmqtt.db`],
  });
});

Deno.test("storeOf() says that nothing is forgotten at a shutdown", () => {
  const options = { file: "a", clear_on_shutdown: true };
  assertEquals(
    meant({ plugins: { [contrib]: options } }).warnings[1],
    "clear-on-shutdown has no effect: nothing is forgotten",
  );
});

Deno.test("storeOf() refuses what names another database or no file", () => {
  assertEquals(
    refused({ plugins: { [contrib]: { connection: "mysql://host/db" } } }),
    `plugins["${contrib}"].connection names no file; sqlite:///file is what there is`,
  );
  assertEquals(
    refused({
      plugins: { [contrib]: { file: "a" } },
      persistence: { file: "b" },
    }),
    `plugins["${contrib}"] and persistence both say where sessions are kept; keep one of them`,
  );
});

import { assert, assertEquals, assertMatch } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { bundle } from "../../tools/bundle.ts";

Deno.test("bundle() makes one module that imports nothing", async () => {
  const text = await bundle();
  assert(text.startsWith(`/*! ${config.name} ${config.version}, `));
  const imports: string[] = [];
  const scan: Deno.lint.Rule = {
    create: () => ({
      ImportDeclaration: ({ source }) => void imports.push(source.value),
      ImportExpression: () => void imports.push("import()"),
      ExportAllDeclaration: ({ source }) => void imports.push(source.value),
    }),
  };
  const plugin = { name: "scan", rules: { scan } };
  const diagnostics = Deno.lint.runPlugin(plugin, "bundle.js", text);
  assertEquals(diagnostics, []);
  assertEquals(imports, []);
});

Deno.test("bundle() keeps to what Node.js 20 has", async () => {
  const text = await bundle();
  // What came later and is a name of its own; node_test.ts runs the rest.
  for (const late of ["withResolvers(", "Iterator.from", "Promise.try"]) {
    assert(!text.includes(late), late);
  }
  assertMatch(text, /function withResolvers\$\(\)/);
});

Deno.test("bundle() exports what the client does", async () => {
  const text = await bundle();
  const bundled = await import(
    `data:text/javascript,${encodeURIComponent(text)}`
  );
  const names = Object.keys(await import("../../client/mod.ts"));
  assertEquals(Object.keys(bundled).sort(), names.sort());
  const client = new bundled.MQTTClient({ clientId: "bundled" });
  assertEquals(client.clientId, "bundled");
});

Deno.test("bundle prints its usage when it is called wrong", async () => {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "tools/bundle.ts", "all"],
    cwd: new URL("../../", import.meta.url),
    stdin: "null",
  }).output();
  assertEquals(code, 2);
  const said = new TextDecoder().decode(stderr);
  assertEquals(said, "usage: deno task bundle\n");
});

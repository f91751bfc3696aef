import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { pathToFileURL } from "node:url";
import config from "../../deno.json" with { type: "json" };
import { parseSpecifier, putStandIns } from "../../tools/deps.ts";

const ROOT = new URL("../../", import.meta.url);
const TYPES = new URL("tools/std_types/", ROOT);
const IMPORTS = Object.values(config.imports)
  .filter((specifier) => !specifier.startsWith("npm:"));

/** The modules that tools/std_types/check.ts imports: [package, export]. */
async function importedModules(): Promise<Array<[string, string]>> {
  const text = await Deno.readTextFile(new URL("check.ts", TYPES));
  return [...text.matchAll(/from "(@std\/[a-z]+)(\/[a-z-]+)?"/g)]
    .map(([, name, path]) => [name ?? "", `.${path ?? ""}`]);
}

async function withFolder(fn: (folder: URL) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempDir({ prefix: "ambermq_deps_" });
  try {
    await fn(new URL(`${pathToFileURL(path).href}/`));
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

async function listFiles(folder: URL): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) {
      const inner = await listFiles(new URL(`${name}/`, folder));
      files.push(...inner.map((file) => `${name}/${file}`));
    } else files.push(name);
  }
  return files.sort();
}

Deno.test("parseSpecifier() takes the oldest version that will do", () => {
  assertEquals(parseSpecifier("jsr:@std/yaml@^1.2.0"), {
    name: "@std/yaml",
    version: "1.2.0",
  });
});

Deno.test("parseSpecifier() rejects what there is no stand-in for", () => {
  for (
    const specifier of [
      "jsr:@std/yaml",
      "jsr:@std/yaml@1",
      "jsr:@other/yaml@^1.2.0",
      "npm:yaml@^1.2.0",
    ]
  ) assertThrows(() => parseSpecifier(specifier), Error, specifier);
});

Deno.test("putStandIns() covers every module that is imported", async () => {
  await withFolder(async (vendor) => {
    await putStandIns(IMPORTS, vendor);
    const modules = await importedModules();
    assert(modules.length >= IMPORTS.length);
    const versions = new Map(
      IMPORTS.map(parseSpecifier).map((it) => [it.name, it.version]),
    );
    for (const [name, path] of modules) {
      const base = new URL(`jsr.io/${name}/`, vendor);
      const version = versions.get(name);
      const meta = JSON.parse(
        await Deno.readTextFile(new URL("meta.json", base)),
      );
      assertEquals(meta, { versions: { [`${version}`]: {} } });
      const { exports } = JSON.parse(
        await Deno.readTextFile(new URL(`${version}_meta.json`, base)),
      );
      const module = new URL(exports[path], new URL(`${version}/`, base));
      const text = await Deno.readTextFile(module);
      assertStringIncludes(text, "// @ts-self-types=");
      assertStringIncludes(text, `from "npm:deno-std@`);
      await Deno.lstat(new URL(module.href.replace(/\.js$/, ".d.ts")));
    }
  });
});

Deno.test("putStandIns() mends what differs and leaves the rest", async () => {
  await withFolder(async (vendor) => {
    const [specifier = ""] = IMPORTS;
    await putStandIns([specifier], vendor);
    const files = await listFiles(vendor);
    const past = new Date(0);
    const texts = new Map<string, string>();
    for (const file of files) {
      const url = new URL(file, vendor);
      texts.set(file, await Deno.readTextFile(url));
      if (file.endsWith("/meta.json")) await Deno.remove(url);
      else if (file.endsWith(".js")) await Deno.writeTextFile(url, "?");
      else await Deno.utime(url, past, past);
    }
    await putStandIns([specifier], vendor);
    assertEquals(await listFiles(vendor), files);
    for (const file of files) {
      const url = new URL(file, vendor);
      assertEquals(await Deno.readTextFile(url), texts.get(file));
      const isMended = file.endsWith("/meta.json") || file.endsWith(".js");
      const { mtime } = await Deno.stat(url);
      assertEquals(mtime?.getTime() !== 0, isMended, file);
    }
  });
});

Deno.test("putStandIns() may run twice at once", async () => {
  await withFolder(async (vendor) => {
    await Promise.all([
      putStandIns(IMPORTS, vendor),
      putStandIns(IMPORTS, vendor),
    ]);
    const files = await listFiles(vendor);
    assertEquals(files.filter((file) => !/\.(js|ts|json)$/.test(file)), []);
  });
});

/** Serves what tools/std_types/check.ts imports as a registry would. */
async function makeRegistry(): Promise<Map<string, string>> {
  const text = "export {};\n";
  const bytes = new TextEncoder().encode(text);
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  const checksum = `sha256-${new Uint8Array(digest).toHex()}`;
  const files = new Map<string, string>();
  const modules = await importedModules();
  for (const { name, version } of IMPORTS.map(parseSpecifier)) {
    const exports: Record<string, string> = {};
    const manifest: Record<string, { size: number; checksum: string }> = {};
    for (const [owner, path] of modules) {
      if (owner !== name) continue;
      const file = path === "." ? "/mod.ts" : `${path.slice(1)}.ts`;
      exports[path] = `.${file}`;
      manifest[file] = { size: bytes.length, checksum };
      files.set(`/${name}/${version}${file}`, text);
    }
    files.set(
      `/${name}/meta.json`,
      JSON.stringify({ versions: { [version]: {} } }),
    );
    files.set(
      `/${name}/${version}_meta.json`,
      JSON.stringify({ manifest, exports }),
    );
  }
  return files;
}

/** Runs tools/deps.ts in a checkout of only what it needs. */
async function withCheckout(
  files: ReadonlyMap<string, string>,
  fn: (
    checkout: URL,
    deps: (...args: string[]) => Promise<{ code: number; stderr: string }>,
  ) => Promise<void>,
): Promise<void> {
  await using server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen: () => {},
  }, (request) => {
    const { pathname } = new URL(request.url);
    const text = files.get(pathname);
    const type = pathname.endsWith(".ts") ? "text/typescript" : "text/json";
    return text === undefined
      ? new Response(null, { status: 404 })
      : new Response(text, { headers: { "content-type": type } });
  });
  await withFolder(async (checkout) => {
    for (
      const file of ["deno.json", "tools/deps.ts", "tools/std_types/check.ts"]
    ) {
      const copy = new URL(file, checkout);
      await Deno.mkdir(new URL(".", copy), { recursive: true });
      await Deno.copyFile(new URL(file, ROOT), copy);
    }
    await fn(checkout, async (...args) => {
      const { code, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "--quiet", "-A", "tools/deps.ts", ...args],
        cwd: checkout,
        env: {
          DENO_DIR: "deno_dir",
          JSR_URL: `http://127.0.0.1:${server.addr.port}/`,
          NO_COLOR: "1",
        },
        stdin: "null",
      }).output();
      return { code, stderr: new TextDecoder().decode(stderr) };
    });
  });
}

Deno.test("deps fills vendor/, and completes it if a part is gone", async () => {
  await withCheckout(await makeRegistry(), async (checkout, deps) => {
    assertEquals(await deps(), { code: 0, stderr: "" });
    const vendor = new URL("vendor/", checkout);
    const files = await listFiles(vendor);
    const modules = files.filter((file) => file.endsWith(".ts"));
    assertEquals(modules.length, (await importedModules()).length);
    for (const file of modules.slice(1)) {
      await Deno.remove(new URL(file, vendor));
    }
    assertEquals(await deps(), { code: 0, stderr: "" });
    assertEquals(await listFiles(vendor), files);
  });
});

Deno.test("deps fetches everything anew for --fresh", async () => {
  await withCheckout(await makeRegistry(), async (checkout, deps) => {
    const stale = new URL("vendor/stale.ts", checkout);
    await Deno.mkdir(new URL(".", stale));
    await Deno.writeTextFile(stale, "");
    assertEquals(await deps("--fresh"), { code: 0, stderr: "" });
    const files = await listFiles(new URL("vendor/", checkout));
    assert(!files.includes("stale.ts"));
    assert(files.some((file) => file.endsWith("meta.json")));
  });
});

Deno.test("deps may run several times at once", async () => {
  await withCheckout(await makeRegistry(), async (_checkout, deps) => {
    const results = await Promise.all([deps(), deps(), deps()]);
    assertEquals(results, Array(3).fill({ code: 0, stderr: "" }));
  });
});

Deno.test("deps shows the registry's error and puts no stand-ins", async () => {
  const files = await makeRegistry();
  files.delete("/@std/yaml/meta.json");
  await withCheckout(files, async (checkout, deps) => {
    const { code, stderr } = await deps();
    assertEquals(code, 1);
    assertStringIncludes(stderr, "@std/yaml");
    const vendored = await listFiles(new URL("vendor/", checkout));
    assert(!vendored.includes(".stand-ins"));
  });
});

Deno.test("deps rejects unknown options", async () => {
  await withCheckout(new Map(), async (_checkout, deps) => {
    assertEquals(await deps("--freshly"), {
      code: 2,
      stderr: "usage: deno task deps [--fresh]\n",
    });
  });
});

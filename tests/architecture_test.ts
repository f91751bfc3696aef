/** The rules of docs/architecture.md, as far as a program can see them. */

import { assertEquals } from "@std/assert";
import config from "../deno.json" with { type: "json" };
import {
  filesIn,
  folderOf,
  folders,
  nameOf,
  resolve,
  sourceOf,
  sources,
  textOf,
} from "./_sources.ts";
import { statementsOf } from "../tools/statements.ts";

/** What a folder may import of the project beside its own files. */
const layers: Record<string, readonly string[]> = {
  "": ["broker/mod.ts", "client/mod.ts", "codec/mod.ts", "plugins/mod.ts"],
  codec: [],
  broker: ["codec/mod.ts"],
  client: ["codec/mod.ts"],
  plugins: ["broker/mod.ts", "codec/mod.ts"],
  // deno.json: the version.
  cli: [
    ...["mod.ts", "plugins/mod.ts", "cli/conformance/mod.ts", "deno.json"],
  ],
  "cli/conformance": ["mod.ts"],
};

/** Packages that a folder may import; the others have no dependencies. */
const packages: Record<string, readonly string[]> = {
  cli: ["@std/cli"],
};

/** What ties a file to a machine, to the time or to chance, and why. */
const exceptions: Record<string, Record<string, string>> = {
  "broker/_acceptor.ts": {
    setTimeout: "pauses when the system has no more sockets",
  },
  "broker/_connect.ts": {
    crypto: "client identifiers that nobody else has",
  },
  "broker/broker.ts": {
    performance: "the clock where none is passed in",
    setInterval: "the one sweep",
    clearInterval: "the one sweep",
    setTimeout: "shutdownTimeout",
    clearTimeout: "shutdownTimeout",
  },
  "broker/_subscribe.ts": {
    setTimeout: "lets others have their turn during a long search",
  },
  "broker/listen.ts": {
    "Deno.listen": "opens the broker's sockets",
    "Deno.errors": "says why it could not",
  },
  "client/_connect.ts": {
    crypto: "client identifiers that nobody else has",
  },
  "client/clock.ts": {
    performance: "the clock where none is passed in",
    setTimeout: "the clock where none is passed in",
    clearTimeout: "the clock where none is passed in",
  },
  "client/dial.ts": { "Deno.connect": "opens the client's sockets" },
  "cli/_broker.ts": {
    console: "help and errors",
    "Deno.build": "the signals of the system",
    "Deno.addSignalListener": "stops the broker",
    "Deno.exit": "for who does not want to wait for the shutdown",
    performance: "tells a repeated signal from another one",
  },
  "cli/_log.ts": {
    "Deno.stderr": "where the log goes",
    Date: "the time of a line",
  },
  "cli/_sub.ts": {
    setTimeout: "the timeout on the command line",
    clearTimeout: "the timeout on the command line",
    "Deno.errors": "nobody reads the output any more",
  },
  "cli/_test.ts": {
    setTimeout: "the checks for which time has to pass",
  },
  "cli/_terminal.ts": {
    "Deno.addSignalListener": "interrupts a command",
    "Deno.removeSignalListener": "interrupts a command",
    "Deno.build": "the signals of the system",
    "Deno.open": "reads what is to be published",
    "Deno.stdin": "reads what is to be published",
    "Deno.stdout": "writes messages",
    "Deno.stderr": "writes errors",
  },
  "cli/ambermq_pub.ts": {
    "Deno.exit": "a program",
    "Deno.args": "a program",
  },
  "cli/ambermq_sub.ts": {
    "Deno.exit": "a program",
    "Deno.args": "a program",
  },
  "cli/conformance/_peer.ts": {
    setTimeout: "how long to wait for an answer",
    clearTimeout: "how long to wait for an answer",
  },
  "cli/conformance/_run.ts": {
    crypto: "identifiers and topics that nobody else has",
    performance: "how long a check takes",
  },
  "cli/mod.ts": { "Deno.exit": "a program", "Deno.args": "a program" },
};

/** Programs that are compiled but not exported. */
const programs = ["cli/ambermq_pub.ts", "cli/ambermq_sub.ts"];

/** Imports of a source that lead to others of the project. */
function internal(path: string): string[] {
  return sourceOf(path).imports.map((one) => resolve(path, one))
    .filter((one) => one.includes(".ts") || one.includes(".json"));
}

// The layers.

for (const folder of ["", ...folders]) {
  const files = sources().filter((path) => folderOf(path) === folder);
  const allowed = layers[folder]!;

  Deno.test(`${folder || "mod.ts"} imports nothing of the project but ${allowed.join(", ") || "itself"}`, () => {
    for (const path of files) {
      const others = internal(path).filter((one) =>
        folder === "" || folderOf(one) !== folder
      );
      const wrong = others.filter((one) => !allowed.includes(one));
      assertEquals(wrong, [], path);
    }
  });

  Deno.test(`${folder || "mod.ts"} imports no packages but ${packages[folder] ?? "none"}, which deno.json has`, () => {
    for (const path of files) {
      const bare = sourceOf(path).imports.filter((one) => !one.startsWith("."));
      const names = bare.map((one) => one.split("/").slice(0, 2).join("/"));
      const allowed = packages[folder] ?? [];
      const wrong = names.filter((name) =>
        !allowed.includes(name) || !Object.hasOwn(config.imports, name)
      );
      assertEquals(wrong, [], path);
    }
  });
}

Deno.test("files with a leading underscore are imported in their folder only, by tests too", () => {
  const tests = filesIn("tests", true);
  for (const path of [...sources(), ...filesIn("tools"), ...tests]) {
    for (const specifier of sourceOf(path).imports) {
      const target = resolve(path, specifier);
      if (!nameOf(target).startsWith("_")) continue;
      const from = folderOf(path);
      const to = folderOf(target);
      const mirrored = from === `tests/${to}`; // unit tests of the file
      // Helpers of tests serve the folders below too.
      const below = to.startsWith("tests") && `${from}/`.startsWith(`${to}/`);
      const neighbour = path === target || neighbours.includes(`${from} ${to}`);
      const fine = from === to || mirrored || below || neighbour;
      assertEquals(fine, true, `${path} imports ${target}`);
    }
  }
});

/** Tests that may use the helpers of others. */
const neighbours = [
  "tests/broker tests/conformance", // a broker in memory
];

Deno.test("there are no import cycles, types counted", () => {
  const cycles: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, above: readonly string[]): void => {
    const start = above.indexOf(path);
    if (start >= 0) cycles.push([...above.slice(start), path].join(" → "));
    if (start >= 0 || done.has(path)) return;
    for (const next of internal(path)) {
      if (next.endsWith(".ts")) visit(next, [...above, path]);
    }
    done.add(path);
  };
  for (const path of sources()) visit(path, []);
  assertEquals(cycles, []);
});

Deno.test("every source is reached from an entry point", () => {
  const reached = new Set<string>();
  const visit = (path: string): void => {
    if (reached.has(path)) return;
    reached.add(path);
    for (const next of internal(path)) if (next.endsWith(".ts")) visit(next);
  };
  const entries = Object.values(config.exports)
    .map((path) => path.replace("./", ""));
  for (const path of [...entries, ...programs]) visit(path);
  assertEquals(sources().filter((path) => !reached.has(path)), []);
});

Deno.test("every file without an underscore is public: its folder's mod.ts exports it", () => {
  for (const folder of folders) {
    if (folder.startsWith("cli")) continue; // a program
    const mod = `${folder}/mod.ts`;
    const exported = sourceOf(mod).reexports.map((one) => resolve(mod, one));
    const expected = filesIn(folder).filter((path) =>
      !nameOf(path).startsWith("_") && path !== mod
    );
    const own = exported.filter((path) => folderOf(path) === folder);
    assertEquals(own.toSorted(), expected, folder);
  }
});

Deno.test("each mod.ts of the library is nothing but re-exports", () => {
  for (const folder of ["", "broker/", "client/", "codec/", "plugins/"]) {
    const path = `${folder}mod.ts`;
    assertEquals(sourceOf(path).onlyReexports, true, path);
  }
});

// The world.

Deno.test("only files with a reason use Deno, timers, clocks, chance or the console", () => {
  for (const path of sources()) {
    assertEquals(
      [...sourceOf(path).globals].sort(),
      Object.keys(exceptions[path] ?? {}).sort(),
      path,
    );
  }
});

Deno.test("exceptions are those of sources that exist", () => {
  const paths = Object.keys(exceptions);
  assertEquals(paths.filter((path) => !sources().includes(path)), []);
});

Deno.test("codec uses nothing of the world at all", () => {
  for (const path of filesIn("codec")) {
    assertEquals([...sourceOf(path).globals], [], path);
    assertEquals(Object.hasOwn(exceptions, path), false, path);
  }
});

// The style.

Deno.test("nothing is exported as default, and nothing is left to do", () => {
  const tests = filesIn("tests", true);
  for (const path of [...sources(), ...filesIn("tools"), ...tests]) {
    const { defaultExport, comments } = sourceOf(path);
    assertEquals(defaultExport, false, path);
    const left = comments.filter((one) => /\b(TODO|FIXME|XXX)\b/.test(one));
    assertEquals(left, [], path);
  }
});

// The specification.

/** Every reference in a text, as `[version, id]`. */
function references(text: string): [version: string, id: string][] {
  const found = text.matchAll(/\[MQTT(311)?-?([^\]]*)\]/g);
  return Array.from(found, ([, old, id]) => [old ?? "5", id!]);
}

/** The numbers of the statements of a version. */
function idsOf(version: "3.1.1" | "5.0"): ReadonlySet<string> {
  return new Set(statementsOf(version).map(({ id }) => id));
}

Deno.test("every statement that sources, tests and documents refer to exists", () => {
  const [statements311, statements5] = [idsOf("3.1.1"), idsOf("5.0")];
  const documents = ["README.md", "CONTRIBUTING.md", "docs/architecture.md"];
  const files = [...sources(), ...filesIn("tests", true), ...documents];
  const here = "tests/architecture_test.ts";
  let count = 0;
  for (const path of files.filter((one) => one !== here)) {
    for (const [version, id] of references(textOf(path))) {
      const statements = version === "311" ? statements311 : statements5;
      assertEquals(statements.has(id), true, `${path}: ${version} ${id}`);
      count++;
    }
  }
  assertEquals(count > 100, true, `${count} references`);
});

Deno.test("every statement that a source enforces is in the name of a test", () => {
  const proved = new Set(
    filesIn("tests", true).filter((path) => path.endsWith("_test.ts"))
      .flatMap((path) => sourceOf(path).strings)
      .flatMap((name) => references(name).map((one) => one.join())),
  );
  // The checks of `ambermq test` ask for them, of any broker.
  const enforcing = sources().filter((path) =>
    folderOf(path) !== "cli/conformance"
  );
  for (const path of enforcing) {
    const missing = references(textOf(path)).map((one) => one.join())
      .filter((one) => !proved.has(one));
    assertEquals(missing, [], path);
  }
});

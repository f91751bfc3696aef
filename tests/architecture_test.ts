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
  // deno.json: the version.
  plugins: ["broker/mod.ts", "codec/mod.ts", "deno.json"],
  // deno.json: the version.
  cli: [
    ...["mod.ts", "plugins/mod.ts", "cli/conformance/mod.ts", "deno.json"],
  ],
  "cli/conformance": ["mod.ts"],
};

/** Packages that a folder may import; the others have no dependencies. */
const packages: Record<string, readonly string[]> = {
  // YAML for configuration files; node:path and node:url know the paths of
  // every system;
  // TLS that asks for certificates of clients: see broker/_tls.ts;
  // garbage to be collected: see broker/_memory.ts; rounds of the event loop:
  // see broker/_rounds.ts; SQLite, and node:process, which gives it to who
  // needs it.
  broker: [
    "@std/yaml",
    "node:crypto",
    "node:path",
    "node:process",
    "node:sqlite",
    "node:stream",
    "node:timers",
    "node:tls",
    "node:url",
    "node:v8",
    "node:vm",
  ],
  // By name and at run time only: see client/_builtin.ts.
  client: ["node:crypto", "node:fs/promises", "node:net", "node:tls"],
  cli: ["@std/cli"],
  plugins: ["@std/crypto", "node:crypto", "node:process"],
};

/**
 * Sources that import what others name, when they name it: the built-in plugins
 * stand above the broker, and a user's anywhere.
 */
const onDemand: Record<string, RegExp> = {
  "broker/_builtin.ts": /^\.\.\/plugins\/\w+\.ts$/,
  "broker/_load_plugins.ts": /^what it finds$/,
};

/** What ties a file to a machine, to the time or to chance, and why. */
const exceptions: Record<string, Record<string, string>> = {
  "broker/_acceptor.ts": {
    setTimeout: "pauses when the system has no more sockets",
    clearTimeout: "farewells take so long",
  },
  "broker/_certificate.ts": { Date: "the form of a time" },
  "broker/_connect.ts": {
    crypto: "client identifiers that nobody else has",
  },
  "broker/_certificate_path.ts": { Date: "the form of a time" },
  "broker/_tls_handshake.ts": { Date: "whether a certificate has expired" },
  "broker/_tls_files.ts": {
    Date: "the form of a time",
    "Deno.readTextFile": "reads certificates and keys",
    "Deno.readDir": "reads a folder of certificates",
    "Deno.errors": "says why it could not",
  },
  "broker/_tls_self_test.ts": {
    setTimeout: "a runtime that does not answer",
    clearTimeout: "the same",
  },
  "broker/_upgrade.ts": {
    "Deno.upgradeWebSocket": "makes a WebSocket of a request",
    "Deno.errors": "what listeners say when they are closed",
  },
  "broker/_websocket_handshake.ts": { crypto: "a digest of the handshake" },
  "broker/_sqlite_file.ts": {
    "Deno.openSync": "makes a file that others may not read",
    "Deno.errors": "whether it is there already",
    process: "gives modules of Node.js to who needs them",
  },
  "broker/_sqlite_metrics.ts": {
    "Deno.statSync": "the size of a store",
    performance: "how long a commit takes",
  },
  "broker/sqlite_store.ts": { performance: "whether it has rested for long" },
  "broker/_sqlite_check.ts": { "Deno.statSync": "the size of a store" },
  "broker/_sqlite_reader.ts": {
    "Deno.statSync": "a file that is not there is not made",
    "Deno.errors": "whether it is there",
    process: "gives modules of Node.js to who needs them",
  },
  "broker/store_upkeep.ts": {
    "Deno.makeTempDirSync": "a copy to look at",
    "Deno.openSync": "a file that others may not read, and that is on the disk",
    "Deno.renameSync": "a file is there as a whole or not at all",
    "Deno.removeSync": "what was begun and is not needed",
    "Deno.statSync": "the size of a store",
    "Deno.lstatSync": "what is there is not replaced",
    "Deno.errors": "whether it is there",
  },
  "broker/broker.ts": {
    Date: "whether certificates have expired",
    performance: "the clock where none is passed in; how long loading takes",
    setInterval: "the one sweep",
    clearInterval: "the one sweep",
  },
  "broker/_memory.ts": {
    "Deno.memoryUsage": "how much memory is in use",
  },
  "broker/_rounds.ts": {
    setImmediate: "counts rounds of the event loop",
  },
  "broker/_throttle.ts": {
    setInterval: "looks at who sends too fast, while somebody does",
    clearInterval: "the same",
  },
  "broker/_within.ts": {
    setTimeout: "how long is waited at most",
    clearTimeout: "the same",
  },
  "broker/_pause.ts": {
    setTimeout: "lets others have their turn",
  },
  "broker/listen.ts": {
    "Deno.listen": "opens the broker's sockets",
    "Deno.connect": "whether anybody listens on a Unix socket",
    "Deno.lstat": "the file of a Unix socket",
    "Deno.remove": "the file of a Unix socket that nobody listens on",
    "Deno.errors": "says why it could not",
  },
  "client/scram.ts": { crypto: "whether there is any" },
  "client/_connect.ts": {
    crypto: "client identifiers that nobody else has",
  },
  "client/_inquiries.ts": {
    crypto: "response topics and Correlation Data that nobody guesses",
  },
  "client/_link.ts": {
    "Math.random": "clients do not return all at once",
  },
  "client/clock.ts": {
    performance: "the clock where none is passed in",
    setTimeout: "the clock where none is passed in",
    clearTimeout: "the clock where none is passed in",
  },
  "codec/_scram_keys.ts": {
    crypto: "digests of an exchange, and what nobody foresees in it",
  },
  "broker/_console_logger.ts": {
    console: "warnings and errors where no logger is passed",
  },
  "broker/yaml_file.ts": {
    "Deno.readFile": "reads a configuration file",
    "Deno.errors": "says why it cannot be read",
  },
  "client/_builtin.ts": {
    globalThis: "whether there are modules of Node.js",
    process: "gives them",
  },
  "client/_standard_websocket.ts": { WebSocket: "all that a browser has" },
  "client/_websocket.ts": { crypto: "the masks of frames" },
  "client/_websocket_handshake.ts": { crypto: "keys, and what answers them" },
  "client/dial.ts": {
    Deno: "whether this is Deno",
    "Deno.connect": "opens the client's sockets",
  },
  "codec/websocket.ts": {
    setTimeout: "a WebSocket does not tell when it has sent what waits",
    clearTimeout: "the same",
  },
  "cli/_broker.ts": {
    "Deno.build": "the signals of the system",
    "Deno.addSignalListener": "stops the broker",
    "Deno.exit": "for who does not want to wait for the shutdown",
    performance: "tells a repeated signal from another one",
  },
  "cli/_log.ts": {
    "Deno.stderr": "where the log goes",
    Date: "the time of a line",
  },
  "cli/_passwd.ts": {
    "Deno.chmod": "keeps the mode of a password file",
    "Deno.chown": "keeps the owner of a password file",
    "Deno.errors": "says why a password file could not be read",
    "Deno.lstat": "whether a password file is there",
    "Deno.makeTempFile": "replaces a password file in one go",
    "Deno.open": "has a password file on the disk",
    "Deno.readFile": "reads a password file",
    "Deno.realPath": "a link to a password file stays one",
    "Deno.remove": "replaces a password file in one go",
    "Deno.rename": "replaces a password file in one go",
    "Deno.stat": "keeps the mode of a password file",
    "Deno.writeTextFile": "writes a password file",
  },
  "cli/_json_line.ts": { Date: "writes a time" },
  "cli/_rr_run.ts": {
    crypto: "Correlation Data that nobody guesses",
    "Deno.errors": "nobody reads the output any more",
  },
  "cli/_strftime.ts": { Date: "takes a time apart" },
  "cli/_sub_run.ts": { "Deno.errors": "nobody reads the output any more" },
  "cli/_terminal.ts": {
    "Deno.addSignalListener": "interrupts a command",
    "Deno.removeSignalListener": "interrupts a command",
    "Deno.build": "the signals of the system",
    "Deno.open": "reads what is to be published",
    "Deno.stdin": "reads what is to be published",
    "Deno.stdout": "writes messages",
    "Deno.stderr": "writes errors",
    "Deno.errors": "nobody reads the output any more",
    "Deno.noColor": "whether colours are wanted",
    "Deno.consoleSize": "how wide a line may be",
    "Deno.pid": "part of a client identifier",
    "Deno.hostname": "part of a client identifier",
    "Deno.permissions": "whether the machine's name may be known",
    "Math.random": "leaves messages out by chance",
    Temporal: "what time it is",
    setTimeout: "waits",
    clearTimeout: "waits",
  },
  "plugins/_argon2.ts": { crypto: "Argon2id" },
  "plugins/_hash.ts": { crypto: "salts" },
  "plugins/_hash_worker.ts": { globalThis: "the scope of a worker" },
  "plugins/_hash_workers.ts": { Worker: "threads for hashes" },
  "plugins/_slices.ts": {
    performance: "the length of a slice",
    setTimeout: "lets others have their turn between two slices",
  },
  "plugins/_user_file.ts": {
    "Deno.readFile": "the password file",
    "Deno.stat": "whether the password file has changed",
  },
  "plugins/broker_sys.ts": {
    Date: "the time of day where none is passed in",
    "Deno.memoryUsage": "the memory of the broker",
  },
  "cli/ambermq_pub.ts": {
    "Deno.exit": "a program",
    "Deno.args": "a program",
  },
  "cli/ambermq_sub.ts": {
    "Deno.exit": "a program",
    "Deno.args": "a program",
  },
  "cli/conformance/_link.ts": {
    setTimeout: "how long to wait for an answer",
    clearTimeout: "how long to wait for an answer",
  },
  "cli/conformance/_websocket_wire.ts": {
    setTimeout: "a server that does not answer the handshake",
    clearTimeout: "when it has answered",
  },
  "cli/conformance/_run.ts": {
    crypto: "identifiers and topics that nobody else has",
    performance: "how long a check takes",
  },
  "cli/mod.ts": { "Deno.exit": "a program", "Deno.args": "a program" },
};

/** Programs that are compiled but not exported. */
const programs = ["cli/ambermq_pub.ts", "cli/ambermq_sub.ts"];

/** What a source imports, but for what it imports on demand. */
function imports(path: string): string[] {
  const later = onDemand[path];
  return sourceOf(path).imports.filter((one) => !later?.test(one));
}

/** Imports of a source that lead to others of the project. */
function internal(path: string): string[] {
  return imports(path).map((one) => resolve(path, one))
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
      const bare = imports(path).filter((one) => !one.startsWith("."));
      const names = bare.map((one) => one.split("/").slice(0, 2).join("/"));
      const allowed = packages[folder] ?? [];
      const wrong = names.filter((name) =>
        !allowed.includes(name) ||
        !(name.startsWith("node:") || Object.hasOwn(config.imports, name))
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
  "tests/plugins tests/conformance", // the same
  "tests/docs tests/conformance", // the same
  "tests/acceptance tests/conformance", // the same
  "tests/docs tests/plugins", // a logger
  "tests/docs tests/cli", // a terminal
  "tests/docs cli", // the flags that command lines in documents have
  // What is fuzzed, what makes it, and a broker in memory.
  ...["broker", "cli", "client", "codec", "plugins"]
    .map((folder) => `tests/fuzz ${folder}`),
  ...["broker", "codec", "conformance"]
    .map((folder) => `tests/fuzz tests/${folder}`),
  "tools tools/soak", // its parts
  "tests/tools tools/soak", // the same
  "tools tools/suites", // the same
  "tests/tools tools/suites", // the same
  "tools/soak bench", // what a process uses
  "tools/soak tests", // a broker as a process
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

/** Sources that are threads of their own: a URL names them. */
const threads = ["plugins/_hash_worker.ts"];

Deno.test("every source is reached from an entry point", () => {
  const reached = new Set<string>();
  const visit = (path: string): void => {
    if (reached.has(path)) return;
    reached.add(path);
    for (const specifier of sourceOf(path).imports) {
      const next = resolve(path, specifier);
      if (next.endsWith(".ts")) visit(next);
    }
  };
  const entries = Object.values(config.exports)
    .map((path) => path.replace("./", ""));
  for (const path of [...entries, ...programs, ...threads]) visit(path);
  assertEquals(sources().filter((path) => !reached.has(path)), []);
});

Deno.test("every file without an underscore is public: its folder's mod.ts exports it, or deno.json", () => {
  for (const folder of folders) {
    if (folder.startsWith("cli")) continue; // a program
    const mod = `${folder}/mod.ts`;
    const exported = sourceOf(mod).reexports.map((one) => resolve(mod, one));
    const expected = filesIn(folder).filter((path) =>
      !nameOf(path).startsWith("_") && path !== mod &&
      !Object.values(config.exports).includes(`./${path}`)
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

/** A WebSocket's state has to be looked at again; SCRAM needs cryptography. */
const worldly = ["codec/websocket.ts", "codec/_scram_keys.ts"];

Deno.test("codec uses nothing of the world at all, with two exceptions", () => {
  for (const path of filesIn("codec")) {
    if (worldly.includes(path)) continue;
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
    filesIn("tests", true)
      .filter((path) => /_(?:test|contract)\.ts$/.test(path))
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

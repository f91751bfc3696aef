/**
 * Modules of Node.js, which Deno has too. They are asked for at run time: the
 * same file has to load in a browser, where an import of them would fail.
 */

/** The modules that the client uses, by their names. */
interface Modules {
  "node:crypto": typeof import("node:crypto");
  "node:fs/promises": typeof import("node:fs/promises");
  "node:net": typeof import("node:net");
  "node:tls": typeof import("node:tls");
}

interface Runtime {
  readonly process?: {
    getBuiltinModule?<Name extends keyof Modules>(name: Name): Modules[Name];
  };
}

/** Whether there are such modules, and sockets with them. */
export function hasBuiltins(): boolean {
  return (globalThis as Runtime).process?.getBuiltinModule !== undefined;
}

/**
 * A module of Node.js.
 *
 * @throws {TypeError} If this is no Deno, and no Node.js from 20.16 on.
 */
export function builtin<Name extends keyof Modules>(name: Name): Modules[Name] {
  const { process } = globalThis as Runtime;
  if (process?.getBuiltinModule === undefined) {
    throw new TypeError(
      "Cannot use mqtt:// and mqtts:// here: a browser has only ws:// and " +
        "wss://, and Node.js has all of them from 20.16 on",
    );
  }
  return process.getBuiltinModule(name);
}

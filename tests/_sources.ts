/** What the sources consist of: files, imports, and what they use. */

/** The folder of the project. */
export const root = new URL("../", import.meta.url);

/** The folders whose files are the product; `mod.ts` is beside them. */
export const folders = [
  ...["broker", "cli", "cli/conformance", "client", "codec", "plugins"],
] as const;

/** The TypeScript files in a folder, by their path from the project's. */
export function filesIn(folder: string, deep = false): string[] {
  const files: string[] = [];
  for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, root))) {
    const path = `${folder}/${name}`;
    if (isDirectory && deep) files.push(...filesIn(path, true));
    if (name.endsWith(".ts")) files.push(path);
  }
  return files.sort();
}

export function textOf(path: string): string {
  return Deno.readTextFileSync(new URL(path, root));
}

/** All sources of the product. */
export function sources(): string[] {
  return ["mod.ts", ...folders.flatMap((folder) => filesIn(folder))];
}

/** Globals that tie a file to a machine, to the time or to chance. */
const watched = [
  ...["Deno", "process", "Buffer", "globalThis", "self", "navigator"],
  ...["setTimeout", "setInterval", "clearTimeout", "clearInterval"],
  ...["setImmediate", "Date", "Temporal", "performance", "crypto"],
  ...["console", "alert", "confirm", "prompt", "localStorage", "fetch"],
  ...["WebSocket", "WebSocketStream", "Worker", "BroadcastChannel", "eval"],
];

/** A file, read once. */
export interface Source {
  /** What it imports or exports from, types and dynamic imports too. */
  readonly imports: readonly string[];
  /** What it exports from. */
  readonly reexports: readonly string[];
  /** Whether it is nothing but re-exports. */
  readonly onlyReexports: boolean;
  /** Whether there is nothing of it at run time. */
  readonly onlyTypes: boolean;
  readonly defaultExport: boolean;
  /** Uses of watched globals, as `setTimeout` or `Deno.listen`. */
  readonly globals: ReadonlySet<string>;
  readonly comments: readonly string[];
  /** Texts in quotes, and the fixed parts of templates. */
  readonly strings: readonly string[];
}

const known = new Map<string, Source>();

/** Reads a file with the parser of `deno lint`. */
export function sourceOf(path: string): Source {
  const before = known.get(path);
  if (before !== undefined) return before;
  const imports: string[] = [];
  const reexports: string[] = [];
  const globals = new Set<string>();
  const comments: string[] = [];
  const strings: string[] = [];
  let onlyReexports = true;
  let onlyTypes = true;
  let defaultExport = false;
  const scan: Deno.lint.Rule = {
    create: ({ sourceCode }) => ({
      Program({ body }) {
        comments.push(
          ...sourceCode.getAllComments().map(({ value }) => value),
        );
        onlyReexports = body.every((one) =>
          one.type === "ExportAllDeclaration" ||
          (one.type === "ExportNamedDeclaration" && one.source !== null)
        );
        onlyTypes = body.every((one) => isType(one));
      },
      ImportDeclaration: ({ source }) => void imports.push(source.value),
      ExportAllDeclaration: ({ source }) => void reexports.push(source.value),
      ExportNamedDeclaration({ source }) {
        if (source) reexports.push(source.value);
      },
      ExportDefaultDeclaration: () => void (defaultExport = true),
      ImportExpression: ({ source }) =>
        void imports.push(
          source.type === "Literal" ? String(source.value) : "what it finds",
        ),
      TSImportType: ({ argument }) =>
        void imports.push(argumentOf(argument) ?? "what it finds"),
      Literal: ({ value }) => {
        if (typeof value === "string") strings.push(value);
      },
      TemplateElement: ({ cooked }) => void strings.push(cooked),
      Identifier(node) {
        if (watched.includes(node.name) && isGlobal(node)) {
          globals.add(memberOf(node));
        }
      },
      // Math is harmless but for one function.
      "MemberExpression[object.name='Math'][property.name='random']": () =>
        void globals.add("Math.random"),
    }),
  };
  Deno.lint.runPlugin(
    { name: "scan", rules: { scan } },
    path,
    textOf(path),
  );
  const source: Source = {
    imports: [...imports, ...reexports],
    reexports,
    onlyReexports,
    onlyTypes,
    defaultExport,
    globals,
    comments,
    strings,
  };
  known.set(path, source);
  return source;
}

/** Whether a statement is gone when it is compiled. */
function isType(statement: Deno.lint.Statement): boolean {
  switch (statement.type) {
    case "TSInterfaceDeclaration":
    case "TSTypeAliasDeclaration":
      return true;
    case "ImportDeclaration":
      return statement.importKind === "type";
    case "ExportNamedDeclaration":
      return statement.exportKind === "type" ||
        (statement.declaration !== null &&
          isType(statement.declaration as Deno.lint.Statement));
    default:
      return false;
  }
}

/** `import("./x.ts").Type`: the literal, as itself or wrapped as a type. */
function argumentOf(argument: unknown): string | undefined {
  const { value, literal } = argument as {
    value?: unknown;
    literal?: { value?: unknown };
  };
  const found = value ?? literal?.value;
  return typeof found === "string" ? found : undefined;
}

/** Whether it is a use, not somebody's property or a mere type of it. */
function isGlobal(node: Deno.lint.Identifier): boolean {
  const { parent } = node as { parent: { type: string } };
  const { property, key, computed, shorthand } = parent as {
    property?: unknown;
    key?: unknown;
    computed?: boolean;
    shorthand?: boolean;
  };
  if (parent.type === "TSTypeQuery") return false;
  if (parent.type === "TSQualifiedName") return false;
  const isName = property === node || key === node;
  return !isName || computed === true || shorthand === true;
}

/** `Deno` with what is taken of it; all others by themselves. */
function memberOf(node: Deno.lint.Identifier): string {
  if (node.name !== "Deno") return node.name;
  const { parent } = node as { parent: { type: string } };
  const { object, property } = parent as {
    object?: unknown;
    property?: { name?: string };
  };
  return object === node ? `Deno.${property?.name}` : "Deno";
}

/** Where an import leads, from the project's folder; as it is if outside. */
export function resolve(from: string, specifier: string): string {
  if (!specifier.startsWith(".")) return specifier;
  const { href } = new URL(specifier, new URL(from, root));
  return href.startsWith(root.href) ? href.slice(root.href.length) : href;
}

/** The folder of a path from the project's folder; empty for the top. */
export function folderOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
}

/** The file's own name. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/**
 * Where in a YAML file every key stands: a pre-pass over the text, since the
 * parser of `@std/yaml` tells values and no positions.
 *
 * It knows block and flow collections, comments, quotes and block scalars, as
 * far as it takes to find keys. What it does not find has the place of what it
 * stands in; whether the text is YAML at all is for the parser to say.
 */

/** A place in a file; both from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** A key or an item of a list, and what stands in it. */
export interface Outline {
  readonly path: readonly string[];
  /** Where its text begins, in UTF-16 units. */
  readonly offset: number;
  /** Keys as they are written; items by their index. */
  readonly children: Map<string, Outline>;
}

/** A key that stands a second time in the same mapping. */
export interface Duplicate {
  readonly first: Outline;
  readonly again: Outline;
}

/** What the pre-pass finds. */
export interface Scan {
  readonly root: Outline;
  readonly duplicates: readonly Duplicate[];
  /** Where the first tab is that indents a line. */
  readonly tab: number | undefined;
}

/** The line and column of an offset. */
export function placeOf(text: string, offset: number): Place {
  const before = text.slice(0, offset);
  const line = before.split("\n").length;
  return { line, column: offset - before.lastIndexOf("\n") };
}

/** Collections in collections that nobody writes. */
const DEEPEST = 100;

/**
 * Finds the keys of a text.
 *
 * @throws {RangeError} If it is nested too deep.
 */
export function scanYaml(text: string): Scan {
  return new Scanner(text).run();
}

/** A block collection that lines may still add to. */
interface Open {
  readonly kind: "map" | "list" | "document";
  /** Columns in front of its entries. */
  readonly indent: number;
  readonly node: Outline;
  /** Its latest entry: what is indented deeper stands in it. */
  last: Outline;
}

const ITEM = /-(?=\s|$)/y;
const KEY =
  /("(?:[^"\\\n]|\\.)*"|'(?:[^'\n]|'')*'|(?:[^\s#"'\[\]{},&*!|>%@`?-]|[-?](?=\S))[^\n]*?)[ \t]*:(?=\s|$)/y;
const QUOTED = /"(?:[^"\\]|\\[^])*"?|'(?:[^']|'')*'?/y;
const PROPERTIES = /[ \t]*(?:[&!]\S*[ \t]*)*/y;
const SPACE = /(?:\s|(?<=\s)#.*)*/y;
const FLOW_PLAIN = /(?:[^,\[\]{}:#\n]|:(?![\s,\[\]{}])|(?<=\S)#)+/y;

class Scanner {
  readonly #text: string;
  readonly #open: Open[];
  readonly #root: Outline = { path: [], offset: 0, children: new Map() };
  readonly #duplicates: Duplicate[] = [];
  #tab: number | undefined;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    const last = this.#root;
    this.#open = [{ kind: "document", indent: -1, node: last, last }];
  }

  run(): Scan {
    this.#take(/\ufeff/y);
    while (this.#at < this.#text.length) {
      const start = this.#at;
      this.#take(/ */y);
      if (/^\t[ \t]*[^\s#]/.test(this.#text.slice(this.#at, this.#at + 100))) {
        this.#tab ??= this.#at;
      }
      this.#line(start);
      this.#take(/[^\n]*\n?/y);
    }
    return {
      root: this.#root,
      duplicates: this.#duplicates,
      tab: this.#tab,
    };
  }

  /** What begins in a line: items, a key, and their value. */
  #line(start: number): void {
    let indent = this.#at - start;
    while (this.#take(ITEM) !== undefined) {
      const list = this.#collection("list", indent);
      list.last = this.#add(list.node, undefined, start + indent);
      this.#take(/[ \t]*/y);
      indent = this.#at - start;
    }
    const begin = this.#at;
    const key = this.#take(KEY);
    if (key !== undefined) {
      const map = this.#collection("map", indent);
      const name = unquote(key.slice(0, -1).trimEnd());
      map.last = this.#add(map.node, name, begin);
    }
    const { indent: column, last } = this.#open.at(-1)!;
    this.#take(PROPERTIES);
    if (/[|>]/.test(this.#next)) this.#blockScalar(column);
    else if (/[\[{]/.test(this.#next)) this.#flow(last);
    else this.#take(QUOTED);
  }

  /** The collection that an entry at this column belongs to. */
  #collection(kind: "map" | "list", indent: number): Open {
    const ended = ({ indent: own, kind: ownKind }: Open): boolean =>
      own > indent || (own === indent && ownKind === "list" && kind === "map");
    while (ended(this.#open.at(-1)!)) this.#open.pop();
    const top = this.#open.at(-1)!;
    // A list may begin at the column of the key that it belongs to.
    if (top.indent === indent && top.kind === kind) return top;
    const inner = { kind, indent, node: top.last, last: top.last };
    this.#open.push(inner);
    return inner;
  }

  /** Skips the lines of a text that is indented deeper than its key. */
  #blockScalar(indent: number): void {
    this.#take(/[^\n]*\n?/y);
    this.#take(
      new RegExp(`(?:[ \\t]*\\r?\\n| {${indent + 1}}[^\\n]*\\n?)*`, "y"),
    );
    this.#at--; // the line end is taken by who reads lines
  }

  /** A collection in brackets. */
  #flow(node: Outline): void {
    const isList = this.#next === "[";
    this.#at++;
    for (;;) {
      this.#take(SPACE);
      const begin = this.#at;
      if (/[\[{]/.test(this.#next)) {
        this.#flow(this.#add(node, isList ? undefined : "", begin));
        continue;
      }
      const text = this.#take(QUOTED) ?? this.#take(FLOW_PLAIN);
      if (text === undefined) {
        const end = this.#next;
        this.#at++;
        if (end !== "," && end !== ":") return;
        continue;
      }
      this.#take(SPACE);
      const isKey = this.#next === ":";
      if (isKey && !isList) {
        const own = this.#add(node, unquote(text.trim()), begin);
        this.#at++;
        this.#take(SPACE);
        this.#take(PROPERTIES);
        if (/[\[{]/.test(this.#next)) this.#flow(own);
        else this.#take(QUOTED) ?? this.#take(FLOW_PLAIN);
      } else if (isList) {
        this.#add(node, undefined, begin);
      }
    }
  }

  /** Adds an entry: a key, or the next item. */
  #add(node: Outline, key: string | undefined, offset: number): Outline {
    if (node.path.length >= DEEPEST) throw new RangeError("nested too deep");
    const name = key ?? String(node.children.size);
    const added: Outline = {
      path: [...node.path, name],
      offset,
      children: new Map(),
    };
    const first = node.children.get(name);
    if (first !== undefined) this.#duplicates.push({ first, again: added });
    node.children.set(name, added);
    return added;
  }

  get #next(): string {
    return this.#text[this.#at] ?? "";
  }

  /** What stands here, if it is like this; it is behind us then. */
  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text)?.[0];
    if (match === undefined) return undefined;
    this.#at += match.length;
    return match;
  }
}

function unquote(text: string): string {
  if (text.startsWith("'")) return text.slice(1, -1).replaceAll("''", "'");
  if (!text.startsWith('"')) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text.slice(1, -1);
  }
}

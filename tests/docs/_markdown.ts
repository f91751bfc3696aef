/** The documents of the project, and what stands in them. */

import { root } from "../_sources.ts";

/** A piece of code between fences. */
export interface Block {
  /** `file:line` of its first line, for messages. */
  readonly where: string;
  /** The language: the first word behind the opening fence. */
  readonly language: string;
  /** The other words behind the opening fence. */
  readonly marks: readonly string[];
  readonly text: string;
}

/** Something that leads somewhere. */
export interface Link {
  /** `file:line`, for messages. */
  readonly where: string;
  readonly target: string;
}

/** One document. */
export interface Document {
  /** Its path from the folder of the project. */
  readonly path: string;
  readonly blocks: readonly Block[];
  readonly links: readonly Link[];
  /** What `#…` can lead to. */
  readonly anchors: ReadonlySet<string>;
}

/** `](target)` of links and pictures, and `[name]: target`. */
const LINK = /(?:\]\(|^\[[^\]]+\]: +)<?([^)\s>]+)/g;

/** Folders with documents of others, or with none. */
const skipped = [".git", "coverage", "dist", "node_modules", "vendor"];

/** All documents of the project. */
export const documents: readonly Document[] = paths("").map((path) =>
  readDocument(path, Deno.readTextFileSync(new URL(path, root)))
);

function paths(folder: string): string[] {
  const found: string[] = [];
  for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, root))) {
    if (isDirectory && !skipped.includes(name)) {
      found.push(...paths(`${folder}${name}/`));
    }
    if (name.endsWith(".md")) found.push(folder + name);
  }
  return found.sort();
}

/** Takes a document apart. */
export function readDocument(path: string, text: string): Document {
  const blocks: Block[] = [];
  const links: Link[] = [];
  const anchors = new Set<string>();
  const lines = text.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const where = `${path}:${i + 1}`;
    const fence = /^ *(`{3,}|~{3,})(.*)$/.exec(lines[i]!);
    if (fence !== null) {
      const [, open, info] = fence;
      const [language = "", ...marks] = info!.trim().split(/\s+/);
      const code: string[] = [];
      while (++i < lines.length && lines[i]!.trim() !== open) {
        code.push(`${lines[i]}\n`);
      }
      blocks.push({ where, language, marks, text: code.join("") });
      continue;
    }
    const line = lines[i]!;
    const [, heading] = /^#+ +(.*)$/.exec(line) ?? [];
    if (heading !== undefined) anchors.add(newAnchor(heading, anchors));
    for (const [, target] of withoutCode(line).matchAll(LINK)) {
      links.push({ where, target: target! });
    }
  }
  return { path, blocks, links, anchors };
}

function withoutCode(line: string): string {
  return line.replace(/`[^`]*`/g, "");
}

/** What GitHub makes of a heading. */
function newAnchor(heading: string, taken: ReadonlySet<string>): string {
  const name = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, "").trim()
    .replaceAll(/\s/g, "-");
  let anchor = name;
  for (let n = 1; taken.has(anchor); n++) anchor = `${name}-${n}`;
  return anchor;
}

/** The blocks of a language in all documents. */
export function blocksOf(language: string): Block[] {
  return documents.flatMap(({ blocks }) =>
    blocks.filter((block) => block.language === language)
  );
}

/** Links between the documents lead somewhere. */

import { assertEquals } from "@std/assert";
import { root } from "../_sources.ts";
import { type Document, documents, readDocument } from "./_markdown.ts";

/** The links of a document that lead nowhere. */
function broken(
  { path, links, anchors }: Document,
  anchorsOf: (path: string) => ReadonlySet<string> | undefined,
): string[] {
  return links.filter(({ target }) => {
    if (/^[a-z]+:/.test(target)) return false;
    const [file, anchor] = target.split("#");
    const base = new URL(path, root);
    const { href } = file === "" ? base : new URL(file!, base);
    const to = decodeURIComponent(href.slice(root.href.length));
    if (!exists(new URL(href))) return true;
    if (anchor === undefined) return false;
    const there = file === "" ? anchors : anchorsOf(to);
    return there !== undefined && !there.has(anchor);
  }).map(({ where, target }) => `${where}: ${target}`);
}

function exists(url: URL): boolean {
  try {
    Deno.statSync(url);
    return true;
  } catch {
    return false;
  }
}

for (const document of documents) {
  Deno.test(`links of ${document.path} lead somewhere`, () => {
    const anchorsOf = (path: string) =>
      documents.find((one) => one.path === path)?.anchors;
    assertEquals(broken(document, anchorsOf), []);
  });
}

Deno.test("links that lead nowhere are found", () => {
  const text = `# One & two
[good](#one--two) [bad](#three) [file](./README.md) [none](./NOTHING.md)
[wrong anchor](README.md#nothing) \`[code](nothing.md)\`
`;
  const document = readDocument("README.md", text);
  assertEquals(broken(document, () => new Set()), [
    "README.md:2: #three",
    "README.md:2: ./NOTHING.md",
    "README.md:3: README.md#nothing",
  ]);
});

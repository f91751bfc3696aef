import { assertEquals, assertStrictEquals } from "@std/assert";
import { TopicNode } from "../../broker/_topic_tree.ts";
import { withSeeds } from "../_random.ts";

/** The paths below a node, and what they hold. */
function contents(node: TopicNode<string>): [string, string | undefined][] {
  const found: [string, string | undefined][] = [];
  const visit = (at: TopicNode<string>, path: string): void => {
    found.push([path, at.value]);
    const children = [...at.children?.values() ?? [], at.any, at.rest];
    for (const child of children) {
      if (child !== undefined) visit(child, `${path}/${child.level}`);
    }
  };
  visit(node, "");
  return found;
}

/** Whether there is nothing below a root. */
function isPruned(root: TopicNode<string>): boolean {
  return root.children === undefined && root.any === undefined &&
    root.rest === undefined;
}

Deno.test("topic tree finds a node only after it was reached", () => {
  const root = new TopicNode<string>();
  assertEquals(root.find("a/b"), undefined);
  const node = root.reach("a/b");
  assertStrictEquals(root.reach("a/b"), node);
  assertStrictEquals(root.find("a/b"), node);
  assertStrictEquals(root.find("a"), node.parent);
  assertEquals([node.level, node.parent?.level], ["b", "a"]);
  assertEquals(root.find("a/b/c"), undefined);
});

Deno.test("topic tree takes levels as they are, empty ones and odd ones too", () => {
  const root = new TopicNode<string>();
  const paths = [
    "",
    "/",
    "//",
    "a",
    "a/",
    "/a",
    "+",
    "#",
    "+/#",
    "a+",
    "__proto__",
  ];
  for (const path of paths) root.reach(path).value = path;
  for (const path of paths) assertEquals(root.find(path)?.value, path);
});

Deno.test("topic tree keeps + and # apart from other levels", () => {
  const root = new TopicNode<string>();
  const any = root.reach("a/+");
  const rest = root.reach("a/#");
  const node = root.find("a")!;
  assertStrictEquals(node.any, any);
  assertStrictEquals(node.rest, rest);
  assertEquals(node.children, undefined);
});

Deno.test("topic tree keeps nodes above and below one that is cleared", () => {
  const root = new TopicNode<string>();
  for (const path of ["a", "a/b", "a/b/c"]) root.reach(path).value = path;
  root.find("a/b")!.clear();
  assertEquals(contents(root), [
    ["", undefined],
    ["/a", "a"],
    ["/a/b", undefined],
    ["/a/b/c", "a/b/c"],
  ]);
  root.find("a/b/c")!.clear();
  assertEquals(contents(root), [["", undefined], ["/a", "a"]]);
  root.find("a")!.clear();
  assertEquals(isPruned(root), true);
});

Deno.test("topic tree holds what was put in and no empty branch, whatever the order", () => {
  withSeeds(50, (random) => {
    const root = new TopicNode<string>();
    const model = new Map<string, string>();
    const path = () =>
      random.array(random.integer(1, 4), () => random.pick(["a", "b", "", "+"]))
        .concat(random.percent(20) ? ["#"] : []).join("/");
    for (let step = 0; step < 200; step++) {
      const at = path();
      if (random.percent(60)) {
        root.reach(at).value = at;
        model.set(at, at);
      } else if (model.delete(at)) {
        root.find(at)!.clear();
      }
      assertEquals(root.find(at)?.value, model.get(at));
    }
    const leaves = contents(root).filter(([, value]) => value !== undefined);
    assertEquals(leaves.length, model.size);
    // every node has a value or leads to one
    const values = [...model.keys()].map((path) => `/${path}/`);
    for (const [path] of contents(root).slice(1)) {
      const needed = values.some((value) => value.startsWith(`${path}/`));
      assertEquals(needed, true, path);
    }
    for (const path of model.keys()) root.find(path)!.clear();
    assertEquals(isPruned(root), true);
  });
});

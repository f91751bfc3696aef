/**
 * A tree of topic levels, shared by the subscriptions (nodes are filters) and
 * the retained messages (nodes are topics). It grows by use and is pruned.
 */

export class TopicNode<T> {
  readonly parent: TopicNode<T> | undefined;
  readonly level: string;
  children: Map<string, TopicNode<T>> | undefined;
  value: T | undefined;

  constructor(parent?: TopicNode<T>, level = "") {
    this.parent = parent;
    this.level = level;
  }

  /** The node below with this path of levels. */
  find(path: string): TopicNode<T> | undefined {
    let at: TopicNode<T> | undefined = this as TopicNode<T>;
    for (const level of path.split("/")) {
      at = at.children?.get(level);
      if (at === undefined) return undefined;
    }
    return at;
  }

  /** The node below with this path of levels, made if it is not there. */
  reach(path: string): TopicNode<T> {
    let at: TopicNode<T> = this as TopicNode<T>;
    for (const level of path.split("/")) {
      at.children ??= new Map();
      let child = at.children.get(level);
      if (child === undefined) {
        child = new TopicNode(at, level);
        at.children.set(level, child);
      }
      at = child;
    }
    return at;
  }

  /** Takes the value away, and the nodes that nothing needs any more. */
  clear(): void {
    this.value = undefined;
    let at: TopicNode<T> = this as TopicNode<T>;
    while (
      at.parent !== undefined && at.value === undefined &&
      (at.children === undefined || at.children.size === 0)
    ) {
      at.parent.children!.delete(at.level);
      at = at.parent;
    }
  }
}

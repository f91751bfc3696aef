/**
 * A tree of topic levels, shared by the subscriptions (nodes are filters) and
 * the retained messages (nodes are topics). It grows by use and is pruned.
 */

export class TopicNode<T> {
  readonly parent: TopicNode<T> | undefined;
  readonly level: string;
  /** The child of the level `+`: asked for with every topic, so not in a map. */
  any: TopicNode<T> | undefined;
  /** The child of the level `#`. */
  rest: TopicNode<T> | undefined;
  /** All other children. */
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
      at = at.#child(level);
      if (at === undefined) return undefined;
    }
    return at;
  }

  /** The node below with this path of levels, made if it is not there. */
  reach(path: string): TopicNode<T> {
    let at: TopicNode<T> = this as TopicNode<T>;
    for (const level of path.split("/")) {
      at = at.#child(level) ?? at.#add(level);
    }
    return at;
  }

  /** Takes the value away, and the nodes that nothing needs any more. */
  clear(): void {
    this.value = undefined;
    let at: TopicNode<T> = this as TopicNode<T>;
    while (at.parent !== undefined && at.#idle) {
      at.parent.#remove(at.level);
      at = at.parent;
    }
  }

  get #idle(): boolean {
    return this.value === undefined && this.any === undefined &&
      this.rest === undefined && this.children === undefined;
  }

  #child(level: string): TopicNode<T> | undefined {
    if (level === "+") return this.any;
    if (level === "#") return this.rest;
    return this.children?.get(level);
  }

  #add(level: string): TopicNode<T> {
    const child = new TopicNode<T>(this, level);
    if (level === "+") this.any = child;
    else if (level === "#") this.rest = child;
    else (this.children ??= new Map()).set(level, child);
    return child;
  }

  #remove(level: string): void {
    if (level === "+") this.any = undefined;
    else if (level === "#") this.rest = undefined;
    else {
      this.children!.delete(level);
      if (this.children!.size === 0) this.children = undefined;
    }
  }
}

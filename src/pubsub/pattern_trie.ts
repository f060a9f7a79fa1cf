/**
 * Who wants which topics: a trie over the segments of patterns. `*` is one segment, `**` zero or more, at any
 * position. Matching walks all live positions side by side, so its cost depends on the topic and on the patterns that
 * agree with it so far, never on how many others there are.
 *
 * @module
 */

import type { Pattern, Topic } from "../names/mod.ts";

interface Branch<T> {
  /** Segment → branch; `*` and `**` are keys like any other, as no topic has them. */
  children: Map<string, Branch<T>> | undefined;
  /** Who wants what ends here. */
  members: Set<T> | undefined;
  readonly parent: Branch<T> | undefined;
  readonly segment: string;
}

/** Members by pattern. */
export class PatternTrie<T> {
  readonly #root: Branch<T> = { children: undefined, members: undefined, parent: undefined, segment: "" };
  #patterns = 0;

  /** How many distinct patterns are held. */
  get size(): number {
    return this.#patterns;
  }

  /** Adds `member` under `pattern`; false if it was there. */
  add(pattern: Pattern, member: T): boolean {
    let branch = this.#root;
    for (const segment of pattern.split(".")) {
      branch.children ??= new Map();
      let next = branch.children.get(segment);
      if (next === undefined) {
        next = { children: undefined, members: undefined, parent: branch, segment };
        branch.children.set(segment, next);
      }
      branch = next;
    }
    if (branch.members === undefined) {
      branch.members = new Set();
      this.#patterns++;
    }
    if (branch.members.has(member)) return false;
    branch.members.add(member);
    return true;
  }

  /** Takes `member` out from under `pattern`; false if it was not there. Empty branches go. */
  remove(pattern: Pattern, member: T): boolean {
    let branch: Branch<T> | undefined = this.#root;
    for (const segment of pattern.split(".")) {
      branch = branch.children?.get(segment);
      if (branch === undefined) return false;
    }
    if (branch.members === undefined || !branch.members.delete(member)) return false;
    if (branch.members.size === 0) {
      branch.members = undefined;
      this.#patterns--;
      prune(branch);
    }
    return true;
  }

  /** Every member whose pattern matches `topic`, once each, into `found`. */
  match(topic: Topic, found: Set<T>): Set<T> {
    let live = new Set<Branch<T>>();
    reach(this.#root, live);
    for (const segment of topic.split(".")) {
      const next = new Set<Branch<T>>();
      for (const branch of live) {
        if (branch.segment === "**") next.add(branch);
        const literal = branch.children?.get(segment), one = branch.children?.get("*");
        if (literal !== undefined) reach(literal, next);
        if (one !== undefined) reach(one, next);
      }
      if (next.size === 0) return found;
      live = next;
    }
    for (const branch of live) {
      if (branch.members !== undefined) { for (const member of branch.members) found.add(member); }
    }
    return found;
  }
}

/** A position, and those that a `**` below it reaches without a segment. */
function reach<T>(branch: Branch<T>, into: Set<Branch<T>>): void {
  for (let at: Branch<T> | undefined = branch; at !== undefined; at = at.children?.get("**")) into.add(at);
}

function prune<T>(branch: Branch<T>): void {
  let at = branch;
  while (at.parent !== undefined && at.members === undefined && (at.children?.size ?? 0) === 0) {
    at.parent.children!.delete(at.segment);
    at = at.parent;
  }
}

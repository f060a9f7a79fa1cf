/** A bounded number of patterns that stand for any number: when there are too many, the longest are widened. @module */

import type { Pattern } from "../../names/mod.ts";

/** What changes in the patterns that are stated. */
export interface Change {
  readonly added: readonly Pattern[];
  readonly removed: readonly Pattern[];
}

const NOTHING: Change = { added: [], removed: [] };
const REST = "**";

/**
 * Patterns and what is stated for them: the pattern itself, or a wider one that many share. A wider one brings events
 * that nobody here wants, which cost traffic and harm nobody. It stays until nothing is left under it.
 */
export class Widening {
  readonly #most: number;
  readonly #statedFor = new Map<Pattern, Pattern>();
  readonly #members = new Map<Pattern, Set<Pattern>>();
  readonly #wide = new Set<Pattern>();

  constructor({ patternsMax }: { readonly patternsMax: number }) {
    this.#most = patternsMax;
  }

  /** The patterns that are stated. */
  get stated(): Iterable<Pattern> {
    return this.#members.keys();
  }

  /** What is stated for a pattern. */
  statedFor(pattern: Pattern): Pattern | undefined {
    return this.#statedFor.get(pattern);
  }

  /** The patterns that a stated one stands for. */
  members(stated: Pattern): Iterable<Pattern> {
    return this.#members.get(stated) ?? [];
  }

  /** Adds a pattern. */
  add(pattern: Pattern): Change {
    if (this.#statedFor.has(pattern)) return NOTHING;
    const wide = this.#widerThan(pattern);
    if (wide !== undefined) {
      this.#move(pattern, wide);
      return NOTHING;
    }
    if (this.#members.size < this.#most) {
      this.#move(pattern, pattern);
      return { added: [pattern], removed: [] };
    }
    const before = new Set(this.#members.keys());
    this.#move(pattern, pattern);
    while (this.#members.size > this.#most) this.#widen();
    return difference(before, this.#members);
  }

  /** Takes a pattern out. */
  remove(pattern: Pattern): Change {
    const stated = this.#statedFor.get(pattern);
    if (stated === undefined) return NOTHING;
    this.#statedFor.delete(pattern);
    return this.#leave(pattern, stated) ? { added: [], removed: [stated] } : NOTHING;
  }

  #widerThan(pattern: Pattern): Pattern | undefined {
    if (this.#wide.size === 0) return undefined;
    const segments = literal(pattern);
    for (let length = segments.length; length >= 0; length--) {
      const wide = widened(segments, length);
      if (this.#wide.has(wide)) return wide;
    }
    return undefined;
  }

  /** Cuts the longest by one segment: those that then share a pattern, or all where none would. */
  #widen(): void {
    const depths = [...this.#members.keys()].map((stated) => literal(stated).length), deepest = Math.max(...depths);
    const groups = new Map<Pattern, Pattern[]>();
    [...this.#members.keys()].forEach((stated, i) => {
      if (depths[i] !== deepest) return;
      const wide = widened(literal(stated), deepest - 1), group = groups.get(wide);
      if (group === undefined) groups.set(wide, [stated]);
      else group.push(stated);
    });
    const someShare = [...groups].some(([wide, group]) => group.length > 1 || this.#members.has(wide));
    for (const [wide, group] of groups) {
      if (someShare && group.length === 1 && !this.#members.has(wide)) continue;
      this.#wide.add(wide);
      for (const stated of group) for (const member of [...this.members(stated)]) this.#move(member, wide);
    }
  }

  #move(pattern: Pattern, to: Pattern): void {
    const from = this.#statedFor.get(pattern);
    if (from !== undefined) this.#leave(pattern, from);
    this.#statedFor.set(pattern, to);
    const members = this.#members.get(to);
    if (members === undefined) this.#members.set(to, new Set([pattern]));
    else members.add(pattern);
  }

  /** Whether nothing is left under `stated`. */
  #leave(pattern: Pattern, stated: Pattern): boolean {
    const members = this.#members.get(stated)!;
    members.delete(pattern);
    if (members.size > 0) return false;
    this.#members.delete(stated);
    this.#wide.delete(stated);
    return true;
  }
}

/** The segments before a `**` at the end. */
function literal(pattern: Pattern): string[] {
  const segments = pattern.split(".");
  return segments.at(-1) === REST ? segments.slice(0, -1) : segments;
}

function widened(segments: readonly string[], length: number): Pattern {
  return [...segments.slice(0, length), REST].join(".") as Pattern;
}

function difference(before: ReadonlySet<Pattern>, after: ReadonlyMap<Pattern, unknown>): Change {
  const added = [...after.keys()].filter((pattern) => !before.has(pattern));
  return { added, removed: [...before].filter((pattern) => !after.has(pattern)) };
}

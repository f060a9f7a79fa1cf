/** Patterns: which topics somebody wants. @module */

import { ValidationError } from "../base/errors.ts";
import { lengthFault, quote, type Topic } from "./topic.ts";

declare const patternBrand: unique symbol;

/** A pattern: a topic in which a segment may be `*` (one segment) or `**` (zero or more). Every topic is a pattern. */
export type Pattern = string & { readonly [patternBrand]: true };

const SEGMENT = "(?:[A-Za-z0-9_-]+|\\*\\*?)";
const PATTERN = new RegExp(`^${SEGMENT}(?:\\.${SEGMENT})*$`);

/** The pattern that `text` means; `#` as the whole last segment is read as `**`. Throws `ValidationError`. */
export function parsePattern(text: string): Pattern {
  const pattern = hashToStars(text);
  const length = lengthFault(pattern);
  if (length !== undefined) throw new ValidationError(`Cannot use as a pattern: ${length}`);
  if (PATTERN.test(pattern)) return pattern as Pattern;
  throw new ValidationError(
    "Cannot use as a pattern: its segments are letters, digits, - and _, or a whole * or ** (# last), " +
      `joined by dots, got ${quote(text)}`,
  );
}

/** Whether `text` is a pattern as it is, with no `#` to be read as `**`. */
export function isPattern(text: string): text is Pattern {
  return lengthFault(text) === undefined && PATTERN.test(text);
}

/** Whether `pattern` has no wildcard, and so matches exactly the topic of the same text. */
export function isExact(pattern: Pattern): pattern is Pattern & Topic {
  return !pattern.includes("*");
}

/** Whether `topic` is one that `pattern` wants. At most (segments of one) × (segments of the other) comparisons. */
export function matches(pattern: Pattern, topic: Topic): boolean {
  if (!pattern.includes("*")) return (pattern as string) === topic;
  const wanted = pattern.split("."), given = topic.split(".");
  let w = 0, g = 0, afterStars = -1, resumeAt = 0;
  while (g < given.length) {
    const segment = wanted[w];
    if (segment === "**") {
      afterStars = ++w;
      resumeAt = g;
    } else if (segment === "*" || segment === given[g]) {
      w++;
      g++;
    } else if (afterStars >= 0) { // the last ** takes one segment more: earlier ones need never be reconsidered
      w = afterStars;
      g = ++resumeAt;
    } else {
      return false;
    }
  }
  while (wanted[w] === "**") w++;
  return w === wanted.length;
}

/**
 * Whether every topic that `inner` matches is matched by `outer`, too. Exact for topics of any length: the bounds of
 * length are left out, so a pattern near them may be told `false` where only an overlong topic would tell the two apart.
 */
export function contains(outer: Pattern, inner: Pattern): boolean {
  const o = anchors(outer), i = anchors(inner);
  // "**" alone would also match a topic of no segment, which does not exist.
  if (i.labels.length === 2 && i.gaps[0]!.atLeast && i.gaps[0]!.steps < 2) i.gaps[0]!.steps = 2;
  return embeds(o, i);
}

/** A pattern as its literal segments, with the distance from each to the next. */
interface Anchors {
  /** The start, the literals, the end. */
  readonly labels: string[];
  /** `gaps[n]` leads from label n to label n + 1: exactly so many steps, or at least so many where a `**` was. */
  readonly gaps: { steps: number; atLeast: boolean }[];
}

function anchors(pattern: Pattern): Anchors {
  const labels = ["^"], gaps: Anchors["gaps"] = [];
  let steps = 1, atLeast = false;
  for (const segment of [...pattern.split("."), "$"]) {
    if (segment === "*") steps++;
    else if (segment === "**") atLeast = true;
    else {
      labels.push(segment);
      gaps.push({ steps, atLeast });
      steps = 1;
      atLeast = false;
    }
  }
  return { labels, gaps };
}

/**
 * Whether outer's anchors can be laid onto inner's: start on start, end on end, literal on equal literal, an exact gap
 * on exact gaps of the same sum, an open gap on gaps of at least its sum. Containment of linear path patterns is just
 * this (Milo and Suciu, "Index Structures for Path Expressions", 1999).
 */
function embeds(outer: Anchors, inner: Anchors): boolean {
  const position = [0], opens = [0]; // of inner's anchors: least distance from the start, open gaps before
  for (const gap of inner.gaps) {
    position.push(position.at(-1)! + gap.steps);
    opens.push(opens.at(-1)! + (gap.atLeast ? 1 : 0));
  }
  let reached = [0];
  for (let n = 0; n < outer.gaps.length; n++) {
    const { steps, atLeast } = outer.gaps[n]!, label = outer.labels[n + 1]!;
    const next: number[] = [];
    for (let to = 1; to < inner.labels.length; to++) {
      if (inner.labels[to] !== label) continue;
      const fits = reached.some((from) => {
        if (from >= to) return false;
        const least = position[to]! - position[from]!;
        return atLeast ? least >= steps : least === steps && opens[to] === opens[from];
      });
      if (fits) next.push(to);
    }
    reached = next;
  }
  return reached.length > 0;
}

function hashToStars(text: string): string {
  if (typeof text !== "string") return text; // its length is looked at next, and refused
  return text === "#" || text.endsWith(".#") ? text.slice(0, -1) + "**" : text;
}

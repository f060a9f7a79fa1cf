/** Patterns: what they match and what they contain. @module */

import assert from "node:assert/strict";
import { seededRandom } from "../../src/base/random.ts";
import { contains, isExact, isPattern, matches, parsePattern, type Pattern } from "../../src/names/pattern.ts";
import { isTopic, parseTopic, type Topic } from "../../src/names/topic.ts";

Deno.test("a pattern is a topic with whole wildcards", () => {
  for (const text of ["a", "*", "**", "a.*.b", "**.a.**", "a-_9.Z", "*.*.**"]) assert.equal(parsePattern(text), text);
  for (const text of ["", ".", "a.", ".a", "a..b", "a*", "*a.b", "a.***", "a.#.b", "#.a", "a#", "a b", "a/b", "ä"]) {
    assert.throws(() => parsePattern(text), { name: "ValidationError", code: "invalid" }, text);
    assert(!isPattern(text), text);
  }
  assert.throws(() => parsePattern("a*.b"), /Cannot use as a pattern: .*, got "a\*\.b"$/);
});

Deno.test("# as the whole last segment is read as **", () => {
  assert.equal(parsePattern("#"), "**");
  assert.equal(parsePattern("a.#"), "a.**");
  assert(!isPattern("a.#"));
});

Deno.test("a pattern has at most 255 bytes and 32 segments", () => {
  assert(isPattern("a".repeat(255)) && !isPattern("a".repeat(256)));
  assert(isPattern(Array(32).fill("*").join(".")) && !isPattern(Array(33).fill("*").join(".")));
  assert.throws(() => parsePattern("a".repeat(256)), /at most 255 bytes, got 256$/);
  assert.throws(() => parsePattern(Array(33).fill("*").join(".")), /at most 32 segments, got 33$/);
});

Deno.test("exact patterns have no wildcard", () => {
  assert(isExact(parsePattern("a.b")) && !isExact(parsePattern("a.*")));
});

Deno.test("matches agrees with its definition", () => {
  const random = seededRandom("matches");
  let matching = 0;
  for (let i = 0; i < 20_000; i++) {
    const pattern = draw(random, ["a", "b", "*", "**"], 6) as Pattern,
      topic = draw(random, ["a", "b", "c"], 6) as Topic;
    const expected = matchesByDefinition(pattern.split("."), topic.split("."));
    assert.equal(matches(pattern, topic), expected, `${pattern} ${topic}`);
    if (expected) matching++;
  }
  assert(matching > 1000);
});

Deno.test("matching a hostile pattern is cheap", () => {
  const pattern = parsePattern(Array.from({ length: 31 }, (_, i) => i % 2 ? "a" : "**").join(".") + ".b");
  const topic = parseTopic(Array(32).fill("a").join("."));
  for (let i = 0; i < 1000; i++) assert(!matches(pattern, topic));
});

Deno.test("contains, by examples", () => {
  const table: [string, string, boolean][] = [
    ["**", "a.b", true],
    ["**", "**", true],
    ["*.**", "**", true], // there is no topic of no segment
    ["**.*", "*.**", true],
    ["**.*.*", "*.**", false],
    ["a.**", "a", true],
    ["a.*", "a", false],
    ["a.*", "a.**", false],
    ["a.**", "a.*", true],
    ["*", "**", false],
    ["a.**.c", "a.b.c", true],
    ["a.**.c", "a.**", false],
    ["**.a.**", "**.b.a.c.**", true],
    ["**.a.b.**", "a.**.b", false],
    ["a.*.**", "a.**.b", true],
  ];
  for (const [outer, inner, expected] of table) {
    assert.equal(contains(parsePattern(outer), parsePattern(inner)), expected, `${outer} ${inner}`);
  }
});

Deno.test("contains is exact: it agrees with the inclusion of automata", () => {
  const random = seededRandom("contains");
  let contained = 0;
  for (let i = 0; i < 60_000; i++) {
    const outer = draw(random, ["a", "b", "*", "**", "**"], 7) as Pattern;
    const inner = draw(random, ["a", "b", "*", "**"], 7) as Pattern;
    const expected = includes(outer.split("."), inner.split("."));
    assert.equal(contains(outer, inner), expected, `${outer} ${inner}`);
    if (expected) contained++;
  }
  assert(contained > 3000, `${contained} pairs`);
});

Deno.test("contains means what it says, topic by topic", () => {
  const topics = words(["a", "b", "x"], 5) as Topic[], patterns = words(["a", "*", "**"], 3) as Pattern[];
  assert(topics.every(isTopic));
  const matched = new Map(patterns.map((pattern) => [pattern, topics.map((topic) => matches(pattern, topic))]));
  for (const outer of patterns) {
    for (const inner of patterns) {
      const expected = matched.get(inner)!.every((is, i) => !is || matched.get(outer)![i]);
      assert.equal(contains(outer, inner), expected, `${outer} ${inner}`);
    }
  }
});

Deno.test("deciding about hostile patterns is cheap", () => {
  const outer = parsePattern("**.a." + Array(30).fill("*").join("."));
  const inner = parsePattern(Array(32).fill(0).map((_, i) => i % 2 ? "a" : "**").join("."));
  for (let i = 0; i < 200; i++) contains(outer, inner);
});

function draw(random: { number(): number }, segments: readonly string[], most: number): string {
  const length = 1 + Math.floor(random.number() * most);
  return Array.from({ length }, () => segments[Math.floor(random.number() * segments.length)]).join(".");
}

/** All texts of 1 to `most` segments. */
function words(segments: readonly string[], most: number): string[] {
  let last = [...segments];
  const out = [...last];
  for (let i = 1; i < most; i++) {
    last = last.flatMap((word) => segments.map((segment) => `${word}.${segment}`));
    out.push(...last);
  }
  return out;
}

function matchesByDefinition(pattern: readonly string[], topic: readonly string[]): boolean {
  if (pattern.length === 0) return topic.length === 0;
  const [first, ...rest] = pattern;
  if (first === "**") {
    return topic.some((_, i) => matchesByDefinition(rest, topic.slice(i))) || matchesByDefinition(rest, []);
  }
  return topic.length > 0 && (first === "*" || first === topic[0]) && matchesByDefinition(rest, topic.slice(1));
}

/** Whether each word of the inner automaton is one of the outer: all pairs of an inner state and a set of outer states. */
function includes(outer: readonly string[], inner: readonly string[]): boolean {
  const alphabet = [...new Set([...outer, ...inner].filter((segment) => !segment.startsWith("*"))), "another"];
  const close = (states: Iterable<number>, pattern: readonly string[]) => {
    const out = new Set<number>();
    for (let state of states) for (out.add(state); pattern[state] === "**"; out.add(++state));
    return out;
  };
  const step = (states: Set<number>, segment: string, pattern: readonly string[]) => {
    const next: number[] = [];
    for (const state of states) {
      if (pattern[state] === "**") next.push(state);
      else if (pattern[state] === "*" || pattern[state] === segment) next.push(state + 1);
    }
    return close(next, pattern);
  };
  const open = [{ i: close([0], inner), o: close([0], outer), isEmpty: true }], seen = new Set<string>();
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const key = `${[...at.i].sort()}|${[...at.o].sort()}|${at.isEmpty}`;
    if (seen.has(key)) continue;
    seen.add(key);
    if (!at.isEmpty && at.i.has(inner.length) && !at.o.has(outer.length)) return false;
    for (const segment of alphabet) {
      const i = step(at.i, segment, inner);
      if (i.size > 0) open.push({ i, o: step(at.o, segment, outer), isEmpty: false });
    }
  }
  return true;
}

/** The trie of patterns against the rule of one pattern. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { isPattern, isTopic, matches, type Pattern, type Topic } from "../../src/names/mod.ts";
import { PatternTrie } from "../../src/pubsub/pattern_trie.ts";

const word = fc.constantFrom("a", "b", "c");
const topics = fc.array(word, { minLength: 1, maxLength: 6 }).map((segments) => segments.join(".") as Topic);
const patterns = fc.array(fc.oneof(word, fc.constantFrom("*", "**")), { minLength: 1, maxLength: 6 })
  .map((segments) => segments.join(".") as Pattern);

function found<T>(trie: PatternTrie<T>, topic: string): T[] {
  assert(isTopic(topic));
  return [...trie.match(topic, new Set())];
}

Deno.test("trie: finds exactly the members whose pattern matches, while members come and go", () => {
  const change = fc.record({ pattern: patterns, member: fc.integer({ min: 0, max: 4 }), add: fc.boolean() });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), fc.array(topics, { minLength: 1 }), (changes, asked) => {
      const trie = new PatternTrie<number>(), model = new Map<string, Set<number>>();
      for (const { pattern, member, add } of changes) {
        const members = model.get(pattern) ?? new Set();
        model.set(pattern, members);
        if (add) assert.equal(trie.add(pattern, member), !members.has(member));
        else assert.equal(trie.remove(pattern, member), members.has(member));
        if (add) members.add(member);
        else members.delete(member);
        if (members.size === 0) model.delete(pattern);
      }
      assert.equal(trie.size, model.size);
      for (const topic of asked) {
        const wanted = new Set<number>();
        for (const [pattern, members] of model) {
          if (matches(pattern as Pattern, topic)) { for (const member of members) wanted.add(member); }
        }
        assert.deepEqual(found(trie, topic).sort(), [...wanted].sort());
      }
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("trie: wildcards at any position", () => {
  const trie = new PatternTrie<string>();
  const all = ["**", "a.**", "**.c", "a.**.c", "a.*.c", "*.b.*", "**.b.**", "a.b.c", "a.b", "**.**", "*"];
  for (const pattern of all) {
    assert(isPattern(pattern));
    trie.add(pattern, pattern);
  }
  assert.deepEqual(found(trie, "a.b.c").sort(), all.filter((one) => one !== "a.b" && one !== "*").sort());
  assert.deepEqual(found(trie, "a").sort(), ["**", "a.**", "**.**", "*"].sort());
  assert.deepEqual(found(trie, "x.c").sort(), ["**", "**.c", "**.**"].sort());
});

Deno.test("trie: nothing is left when all have gone", () => {
  const trie = new PatternTrie<number>(), added: Pattern[] = [];
  fc.assert(fc.property(patterns, (pattern) => {
    trie.add(pattern, 1);
    added.push(pattern);
  }));
  for (const pattern of added) trie.remove(pattern, 1);
  assert.equal(trie.size, 0);
  assert.equal(work(() => found(trie, "a.b.c.d.e.f")).live, 1, "the root alone is alive: there are no branches");
  assert.deepEqual(found(trie, "a"), []);
});

Deno.test("trie: the work of a match does not grow with the number of other subscriptions", () => {
  const trie = new PatternTrie<number>();
  for (const pattern of ["home.*.temp", "home.**", "**.temp"]) trie.add(pattern as Pattern, 0);
  const before = work(() => found(trie, "home.kitchen.temp"));
  for (let i = 0; i < 100_000; i++) trie.add(`other.${i % 100}.n${i}` as Pattern, i);
  for (let i = 0; i < 10_000; i++) trie.add(`home.room${i}.temp` as Pattern, i);
  assert.deepEqual(work(() => found(trie, "home.kitchen.temp")), before);
  assert(before.live < 30, `${before.live}`);
});

Deno.test("trie: many ** cost at most a place each", () => {
  const trie = new PatternTrie<number>(), deep = Array.from({ length: 16 }, () => "**.a").join(".");
  assert(isPattern(deep));
  trie.add(deep, 1);
  const topic = Array.from({ length: 32 }, () => "a").join(".");
  assert.deepEqual(found(trie, topic), [1]);
  assert(work(() => found(trie, topic)).live <= 32 * 32 * 2, "segments of the topic × places in the pattern");
});

/** How many places were alive and how many branches were looked up, counted at the containers that the trie uses. */
function work(match: () => unknown): { live: number; lookedUp: number } {
  const count = { live: 0, lookedUp: 0 };
  const { add } = Set.prototype, { get } = Map.prototype;
  try {
    Set.prototype.add = function (value) {
      count.live++;
      return add.call(this, value);
    };
    Map.prototype.get = function (key) {
      count.lookedUp++;
      return get.call(this, key);
    };
    match();
  } finally {
    Set.prototype.add = add;
    Map.prototype.get = get;
  }
  return count;
}

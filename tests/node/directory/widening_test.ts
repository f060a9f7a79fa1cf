/** A bounded number of patterns that stand for any number. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { matches, parsePattern, parseTopic, type Pattern, type Topic } from "../../../src/names/mod.ts";
import { Widening } from "../../../src/node/directory/widening.ts";

const patterns = (...texts: string[]) => texts.map((text) => parsePattern(text));

function filled(patternsMax: number, ...texts: string[]): Widening {
  const widening = new Widening({ patternsMax });
  for (const pattern of patterns(...texts)) widening.add(pattern);
  return widening;
}

Deno.test("widening: below the bound each pattern stands for itself, stated once and taken back once", () => {
  const widening = new Widening({ patternsMax: 3 }), [a, b] = patterns("a.b", "a.*") as [Pattern, Pattern];
  assert.deepEqual(widening.add(a), { added: [a], removed: [] });
  assert.deepEqual(widening.add(a), { added: [], removed: [] });
  assert.deepEqual(widening.add(b), { added: [b], removed: [] });
  assert.deepEqual(widening.remove(a), { added: [], removed: [a] });
  assert.deepEqual(widening.remove(a), { added: [], removed: [] });
  assert.deepEqual([...widening.stated], [b]);
});

Deno.test("widening: over it the longest that share a beginning become one; later ones go with them", () => {
  const widening = filled(4, "x", "y.z", "a.b.one", "a.b.two");
  const [third, fourth] = patterns("a.b.three", "a.b.four") as [Pattern, Pattern];
  assert.deepEqual(widening.add(third), { added: patterns("a.b.**"), removed: patterns("a.b.one", "a.b.two") });
  assert.deepEqual([...widening.stated].sort(), ["a.b.**", "x", "y.z"]);
  assert.deepEqual(widening.add(fourth), { added: [], removed: [] });
  assert.equal(widening.statedFor(fourth), "a.b.**");
  for (const pattern of patterns("a.b.one", "a.b.two", "a.b.three")) {
    assert.deepEqual(widening.remove(pattern).removed, []);
  }
  assert.deepEqual(widening.remove(fourth), { added: [], removed: patterns("a.b.**") }, "with the last of them");
});

Deno.test("widening: where none share a beginning all of the longest are cut, in the end to everything", () => {
  const widening = filled(2, "a.b.c", "d.e.f", "g.h");
  assert.deepEqual([...widening.stated], ["**"]);
});

Deno.test("widening: never more than the bound, and whatever matched before matches still", () => {
  const segment = fc.constantFrom("a", "b", "c", "d"), wild = fc.constantFrom("a", "b", "*", "**");
  const pattern = fc.array(fc.oneof(segment, wild), { minLength: 1, maxLength: 5 }).map((one) =>
    parsePattern(one.join("."))
  );
  const topic = fc.array(segment, { minLength: 1, maxLength: 5 }).map((one) => parseTopic(one.join(".")));
  const step = fc.record({ pattern, isAdded: fc.boolean() });
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 60 }),
      fc.array(topic),
      fc.integer({ min: 1, max: 6 }),
      (steps, topics, patternsMax) => {
        const widening = new Widening({ patternsMax }), wanted = new Set<Pattern>(), stated = new Set<Pattern>();
        for (const { pattern, isAdded } of steps) {
          const { added, removed } = isAdded ? widening.add(pattern) : widening.remove(pattern);
          if (isAdded) wanted.add(pattern);
          else wanted.delete(pattern);
          for (const one of removed) assert(stated.delete(one), `${one} was not stated`);
          for (const one of added) stated.add(one);
          assert(stated.size <= patternsMax, `${stated.size} are stated`);
          assert.deepEqual([...stated].sort(), [...widening.stated].sort());
        }
        assert.equal(wanted.size === 0, stated.size === 0);
        const some = (set: Iterable<Pattern>, one: Topic) => [...set].some((pattern) => matches(pattern, one));
        for (const one of topics) assert(!some(wanted, one) || some(stated, one), `${one} is lost`);
      },
    ),
  );
});

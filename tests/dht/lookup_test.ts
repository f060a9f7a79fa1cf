/** Whom a lookup asks, and when it ends. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { toHex } from "../../src/base/bytes.ts";
import { seededRandom } from "../../src/base/random.ts";
import { type Askable, Lookup } from "../../src/dht/lookup.ts";
import { DHT_DEFAULTS, type LookupOptions } from "../../src/dht/options.ts";
import { prefixOf } from "../../src/names/distance.ts";
import { compareDistance } from "../../src/names/mod.ts";
import { idOf, idWith, shuffled } from "./fakes.ts";

const TARGET = idWith(0);
const SIMPLE: LookupOptions = { ...DHT_DEFAULTS, closestCount: 3, paths: 1, pathClosestCount: 1 };

/** The node at distance n. */
function at(n: number): Askable {
  const nodeBytes = idWith(0, 0, n >>> 8, n & 0xff);
  return { node: toHex(nodeBytes), nodeBytes, prefix: prefixOf(nodeBytes) };
}

function lookup(seeds: number[], options: Partial<LookupOptions> = {}): Lookup<Askable> {
  return new Lookup(TARGET, { ...SIMPLE, ...options, own: "own", seeds: seeds.map(at) });
}

function numbers(nodes: readonly Askable[]): number[] {
  return nodes.map(({ nodeBytes }) => nodeBytes[2]! << 8 | nodeBytes[3]!);
}

/** All that would be asked now. */
function asked(one: Lookup<Askable>): number[] {
  const out: Askable[] = [];
  for (let next = one.next(); next !== undefined; next = one.next()) out.push(next);
  return numbers(out);
}

Deno.test("three at once, the closest first, until the k closest have answered", () => {
  const one = lookup([40, 30, 20, 10, 50]);
  assert.deepEqual(asked(one), [10, 20, 30]);
  one.answered(at(20), [at(5), at(20), at(60)]);
  assert.deepEqual(asked(one), [5]);
  one.answered(at(10), []);
  one.answered(at(30), [at(1)]);
  assert.deepEqual(asked(one), [1]);
  one.answered(at(1), [at(2000)]);
  assert(!one.done);
  one.answered(at(5), []);
  assert(one.done);
  assert.deepEqual([numbers(one.closest), one.hops, one.queries], [[1, 5, 10], 2, 5]);
});

Deno.test("the dead are passed over", () => {
  const one = lookup([10, 20, 30, 40, 50]);
  assert.deepEqual(asked(one), [10, 20, 30]);
  one.failed(at(10));
  one.failed(at(20));
  assert.deepEqual(asked(one), [40, 50]);
  for (const n of [30, 40, 50]) one.answered(at(n), [at(10)]);
  assert(one.done);
  assert.deepEqual(numbers(one.closest), [30, 40, 50]);
});

Deno.test("the slow do not hold up others, and are waited for at the end", () => {
  const one = lookup([10, 20, 30, 40, 50, 60]);
  assert.deepEqual(asked(one), [10, 20, 30]);
  one.slow(at(10));
  one.slow(at(10));
  assert.deepEqual(asked(one), [40]);
  for (const n of [20, 30, 40]) one.answered(at(n), []);
  assert(!one.done);
  one.answered(at(10), []);
  assert(one.done);
  assert.deepEqual(numbers(one.closest), [10, 20, 30]);
});

Deno.test("with nobody to ask it is done", () => {
  const one = lookup([]);
  assert.deepEqual([one.next(), one.done, one.closest, one.hops], [undefined, true, [], 0]);
});

Deno.test("it never asks this node, nor a node twice; answers from others do not count", () => {
  const one = lookup([10, 20]);
  assert.deepEqual(asked(one), [10, 20]);
  one.answered(at(10), [{ node: "own", nodeBytes: idWith(0), prefix: 0 }, at(10), at(20)]);
  one.answered(at(10), [at(3)]);
  one.answered(at(99), [at(4)]);
  assert.deepEqual(asked(one), []);
});

Deno.test("of one reply k nodes count, and nothing farther than the k closest extends it", () => {
  const one = lookup([10, 20, 30]);
  asked(one);
  one.answered(at(10), [at(4), at(5), at(6), at(1)]);
  assert.deepEqual(asked(one), [4]);
  one.answered(at(4), [at(100), at(101), at(102)]);
  one.answered(at(20), [at(200)]);
  one.answered(at(30), [at(300)]);
  assert.deepEqual(asked(one), [5, 6]);
  one.answered(at(5), []);
  one.answered(at(6), []);
  assert(one.done);
});

Deno.test("nodes that make up ever closer ones come to an end: after 20 rounds, or so many queries", () => {
  const [deep, wide] = [lookup([60_000]), lookup([60_000], { roundsMax: 1_000, queriesMax: 50 })];
  for (const one of [deep, wide]) {
    let n = 60_000;
    while (!one.done) {
      const next = one.next()!;
      one.answered(next, [at(--n)]);
    }
  }
  assert.deepEqual([deep.hops, deep.queries], [20, 20]);
  assert.deepEqual([wide.hops, wide.queries], [50, 50]);
});

Deno.test("a path asks only whom it has heard of, and liars do not lead the others astray", () => {
  const one = lookup([100, 200, 300], { paths: 3, closestCount: 2, pathClosestCount: 1 });
  assert.deepEqual(asked(one), [100, 200, 300]);
  one.answered(at(100), [at(50), at(51)]); // liars, closer than what the honest know by now
  assert.deepEqual(asked(one), [50]);
  one.answered(at(50), [at(50), at(51)]);
  assert.deepEqual(asked(one), [51], "that path has ended, the slot is free for the closest of all");
  one.answered(at(51), [at(50)]);
  assert(!one.done, "the other paths go on, though the two closest have answered");
  one.answered(at(200), [at(90)]);
  assert.deepEqual(asked(one), [90]);
  one.answered(at(90), [at(7), at(8)]);
  one.answered(at(300), []);
  assert.deepEqual(asked(one), [7, 8]);
  one.answered(at(7), [at(8)]);
  one.answered(at(8), [at(7)]);
  assert(one.done);
  assert.deepEqual(numbers(one.closest), [7, 8]);
});

Deno.test("in a network where everybody knows some, it finds the k closest of the living, in any order of answers", () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 40 }), (seed, size, dead) => {
      const random = seededRandom(seed), target = random.bytes(32);
      const all: Askable[] = Array.from({ length: size }, (_, i) => idOf(`${seed}${i}`)).map((nodeBytes) => ({
        node: toHex(nodeBytes),
        nodeBytes,
        prefix: prefixOf(nodeBytes),
      }));
      const gone = new Set(all.filter(() => random.number() * 100 < dead));
      const sorted = all.toSorted((a, b) => compareDistance(target, a.nodeBytes, b.nodeBytes));
      const seeds = sorted.slice(-20), one = new Lookup(target, { ...DHT_DEFAULTS, own: "own", seeds });
      const flying: Askable[] = [], everAsked = new Set<Askable>();
      while (!one.done) {
        for (let next = one.next(); next !== undefined; next = one.next()) {
          assert(!everAsked.has(next));
          everAsked.add(next);
          flying.push(next);
          assert(flying.length <= DHT_DEFAULTS.parallel);
        }
        const [node] = flying.splice(Math.floor(random.number() * flying.length), 1);
        if (gone.has(node!)) one.failed(node!);
        else one.answered(node!, shuffled(sorted.slice(0, 20), random));
      }
      const living = sorted.filter((node) => !gone.has(node));
      if (seeds.some((node) => !gone.has(node)) && living.length >= 20) {
        const reachable = living.filter((node) => sorted.indexOf(node) < 20 || seeds.includes(node));
        assert.deepEqual(one.closest, reachable.slice(0, 20));
      }
    }),
    { numRuns: 100 },
  );
});

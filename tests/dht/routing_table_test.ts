/** Buckets, and the closest of what they hold. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { toHex } from "../../src/base/bytes.ts";
import { randomInteger, seededRandom } from "../../src/base/random.ts";
import { idInBucket, type Known, RoutingTable } from "../../src/dht/routing_table.ts";
import { prefixOf } from "../../src/names/distance.ts";
import { bucketIndex, compareDistance } from "../../src/names/mod.ts";
import { idWith } from "./fakes.ts";

const OWN = idWith(0);
const MINUTE_MS = 60_000;

function known(nodeBytes: Uint8Array, sequence = 1, expiresAt = Infinity): Known {
  return { node: toHex(nodeBytes), nodeBytes, prefix: prefixOf(nodeBytes), sequence, expiresAt };
}

/** The nth node of bucket 0. */
function far(n: number): Known {
  return known(idWith(0x80, n));
}

function table(bucketSize = 3): RoutingTable<Known> {
  return new RoutingTable(OWN, { bucketSize, probeEveryMs: MINUTE_MS });
}

/** A full bucket of three: 1, 2, 3, the oldest first. */
function full(): RoutingTable<Known> {
  const one = table();
  for (const n of [1, 2, 3]) assert.equal(one.add(far(n), n).outcome, "added");
  return one;
}

function order(one: RoutingTable<Known>): number[] {
  return one.bucket(0).map(({ nodeBytes }) => nodeBytes[1]!);
}

Deno.test("a bucket is ordered by when its nodes were last heard of", () => {
  const one = full();
  assert.deepEqual(order(one), [1, 2, 3]);
  assert.deepEqual(one.add(far(1), 4), { outcome: "known" });
  assert.deepEqual(order(one), [2, 3, 1]);
  one.seen(far(2), 5);
  assert.deepEqual(order(one), [3, 1, 2]);
  one.seen(far(9), 6);
  assert.deepEqual(order(one), [3, 1, 2]);
  assert.equal(one.size, 3);
});

Deno.test("this node itself is not in its table", () => {
  const one = table();
  assert.deepEqual(one.add(known(OWN), 0), { outcome: "self" });
  assert.equal(one.size, 0);
});

Deno.test("the newer statement of a node replaces the older one, and not the other way round", () => {
  const one = table(), node = idWith(0x80);
  one.add(known(node, 5), 0);
  one.add(known(node, 7), 1);
  one.add(known(node, 6), 2);
  assert.equal(one.get(known(node))?.sequence, 7);
});

Deno.test("a full bucket wants its oldest probed before it refuses, once a minute", () => {
  const one = full();
  assert.deepEqual(one.add(far(4), 10), { outcome: "full", probe: far(1) });
  assert.deepEqual(one.add(far(5), 11), { outcome: "spare" });
  assert.deepEqual(order(one), [1, 2, 3]);
  assert.equal(one.add(far(6), 10 + MINUTE_MS).outcome, "full");
});

Deno.test("three failures in a row evict, and the latest spare takes the place", () => {
  const one = full();
  for (const n of [4, 5, 6, 7, 5]) one.add(far(n), 10);
  assert.deepEqual(one.failed(far(1)), { gone: false, next: undefined, doubted: true });
  one.seen(far(1), 11);
  for (let i = 0; i < 2; i++) assert.equal(one.failed(far(1)).gone, false);
  assert.deepEqual(one.failed(far(1)), { gone: true, next: far(5), doubted: false });
  assert.deepEqual(order(one), [5, 2, 3]);
  assert.deepEqual(one.failed(far(1)), { gone: false, next: undefined, doubted: false });
  const gone = [2, 3, 5].flatMap((n) => [1, 2, 3].map(() => one.failed(far(n)).next?.nodeBytes[1]));
  assert.deepEqual(gone.filter((n) => n !== undefined), [7, 6], "spares are as many as entries: 4 had to go");
  assert.equal(one.size, 2);
});

Deno.test("a spare that fails is no spare any more", () => {
  const one = full();
  one.add(far(4), 10);
  one.failed(far(4));
  for (let i = 0; i < 3; i++) one.failed(far(1));
  assert.deepEqual(order(one), [2, 3]);
});

Deno.test("the oldest of each bucket is probed when it was silent for a minute, and its bucket not probed", () => {
  const one = full();
  one.add(known(idWith(0x40)), 30_000);
  assert.deepEqual(one.probes(59_000), []);
  assert.deepEqual(one.probes(1 + MINUTE_MS), [far(1)]);
  assert.deepEqual(one.probes(30_000 + MINUTE_MS), [known(idWith(0x40))], "bucket 0 was probed half a minute ago");
  assert.deepEqual(one.probes(1 + 2 * MINUTE_MS), [far(1)]);
});

Deno.test("the bucket that nobody has looked into for longest is stale", () => {
  const one = table();
  one.add(far(1), 0);
  one.add(known(idWith(0x10)), 500);
  assert.equal(one.stale(0), undefined);
  assert.equal(one.stale(1_000), 0);
  one.lookedUp(idWith(0x90), 1_000);
  assert.equal(one.stale(1_000), 3);
});

const anId = fc.uint8Array({ minLength: 32, maxLength: 32 });
/** Ids that share long prefixes are what buckets are about: most differ from another one in few bits. */
const someIds = fc.tuple(anId, fc.array(fc.tuple(fc.nat(255), anId, fc.boolean()), { maxLength: 120 }))
  .map(([own, list]) => ({
    own: own as Uint8Array,
    ids: list.map(([index, random, isNear]) =>
      isNear ? idInBucket(own, index % 40, random.slice()) : random as Uint8Array
    ),
  }));

Deno.test("an id in a bucket shares so many bits and no more", () => {
  fc.assert(fc.property(anId, anId, fc.nat(255), (own, random, index) => {
    assert.equal(bucketIndex(own, idInBucket(own, index, random)), index);
  }));
});

Deno.test("closest: the n closest of all that are held, for every target", () => {
  fc.assert(
    fc.property(someIds, anId, fc.integer({ min: 1, max: 30 }), fc.nat(), ({ own, ids }, far, count, pick) => {
      const one = new RoutingTable<Known>(own, { bucketSize: 8, probeEveryMs: MINUTE_MS });
      ids.forEach((id, i) => one.add(known(id), i));
      const all = [...one.entries()], near = ids[pick % (ids.length + 1)] ?? own;
      for (const target of [far, near, own]) {
        const sorted = all.toSorted((a, b) => compareDistance(target, a.nodeBytes, b.nodeBytes));
        assert.deepEqual(
          one.closest(target, count).map(({ node }) => node),
          sorted.slice(0, count).map(({ node }) => node),
        );
        const isEven = ({ nodeBytes }: Known) => nodeBytes[31]! % 2 === 0;
        const accepted = sorted.filter(isEven).slice(0, count);
        assert.deepEqual(
          one.closest(target, count, { accepts: isEven }).map(({ node }) => node),
          accepted.map(({ node }) => node),
        );
        const self = known(own),
          withSelf = [...all, self].sort((a, b) => compareDistance(target, a.nodeBytes, b.nodeBytes));
        assertSame(one.closest(target, count, { with: self }), withSelf.slice(0, count));
      }
      assert.equal(one.size, all.length);
    }),
    { numRuns: 300 },
  );
});

Deno.test("closest: exact for every layout of buckets and a target in each of them", () => {
  const random = seededRandom("layouts"), own = random.bytes(32);
  /** Empty, one, all but one, full: so that each step of the search ends in the middle of a bucket and at its end. */
  const counts = [0, 1, 7, 8], depths = [0, 1, 2, 3, 7, 8, 31, 32, 33, 47, 48, 100, 254, 255];
  for (let run = 0; run < 40; run++) {
    const one = new RoutingTable<Known>(own, { bucketSize: 8, probeEveryMs: MINUTE_MS });
    const filled = run === 0 ? Array.from({ length: 256 }, (_, i) => i) : depths;
    for (const depth of filled) {
      const count = run === 0 ? 1 : counts[randomInteger(random, counts.length)]!;
      for (let i = 0; i < count; i++) one.add(known(idInBucket(own, depth, random.bytes(32))), i);
    }
    const all = [...one.entries()];
    for (const depth of run === 0 ? filled : [...depths, 5, 60, 200]) {
      const target = idInBucket(own, depth, random.bytes(32));
      const sorted = all.toSorted((a, b) => compareDistance(target, a.nodeBytes, b.nodeBytes));
      for (const count of [1, 8, 20, all.length + 1]) assertSame(one.closest(target, count), sorted.slice(0, count));
      const except = sorted[2];
      assertSame(one.closest(target, 8, { except }), sorted.filter((node) => node !== except).slice(0, 8));
      const self = known(own), withSelf = [...sorted, self];
      withSelf.sort((a, b) => compareDistance(target, a.nodeBytes, b.nodeBytes));
      for (const count of [1, 8, 20]) assertSame(one.closest(target, count, { with: self }), withSelf.slice(0, count));
    }
  }
});

Deno.test("closest: a statement that has ended does not count, and one that was renewed does again", () => {
  const one = table(), [a, b, c] = [far(1), known(idWith(0x80, 2), 1, 100), known(idWith(0x80, 3), 1, 200)];
  for (const node of [a!, b!, c!]) one.add(node, 0);
  const valid = (at: number) => one.closest(idWith(0x80), 8, { validAt: at }).map(({ nodeBytes }) => nodeBytes[1]);
  assert.deepEqual([valid(99), valid(100), valid(199), valid(200)], [[1, 2, 3], [1, 3], [1, 3], [1]]);
  one.add({ ...b!, sequence: 2, expiresAt: 300 }, 150);
  one.probes(150);
  assert.deepEqual([valid(150), valid(200), valid(299), valid(300)], [[1, 2, 3], [1, 2], [1, 2], [1]]);
});

function assertSame(got: readonly Known[], expected: readonly Known[]): void {
  assert.deepEqual(got.map(({ node }) => node), expected.map(({ node }) => node));
}

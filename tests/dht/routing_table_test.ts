/** Buckets, and the closest of what they hold. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { toHex } from "../../src/base/bytes.ts";
import { idInBucket, type Known, RoutingTable } from "../../src/dht/routing_table.ts";
import { bucketIndex, compareDistance } from "../../src/names/mod.ts";
import { idWith } from "./fakes.ts";

const OWN = idWith(0);
const MINUTE_MS = 60_000;

function known(nodeBytes: Uint8Array, sequence = 1): Known {
  return { node: toHex(nodeBytes), nodeBytes, sequence };
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
        assert.deepEqual(one.closest(target, count, isEven).map(({ node }) => node), accepted.map(({ node }) => node));
      }
      assert.equal(one.size, all.length);
    }),
    { numRuns: 300 },
  );
});

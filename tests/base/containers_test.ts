/** Deadlines, the map that forgets, and the slab. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { type Deadline, Deadlines, FORGOTTEN_MIN } from "../../src/base/deadlines.ts";
import { LruMap } from "../../src/base/lru.ts";
import { PIECE_BYTES_MAX, Slab, SLAB_BYTES } from "../../src/base/slab.ts";

Deno.test("deadlines: come out by time, equal ones as they went in, none early", () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 20 })), fc.integer({ min: 0, max: 20 }), (times, now) => {
    const deadlines = new Deadlines<number>();
    times.forEach((at, order) => deadlines.add(at, order));
    assert.equal(deadlines.size, times.length);
    assert.equal(deadlines.nextAt, Math.min(Infinity, ...times));
    const taken: number[] = [];
    for (let due = deadlines.takeDue(now); due !== undefined; due = deadlines.takeDue(now)) taken.push(due);
    const wanted = times.map((at, order) => ({ at, order })).filter(({ at }) => at <= now)
      .sort((a, b) => a.at - b.at || a.order - b.order).map(({ order }) => order);
    assert.deepEqual(taken, wanted);
    assert.equal(deadlines.size, times.length - wanted.length);
  }));
});

Deno.test("deadlines: adding between taking keeps the order", () => {
  const operation = fc.record({ add: fc.boolean(), at: fc.integer({ min: 0, max: 50 }) });
  fc.assert(fc.property(fc.array(operation), (operations) => {
    const deadlines = new Deadlines<number>(), model: { at: number; order: number }[] = [];
    operations.forEach(({ add, at }, order) => {
      if (add) {
        deadlines.add(at, order);
        model.push({ at, order });
        return;
      }
      model.sort((a, b) => a.at - b.at || a.order - b.order);
      assert.equal(deadlines.nextAt, model[0]?.at ?? Infinity);
      const expected = model[0] !== undefined && model[0].at <= at ? model.shift()!.order : undefined;
      assert.equal(deadlines.takeDue(at), expected);
    });
  }));
});

Deno.test("deadlines: skip forgets the earliest ones that do not matter, and no later ones", () => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat(20), fc.boolean())), (entries) => {
    const deadlines = new Deadlines<number>();
    entries.forEach(([at], order) => deadlines.add(at, order));
    deadlines.skip((order) => entries[order]![1]);
    const rest = entries.map(([at, matters], order) => ({ at, matters, order }))
      .sort((a, b) => a.at - b.at || a.order - b.order);
    while (rest[0]?.matters === false) rest.shift();
    assert.equal(deadlines.nextAt, rest[0]?.at ?? Infinity);
    assert.deepEqual(rest.map(() => deadlines.takeDue(20)), rest.map(({ order }) => order));
    assert.equal(deadlines.size, 0);
  }));
});

Deno.test("deadlines: retain forgets what does not matter and keeps the order of the rest", () => {
  const deadlines = new Deadlines<number>();
  const entries = Array.from({ length: 1_000 }, (_, i) => deadlines.add((i * 7) % 100, i));
  deadlines.retain((value) => value % 3 === 0);
  assert.equal(deadlines.size, 334);
  deadlines.forget(entries[1]!);
  assert.equal(deadlines.size, 334, "it is forgotten already");
  deadlines.add(50, 9_999);
  const taken: number[] = [];
  for (let due = deadlines.takeDue(1e9); due !== undefined; due = deadlines.takeDue(1e9)) taken.push(due);
  const at = (value: number) => value === 9_999 ? 50 : (value * 7) % 100;
  assert.equal(taken.length, 335);
  for (let i = 1; i < taken.length; i++) {
    const [a, b] = [taken[i - 1]!, taken[i]!];
    assert(at(a) < at(b) || at(a) === at(b) && a < b, `${a} before ${b}`);
  }
});

Deno.test("deadlines: what is forgotten does not come out, and the rest comes in its order", () => {
  const operation = fc.record({ what: fc.constantFrom("add", "add", "forget", "take"), at: fc.nat(50) });
  fc.assert(fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
    const deadlines = new Deadlines<number>(), held: { at: number; order: number; entry: Deadline<number> }[] = [];
    let now = 0;
    operations.forEach(({ what, at }, order) => {
      const sorted = held.sort((a, b) => a.at - b.at || a.order - b.order);
      if (what === "add") held.push({ at: now + at, order, entry: deadlines.add(now + at, order) });
      else if (what === "forget" && held.length > 0) {
        const [{ entry }] = held.splice(at % held.length, 1) as [typeof held[number]];
        deadlines.forget(entry);
        deadlines.forget(entry); // again: nothing happens
      } else if (what === "take") {
        now += at >> 2;
        const expected = sorted[0] !== undefined && sorted[0].at <= now ? sorted.shift() : undefined;
        assert.equal(deadlines.takeDue(now), expected?.order);
        if (expected !== undefined) deadlines.forget(expected.entry); // what was taken is not counted twice
      }
      assert.equal(deadlines.size, held.length);
      assert(deadlines.nextAt <= Math.min(Infinity, ...held.map((one) => one.at)));
    });
    held.sort((a, b) => a.at - b.at || a.order - b.order);
    assert.deepEqual(held.map(() => deadlines.takeDue(1e9)), held.map(({ order }) => order));
    assert.equal(deadlines.takeDue(1e9), undefined);
  }));
});

Deno.test("deadlines: what is forgotten gives back its place, save so many", () => {
  const deadlines = new Deadlines<object>(), kept = deadlines.add(1e6, { kept: true });
  for (let i = 0; i < 100 * FORGOTTEN_MIN; i++) {
    deadlines.forget(deadlines.add(i, { i }));
    assert.equal(deadlines.size, 1);
    assert(deadlines.places <= FORGOTTEN_MIN + 2, `${deadlines.places} places`);
  }
  assert.deepEqual(deadlines.takeDue(1e6), { kept: true });
  assert.equal(kept.value, undefined);
});

Deno.test("LruMap: holds what was used last, like a list that is kept in order of use", () => {
  const operation = fc.record({ get: fc.boolean(), key: fc.integer({ min: 0, max: 9 }), value: fc.integer() });
  fc.assert(fc.property(fc.integer({ min: 1, max: 5 }), fc.array(operation), (capacity, operations) => {
    const map = new LruMap<number, number>(capacity);
    let model: [number, number][] = [];
    for (const { get, key, value } of operations) {
      const found = model.find(([one]) => one === key);
      if (get) {
        assert.equal(map.get(key), found?.[1]);
        if (found !== undefined) model = [...model.filter((one) => one !== found), found];
      } else {
        map.set(key, value);
        model = [...model.filter((one) => one !== found), [key, value] as [number, number]].slice(-capacity);
      }
      assert.equal(map.size, model.length);
    }
    for (const [key, value] of model) assert.equal(map.get(key), value);
  }));
});

Deno.test("LruMap: delete and clear", () => {
  const map = new LruMap<string, number>(2);
  map.set("a", 1);
  assert.equal(map.delete("a"), true);
  assert.equal(map.delete("a"), false);
  map.set("b", 2);
  map.clear();
  assert.deepEqual([map.size, map.get("b")], [0, undefined]);
});

Deno.test("slab: pieces share no byte, and hold at most 4 KiB in memory beside themselves", () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 2 * PIECE_BYTES_MAX }), { maxLength: 60 }), (lengths) => {
    const slab = new Slab(), pieces = lengths.map((length) => slab.take(length));
    pieces.forEach((piece, index) => piece.fill(index));
    pieces.forEach((piece, index) => {
      assert.deepEqual(piece, new Uint8Array(lengths[index]!).fill(index));
      assert.ok(piece.buffer.byteLength <= Math.max(SLAB_BYTES, piece.length));
    });
  }));
});

Deno.test("slab: whoever transfers a piece's buffer away harms no later piece", () => {
  const slab = new Slab(), piece = slab.take(10);
  structuredClone(piece, { transfer: [piece.buffer] });
  assert.equal(slab.take(10).fill(1).length, 10);
});

/** Virtual time: the order of what happens, clocks that are wrong, and the hash of a history. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { Agenda } from "../../src/simulation/agenda.ts";
import { quantised, SkewedClock, START_MS } from "../../src/simulation/clock.ts";
import { HistoryHash, LatestSteps } from "../../src/simulation/history.ts";

Deno.test("an agenda gives out by time, and at one time in the order of entry", () => {
  const times = fc.oneof(fc.nat(20), fc.nat(20).map((n) => 300 * n)); // of one second, and of several
  fc.assert(fc.property(fc.array(fc.tuple(times, fc.boolean())), (entries) => {
    const agenda = new Agenda<number>(), expected: { at: number; order: number }[] = [], got: number[] = [];
    const take = () => {
      const next = expected.sort((a, b) => a.at - b.at || a.order - b.order).shift();
      assert.equal(agenda.nextAt, next?.at ?? Infinity);
      assert.equal(agenda.take(), next?.order);
      if (next !== undefined) got.push(next.order);
    };
    entries.forEach(([at, alsoTake], order) => {
      agenda.add(at, order);
      expected.push({ at, order });
      if (alsoTake) take();
    });
    while (agenda.size > 0) take();
    take();
    assert.equal(got.length, entries.length);
  }));
});

Deno.test("a clock that is wrong never runs back, and is never early", () => {
  const settings = fc.record({
    skewMs: fc.integer({ min: -5_000, max: 5_000 }),
    driftPpm: fc.integer({ min: -900, max: 900 }),
  });
  fc.assert(
    fc.property(
      settings,
      fc.double({ min: 0, max: 1e8, noNaN: true }),
      fc.double({ min: 0, max: 1e6, noNaN: true }),
      (skewed, from, ms) => {
        const clock = new SkewedClock(skewed), start = quantised(START_MS + from), end = start + clock.span(ms);
        assert(clock.at(end) - clock.at(start) >= ms, "a timer comes when its time has passed on its node's clock");
        assert(clock.at(end) - clock.at(start) <= ms + 0.01, "and soon after");
        assert(clock.at(start + 1 / 1024) >= clock.at(start));
      },
    ),
  );
  assert.equal(new SkewedClock({ skewMs: 250 }).at(START_MS), START_MS + 250);
  assert.equal(new SkewedClock({ driftPpm: 100 }).at(START_MS + 1e7), START_MS + 1e7 + 1_000);
});

Deno.test("a history's hash depends on everything and on its order", () => {
  const hashOf = (...values: number[]) => {
    const hash = new HistoryHash();
    for (const value of values) hash.addLong(value);
    return hash.hex;
  };
  const hashes = [hashOf(), hashOf(0), hashOf(1), hashOf(0, 1), hashOf(1, 0), hashOf(2 ** 40), hashOf(2 ** 41)];
  assert.equal(new Set(hashes).size, hashes.length);
  assert.match(hashes[0]!, /^[0-9a-f]{32}$/);
  assert.equal(hashOf(1, 2, 3), hashOf(1, 2, 3));
});

Deno.test("of many steps the latest are remembered", () => {
  const latest = new LatestSteps<number>();
  for (let i = 0; i < 100; i++) latest.add(i);
  assert.deepEqual([latest.all.length, latest.all[0], latest.all.at(-1)], [64, 36, 99]);
});

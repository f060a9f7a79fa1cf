/** Bundled timers: everybody is called in time and in order, and the machine has one timer at most. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { BUNDLED_MS_MIN, bundledTimers } from "../../src/base/timers/bundled_timers.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";
import { ManualTimers } from "../transport/manual_timers.ts";

Deno.test("bundled timers: as with timers of their own, whatever is taken back, behind one", () => {
  const wait = fc.record({
    startMs: fc.integer({ min: 0, max: 9_000 }),
    ms: fc.integer({ min: BUNDLED_MS_MIN, max: 9_000 }),
    backMs: fc.option(fc.integer({ min: 0, max: 9_000 }), { nil: undefined }),
  });
  fc.assert(fc.property(fc.array(wait, { maxLength: 12 }), (waits) => {
    const own = new VirtualClock(),
      machine = new VirtualClock(),
      calls: [number, number][] = [],
      due: typeof calls = [];
    const bundle = bundledTimers({ now: () => machine.now(), after: (ms, action) => machine.after(ms, action) });
    for (const [timers, script, log] of [[own, own, due], [bundle, machine, calls]] as const) {
      waits.forEach(({ startMs, ms, backMs }, i) =>
        script.after(startMs, () => {
          const back = timers.after(ms, () => log.push([i, script.now()]));
          // At the moment it is due either may come first.
          if (backMs !== undefined && backMs !== ms) script.after(backMs, back);
        })
      );
    }
    const scripted = waits.length + waits.filter(({ backMs }) => backMs !== undefined).length;
    while (own.nextAt < Infinity) own.step();
    while (machine.nextAt < Infinity) {
      machine.step();
      assert.ok(machine.pending <= scripted + 1, `${machine.pending} timers`);
    }
    assert.deepEqual(calls.sort(byTime), due.sort(byTime));
    assert.equal(machine.now(), own.now(), "no timer stays set for what was taken back");
  }));
});

Deno.test("bundled timers: while nobody waits none is set; one that throws keeps no other from its call", async () => {
  const machine = new ManualTimers(), called: string[] = [];
  const { after } = bundledTimers({ now: () => machine.now(), after: (ms, action) => machine.after(ms, action) });
  const first = after(5_000, () => called.push("first")), second = after(3_000, () => called.push("second"));
  assert.equal(machine.outstanding, 1);
  second();
  first();
  second();
  assert.equal(machine.outstanding, 0);
  after(2_000, () => {
    throw new RangeError("mine");
  });
  after(2_000, () => called.push("third"));
  await assert.rejects(machine.run(2_000), RangeError);
  await machine.run(1);
  assert.deepEqual(called, ["third"]);
});

Deno.test("bundled timers: many that are due at once come at once, but for those that another of them takes back", async () => {
  const machine = new ManualTimers(), called: number[] = [], late: number[] = [];
  // As the machine does with timers that are set when one comes.
  const after = (ms: number, action: () => void) => machine.after(Math.max(ms, 4), action);
  const bundle = bundledTimers({ now: () => machine.now(), after }), dueAt = machine.now() + 5_000;
  const takeBack = Array.from({ length: 1_000 }, (_, i) =>
    bundle.after(5_000, () => {
      called.push(i);
      late.push(machine.now() - dueAt);
      if (i === 0) takeBack[500]!();
      if (i === 1) bundle.after(5_000, () => called.push(1_000));
    }));
  await machine.run(9_999);
  assert.deepEqual(called, Array.from({ length: 1_000 }, (_, i) => i).filter((i) => i !== 500));
  assert.equal(Math.max(...late), 0);
  await machine.run(1);
  assert.equal(called.at(-1), 1_000);
  assert.equal(machine.outstanding, 0);
});

Deno.test("bundled timers: a wait longer than a timer of the machine can is kept, too", async () => {
  const machine = new ManualTimers(), month = 31 * 86_400_000;
  const after = (ms: number, action: () => void) => machine.after(ms < 2 ** 31 ? ms : 1, action);
  let calledAt = 0;
  const startedAt = machine.now();
  bundledTimers({ now: () => machine.now(), after }).after(month, () => calledAt = machine.now());
  await machine.run(2 * month);
  assert.equal(calledAt, startedAt + month);
});

function byTime(a: readonly [number, number], b: readonly [number, number]): number {
  return a[1] - b[1] || a[0] - b[0];
}

/** The histogram against an exact sort. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { Histogram, RELATIVE_ERROR_MAX } from "../../../src/cli/commands/bench/histogram.ts";

/** Half a microsecond each way for rounding, ms. */
const ROUNDING_MS = 0.001;

/** Durations as they come: many decades, bursts of equal ones. */
const durations = fc.array(
  fc.oneof(
    fc.double({ min: 0, max: 0.01, noNaN: true }),
    fc.double({ min: 0, max: 5, noNaN: true }),
    fc.double({ min: 0, max: 4_000_000, noNaN: true }),
    fc.constantFrom(0, 2.047, 2.048, 2.049, 4.095, 4.096, 1_000),
  ),
  { minLength: 1, maxLength: 300 },
);

Deno.test("a percentile is that of an exact sort, at most a thousandth above it", () => {
  fc.assert(fc.property(durations, fc.double({ min: 0, max: 100, noNaN: true }), (list, percent) => {
    const histogram = new Histogram(), sorted = list.toSorted((a, b) => a - b);
    for (const ms of list) histogram.record(ms);
    const exact = sorted[Math.max(1, Math.ceil(percent / 100 * list.length)) - 1]!, got = histogram.percentile(percent);
    assert.ok(got >= exact - ROUNDING_MS, `p${percent} of ${exact} is not less, got ${got}`);
    assert.ok(got <= exact * (1 + RELATIVE_ERROR_MAX) + ROUNDING_MS, `p${percent} of ${exact} is close, got ${got}`);
    assert.deepEqual([histogram.min, histogram.max, histogram.count], [sorted[0], sorted.at(-1), list.length]);
    const mean = list.reduce((sum, ms) => sum + ms, 0) / list.length;
    assert.ok(Math.abs(histogram.mean - mean) <= mean * 1e-9);
  }));
});

Deno.test("percentiles grow, from the least to the most", () => {
  fc.assert(fc.property(durations, (list) => {
    const histogram = new Histogram();
    for (const ms of list) histogram.record(ms);
    const all = [0, 1, 50, 90, 99, 99.9, 100].map((percent) => histogram.percentile(percent));
    assert.deepEqual(all, all.toSorted((a, b) => a - b));
    assert.equal(all.at(-1), histogram.max);
  }));
});

Deno.test("what lies outside counts at the edges, and nothing has no percentile", () => {
  const histogram = new Histogram();
  assert.ok([histogram.percentile(50), histogram.min, histogram.max, histogram.mean].every(Number.isNaN));
  histogram.record(-5);
  assert.deepEqual([histogram.percentile(100), histogram.min], [0, 0]);
  histogram.record(1e12);
  assert.deepEqual([histogram.percentile(50), histogram.percentile(100), histogram.max], [0, 1e12, 1e12]);
});

/** Things found by numbers. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { NumberTable, PLACES_KEPT, PLACES_MIN } from "../../src/base/tables/number_table.ts";

Deno.test("numbers: a table is as a map, whatever meets in one place", () => {
  const number = fc.oneof(
    fc.nat(12),
    fc.nat(5).map((n) => n * 64),
    fc.nat(5).map((n) => 2 ** 31 - 2 + n),
    fc.nat(5_000),
  );
  const operation = fc.record({ what: fc.constantFrom("set", "set", "delete", "get"), number });
  fc.assert(fc.property(fc.array(operation, { maxLength: 400, size: "max" }), (operations) => {
    const table = new NumberTable<object>(), model = new Map<number, object>();
    for (const { what, number } of operations) {
      if (what === "get") assert.equal(table.get(number), model.get(number));
      else if (what === "set") {
        const thing = { number };
        table.set(number, thing);
        model.set(number, thing);
      } else {
        assert.equal(table.delete(number), model.get(number));
        model.delete(number);
      }
      assert.equal(table.size, model.size);
    }
    const sorted = [...model].sort(([a], [b]) => a - b);
    assert.deepEqual(table.values(), sorted.map(([, thing]) => thing));
    for (const [number, thing] of sorted) assert.equal(table.get(number), thing);
  }));
});

Deno.test("numbers: room grows with what is in, and goes when it goes", () => {
  const table = new NumberTable<number>();
  assert.equal(table.places, PLACES_MIN);
  for (let i = 0; i < 100_000; i++) {
    table.set(i, i); // a window that moves takes no more room than it has things
    if (i >= 20) assert.equal(table.delete(i - 20), i - 20);
  }
  assert.equal(table.places, 64);
  for (let i = 0; i < 10_000; i++) table.set(1e9 + i, i);
  assert(table.places >= 10_000 && table.places <= 4 * 10_020, `${table.places} places`);
  for (let i = 0; i < 10_000; i++) assert.equal(table.delete(1e9 + i), i);
  assert(table.places <= 2 * PLACES_KEPT, `${table.places} places`);
  for (let burst = 0; burst < 10; burst++) {
    for (let i = 0; i < 100; i++) table.set(2e9 + i, i);
    const full: number = table.places;
    assert(full <= PLACES_KEPT, `${full} places`);
    for (let i = 0; i < 100; i++) table.delete(2e9 + i);
    assert.equal(table.places, full, "a burst leaves room for the next");
  }
  assert.deepEqual(table.values(), Array.from({ length: 20 }, (_, i) => 99_980 + i));
});

/** Things found by their random ids. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { toHex } from "../../src/base/bytes.ts";
import { seededRandom } from "../../src/base/random.ts";
import { ALIKE_MAX, hashOf, IdTable } from "../../src/base/tables/id_table.ts";

interface Thing {
  readonly requestId: Uint8Array;
  readonly name: number;
}

function id(...bytes: readonly number[]): Uint8Array {
  return Uint8Array.from({ length: 16 }, (_, at) => bytes[at] ?? 0);
}

Deno.test("ids: a table is as a map with texts of the ids as its keys", () => {
  const ids = [id(), id(1), id(0, 1), id(1, 1), ...[4, 8, 15].map((at) => id(...Array(at).fill(0), 1))];
  const operation = fc.record({ what: fc.constantFrom("add", "delete", "get"), which: fc.nat(ids.length - 1) });
  fc.assert(fc.property(fc.array(operation), (operations) => {
    const table = new IdTable<Thing>(operations.length), model = new Map<string, Thing>();
    operations.forEach(({ what, which }, name) => {
      const requestId = ids[which]!.slice(), key = toHex(requestId), known = model.get(key);
      if (what === "get") assert.equal(table.get(requestId), known);
      else if (what === "add") {
        const one = { requestId, name };
        assert.equal(table.add(one), known === undefined);
        if (known === undefined) model.set(key, one);
      } else {
        assert.equal(table.delete(known ?? { requestId, name }), known !== undefined);
        model.delete(key);
      }
      assert.equal(table.size, model.size);
    });
    assert.deepEqual(new Set(table.values()), new Set(model.values()));
  }));
});

Deno.test("ids: those that hash alike are told apart, and are bounded", () => {
  const table = new IdTable<Thing>(1, () => 7);
  const things = Array.from({ length: ALIKE_MAX }, (_, name) => ({ requestId: id(name), name }));
  for (const one of things) assert(table.add(one));
  assert(!table.add({ requestId: id(3), name: 99 }), "a known id");
  assert(!table.add({ requestId: id(200), name: 200 }), "one more than the bound");
  for (const one of things) assert.equal(table.get(one.requestId.slice()), one);
  assert.equal(table.get(id(200)), undefined);
  for (const [at, name] of [0, 5, 1, 7, 2, 3, 4, 6].entries()) {
    assert(table.delete(things[name]!));
    assert(!table.delete(things[name]!));
    assert.equal(table.size, ALIKE_MAX - at - 1);
    assert.equal([...table.values()].length, table.size);
    assert.equal(table.get(id(name)), undefined);
    assert.deepEqual(things.filter((one) => table.get(one.requestId) === one).length, table.size);
  }
  assert(table.add({ requestId: id(200), name: 200 }));
});

Deno.test("ids: every byte counts, whatever part of an id its drawer counts up", () => {
  const hashes = new Set<number>();
  for (let at = 0; at < 16; at++) {
    for (let byte = 1; byte < 256; byte++) hashes.add(hashOf(id(...Array(at).fill(0), byte), 5));
  }
  assert.equal(hashes.size, 16 * 255);
  for (const hash of hashes) assert(Number.isInteger(hash) && hash >= 0 && hash < 2 ** 30);
});

Deno.test("ids: another seed gives other numbers, also to ids that had the same", () => {
  const random = seededRandom("ids"), ids = Array.from({ length: 5_000 }, () => random.bytes(16));
  const low = (seed: number) => ids.filter((one) => (hashOf(one, seed) & 0xff) === 0);
  const [chosen, again] = [low(1), low(2)];
  assert(chosen.length > 5 && chosen.length < 60, `${chosen.length} of 5,000 in one place of 256`);
  assert(again.filter((one) => chosen.includes(one)).length <= 3, "chosen for one seed they are spread by another");
});

/** Names that a node states, and who waits for them to be kept. @module */

import assert from "node:assert/strict";
import { Listing, UNCONFIRMED } from "../../src/base/listing.ts";

const GOOD = { confirmed: 20, asked: 20 }, POOR = { confirmed: 1, asked: 20 };

Deno.test("listing: a name is new once, and gone with its last", () => {
  const listing = new Listing<string>();
  assert.deepEqual([listing.add("x"), listing.add("x"), listing.size], [true, false, 1]);
  assert.deepEqual([listing.remove("x"), listing.remove("x"), listing.remove("x")], [undefined, [], undefined]);
  assert.deepEqual([listing.add("x"), listing.size], [true, 1]);
});

Deno.test("listing: who waits for several names is told of the worst, once all are known", () => {
  const listing = new Listing<string>();
  for (const name of ["x", "y"]) listing.add(name);
  assert.equal(listing.wait(["x", "y"], "both"), undefined);
  assert.equal(listing.wait(["x"], "one"), undefined);
  assert.deepEqual(listing.confirm("x", GOOD), [{ waiter: "one", confirmation: GOOD }]);
  assert.deepEqual(listing.confirm("y", POOR), [{ waiter: "both", confirmation: POOR }]);
  assert.deepEqual(listing.wait(["y", "x"], "late"), POOR);
  assert.deepEqual(listing.confirm("y", GOOD), [], "what is known gets better");
  assert.deepEqual(listing.wait(["y", "x"], "later"), GOOD);
  assert.deepEqual(listing.confirm("never", GOOD), []);
});

Deno.test("listing: who waits for a name that goes is told that nobody keeps it", () => {
  const listing = new Listing<string>();
  for (const name of ["x", "y"]) listing.add(name);
  listing.wait(["x", "y"], "both");
  assert.deepEqual(listing.remove("x"), []);
  assert.deepEqual(listing.confirm("y", GOOD), [{ waiter: "both", confirmation: UNCONFIRMED }]);
  assert.deepEqual(listing.wait(["x"], "of nothing"), UNCONFIRMED);
});

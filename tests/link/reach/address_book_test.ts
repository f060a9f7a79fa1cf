/** Where nodes are, and which are not dialled for a while. @module */

import assert from "node:assert/strict";
import { seededRandom } from "../../../src/base/random.ts";
import { createIdentity, type NodeRecord, signRecord } from "../../../src/identity/mod.ts";
import {
  AddressBook,
  BACK_OFF_MAX_MS,
  BACK_OFF_MIN_MS,
  CONTACTS_MAX,
  ENDPOINTS_DIALLED_MAX,
} from "../../../src/link/reach/address_book.ts";
import { parseRealm } from "../../../src/names/mod.ts";
import { alwaysDrawing } from "../world.ts";

const REALM = parseRealm("org.example.test"), IDENTITY = createIdentity(new Uint8Array(32).fill(7));

function record(endpoints: readonly string[], sequence = 1, identity = IDENTITY): NodeRecord {
  const head = { realm: REALM, sequence, expiresAt: 3_600_000 };
  return signRecord(identity, { kind: "node", ...head, role: "hub", endpoints }) as NodeRecord;
}

Deno.test("a target is the newest statement's addresses, the first of them, and the key that must be proven", () => {
  const book = new AddressBook(seededRandom("book")), { id } = IDENTITY;
  assert.equal(book.target(id), undefined);
  book.add(record([]));
  assert.equal(book.target(id), undefined, "a node without an address");
  const many = Array.from({ length: 16 }, (_, i) => `https://h${i}:1`);
  book.add(record(many, 3));
  book.add(record(["https://old:1"], 2));
  const target = book.target(id)!;
  assert.deepEqual(
    target.addresses,
    many.slice(0, ENDPOINTS_DIALLED_MAX).map((_, i) => ({ hostname: `h${i}`, port: 1 })),
  );
  assert.deepEqual([target.node, target.expect], [id, { kind: "key", publicKey: IDENTITY.publicKey }]);
});

Deno.test("failures are remembered, longer each time and at random, until the node is reached or says something new", () => {
  const book = new AddressBook(alwaysDrawing(0.999)), { id } = IDENTITY;
  book.add(record(["https://h:1"]));
  assert.equal(book.isResting(id, 0), false);
  let now = 0;
  const rests: number[] = [];
  for (let i = 0; i < 10; i++) {
    book.failed(id, now);
    const from = now;
    while (book.isResting(id, now)) now += 100;
    rests.push(now - from);
  }
  assert.deepEqual(rests.slice(0, 4), [1, 2, 4, 8].map((factor) => factor * BACK_OFF_MIN_MS));
  assert.equal(rests.at(-1), BACK_OFF_MAX_MS);
  book.failed(id, now);
  book.add(record(["https://h:1"], 2));
  assert.equal(book.isResting(id, now), true, "it says the same");
  book.add(record(["https://h:2"], 3));
  assert.equal(book.isResting(id, now), false, "it is elsewhere now");
  book.failed(id, now);
  book.reached(id);
  assert.equal(book.isResting(id, now), false);
  const hasty = new AddressBook(alwaysDrawing(0));
  hasty.failed(id, now);
  assert.equal(hasty.isResting(id, now), false, "full jitter begins at nothing");
});

Deno.test("the book is bounded: who was met longest ago is forgotten", () => {
  const book = new AddressBook(seededRandom("book")), first = record(["https://h:1"]);
  book.add(first);
  const one = record(["https://h:1"]);
  for (let i = 0; i < CONTACTS_MAX; i++) book.add({ ...one, node: `${i}`.padStart(64, "0") as NodeRecord["node"] });
  assert.equal(book.size, CONTACTS_MAX);
  assert.equal(book.target(first.node), undefined);
});

/** What is told anew to who has come back, until all of it is answered. @module */

import assert from "node:assert/strict";
import { Restoration } from "../../src/base/restoration.ts";

function open(...requests: number[]): Map<number, string> {
  return new Map(requests.map((request) => [request, "asked"]));
}

Deno.test("restoration: done when all that belongs to it is answered, whatever was asked since, and told once", () => {
  const restoration = new Restoration();
  assert.equal(restoration.takeDone(open()), false, "nothing was begun");
  restoration.begin(2);
  assert.equal(restoration.takeDone(open(1, 2, 3)), false);
  assert.equal(restoration.takeDone(open(2, 3)), false);
  assert.equal(restoration.takeDone(open(3)), true);
  assert.equal(restoration.takeDone(open(3)), false);
  restoration.begin(3);
  assert.equal(restoration.takeDone(open()), true, "there is nothing to restore");
});

Deno.test("restoration: what is asked in other words belongs to it where the first words did", () => {
  const restoration = new Restoration();
  restoration.extend(1, 4);
  assert.equal(restoration.takeDone(open()), false, "nothing was begun");
  restoration.begin(2);
  restoration.extend(3, 5);
  assert.equal(restoration.takeDone(open(4, 5)), true, "3 was asked since");
  restoration.begin(6);
  restoration.extend(6, 9);
  assert.equal(restoration.takeDone(open(8, 9)), false);
  assert.equal(restoration.takeDone(open(10)), true);
});

Deno.test("restoration: none is awaited of who is gone, and the next one begins anew", () => {
  const restoration = new Restoration();
  restoration.begin(2);
  restoration.end();
  assert.equal(restoration.takeDone(open()), false);
  restoration.begin(4);
  assert.equal(restoration.takeDone(open(4)), false);
  assert.equal(restoration.takeDone(open()), true);
});

/** Calls and casts that wait to be told who serves them. @module */

import assert from "node:assert/strict";
import { Call } from "../../src/rpc/calls.ts";
import { SEEKERS_MIN, Seeks } from "../../src/rpc/seeks.ts";
import { START } from "./bench.ts";

function call(number: number): Call {
  const requestId = Uint8Array.of(...new Uint8Array(14), number >> 8, number & 0xff);
  return new Call({ requestId, origin: { kind: "nobody" }, procedure: "x", timeMs: 5_000 }, START);
}

Deno.test("seeks: calls that are given up before the answer comes are not held, however many", () => {
  const waiting = new Set<Call>(), seeks = new Seeks({ castsWaitingMax: 1 }, (one) => waiting.has(one));
  const stay = Array.from({ length: 100 }, (_, index) => call(index));
  assert.equal(seeks.add("x", stay[0]!), "first");
  for (const one of stay) {
    waiting.add(one);
    if (one !== stay[0]) assert.equal(seeks.add("x", one), "asked");
  }
  for (let i = 0; i < 10_000; i++) {
    const gone = call(1_000 + i);
    waiting.add(gone);
    assert.equal(seeks.add("x", gone), "asked");
    waiting.delete(gone);
  }
  const held = seeks.take("x");
  assert(held.length <= Math.max(SEEKERS_MIN, 2 * stay.length), `got ${held.length}`);
  assert.deepEqual(held.filter((one) => waiting.has(one as Call)), stay, "those that wait are, in their order");
  assert.deepEqual(seeks.take("x"), []);
});

Deno.test("seeks: a cast waits until the answer comes, whoever gives up", () => {
  const seeks = new Seeks({ castsWaitingMax: 1 }, () => false);
  const cast = { kind: "cast", procedure: "x", args: new Uint8Array(1), fromNode: new Uint8Array(32) } as const;
  assert.equal(seeks.add("x", cast), "first");
  assert.equal(seeks.add("y", cast), "full");
  for (let i = 0; i < 2 * SEEKERS_MIN; i++) seeks.add("x", call(i));
  assert.equal(seeks.take("x")[0], cast);
  assert.equal(seeks.add("y", cast), "first", "there is room again");
});

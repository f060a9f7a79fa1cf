/** What a hub with a directory tells the mesh that it wants. @module */

import assert from "node:assert/strict";
import { ALICE, answer, Bench, BOB, send, subscribe, told } from "./hub.ts";

const KEPT = { confirmed: 3, asked: 4 };

function hub(): Bench {
  const bench = new Bench("hub", { directory: true });
  bench.up("a", ALICE);
  bench.up("b", BOB);
  return bench;
}

function recorded(bench: Bench, pattern: string) {
  return bench.command({ type: "recorded", pattern: pattern as never, confirmation: KEPT });
}

Deno.test("wanted: each pattern is told once, and acknowledged when it is kept", () => {
  const bench = hub();
  const wants = (pattern: string) => told({ type: "wanted", pattern: pattern as never });
  assert.deepEqual(bench.received("a", subscribe(1, "x.*", "y")), [wants("x.*"), wants("y")]);
  assert.deepEqual(bench.received("b", subscribe(1, "y")), []);
  assert.deepEqual(bench.subscribe(1, "y"), []);
  assert.deepEqual(recorded(bench, "y"), [
    send("b", { kind: "suback", requestId: 1, ...KEPT }, "control"),
    answer(1, KEPT),
    told({ type: "keepers" }),
    { kind: "timer", afterMs: 3_000, timer: { type: "retained", at: 4_000 } },
  ], "then the application is given what is kept");
  assert.deepEqual(recorded(bench, "x.*"), [send("a", { kind: "suback", requestId: 1, ...KEPT }, "control")]);
  assert.deepEqual(bench.received("b", subscribe(2, "x.*", "y")), [
    send("b", { kind: "suback", requestId: 2, ...KEPT }, "control"),
  ]);
  assert.deepEqual(bench.subscribe(2, "y"), [answer(4, KEPT)]);
  assert.deepEqual(bench.received("a", subscribe(3, "y")), [
    send("a", { kind: "suback", requestId: 3, ...KEPT }, "control"),
  ], "what it has already is known");
});

Deno.test("wanted: taken back with the last, however it goes", () => {
  const bench = hub(), gone = told({ type: "unwanted", pattern: "x" as never });
  bench.received("a", subscribe(1, "x"));
  bench.received("b", subscribe(1, "x"));
  bench.subscribe(1, "x");
  assert.deepEqual(bench.received("a", { kind: "unsubscribe", topics: ["x", "x"] }), []);
  assert.deepEqual(bench.down("b"), []);
  assert.deepEqual(bench.unsubscribe(1), [
    gone,
    send("a", { kind: "suback", requestId: 1, confirmed: 0, asked: 0 }, "control"),
    send("b", { kind: "suback", requestId: 1, confirmed: 0, asked: 0 }, "control"),
    answer(1, { confirmed: 0, asked: 0 }),
    answer(2),
  ]);
  bench.received("a", subscribe(2, "x"));
  recorded(bench, "x");
  assert.deepEqual(bench.down("a"), [gone]);
});

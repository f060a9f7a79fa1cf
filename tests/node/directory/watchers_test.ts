/** Who is told of changes. @module */

import assert from "node:assert/strict";
import { Watchers } from "../../../src/node/directory/watchers.ts";
import { ManualTimers } from "../../transport/manual_timers.ts";

const [ONE, TWO, THREE] = [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
];

Deno.test("watchers: who has asked lately is told, for a while", async () => {
  const timers = new ManualTimers(), watchers = new Watchers(timers);
  watchers.asked("a", ONE);
  await timers.run(60_000);
  watchers.asked("b", ONE);
  watchers.asked("b", TWO);
  assert.deepEqual([watchers.of(ONE), watchers.of(TWO), watchers.of(THREE)], [["a", "b"], ["b"], []]);
  await timers.run(30_000);
  assert.deepEqual(watchers.of(ONE), ["b"]);
  watchers.asked("b", ONE);
  await timers.run(89_999);
  assert.deepEqual([watchers.of(ONE), watchers.of(TWO)], [["b"], []]);
});

Deno.test("watchers: keys and watchers of a key are bounded; those whose time is over make room", async () => {
  const timers = new ManualTimers(), watchers = new Watchers(timers, { keysMax: 2, perKeyMax: 2 });
  for (const key of [ONE, TWO, THREE]) watchers.asked("a", key);
  assert.deepEqual([watchers.size, watchers.of(ONE), watchers.of(THREE)], [2, [], ["a"]]);
  for (const peer of ["b", "c"]) watchers.asked(peer, THREE);
  assert.deepEqual(watchers.of(THREE), ["a", "b"]);
  await timers.run(90_000);
  watchers.asked("c", THREE);
  assert.deepEqual(watchers.of(THREE), ["c"]);
});

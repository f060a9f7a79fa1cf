/** The steps of an end: each has its time, and what moves gets more of it, up to a bound. @module */

import assert from "node:assert/strict";
import { Patience } from "../../../src/link/streams/patience.ts";
import { ManualTimers } from "../../transport/manual_timers.ts";

const STEP_MS = 2_000, STEPS_MAX = 5;

function patient() {
  const timers = new ManualTimers(), moved = { bytes: 0 }, began = timers.now();
  const lost = () => new Error("lost"), progress = () => moved.bytes;
  const patience = new Patience({ timers, stepMs: STEP_MS, stepsMax: STEPS_MAX, progress, lost });
  /** When a step that never ends is given up, ms from the beginning. */
  const givenUp = () => patience.step(new Promise<never>(() => {})).catch(() => timers.now() - began);
  return { timers, moved, patience, givenUp };
}

Deno.test("patience: a step in which nothing moves has its time from its own beginning", async () => {
  const { timers, patience, givenUp } = patient();
  assert.equal(await patience.step(Promise.resolve(1)), 1);
  await timers.run(1_500);
  const late = givenUp();
  await timers.run(STEP_MS);
  assert.equal(await late, 1_500 + STEP_MS);
  await assert.rejects(patience.step(Promise.reject(new Error("broken"))), { message: "broken" });
  patience.end();
  assert.equal(timers.outstanding, 0);
});

Deno.test("patience: a step that follows another at once has its time, too", async () => {
  const { timers, patience, givenUp } = patient();
  const late = patience.step(Promise.resolve()).then(givenUp);
  await timers.run(2 * STEP_MS);
  assert.equal(await late, STEP_MS);
  patience.end();
  assert.equal(timers.outstanding, 0);
});

Deno.test("patience: while something moves a step may go on, up to its bound", async () => {
  const { timers, moved, patience, givenUp } = patient(), late = givenUp();
  for (let i = 0; i < 2 * STEPS_MAX; i++) {
    moved.bytes++;
    await timers.run(STEP_MS);
  }
  assert.equal(await late, STEPS_MAX * STEP_MS);
  patience.end();
  assert.equal(timers.outstanding, 0);
});

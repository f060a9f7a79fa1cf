/** Streams of a peer: whoever takes them, none is lost and none is taken out of order. @module */

import assert from "node:assert/strict";
import { Arrivals } from "../../../src/link/streams/arrivals.ts";
import { until } from "../../conformance/deadline.ts";

/** A source that is fed by hand. */
function source(): { stream: ReadableStream<number>; controller: ReadableStreamDefaultController<number> } {
  let controller!: ReadableStreamDefaultController<number>;
  const stream = new ReadableStream<number>({ start: (given) => void (controller = given) });
  return { stream, controller };
}

Deno.test("arrivals: what comes while they are held waits for the next taker, in order", async () => {
  const { stream, controller } = source(), arrivals = new Arrivals(stream), early: number[] = [], late: number[] = [];
  controller.enqueue(1);
  assert.equal(await arrivals.first(), 1);
  const ended = arrivals.give((one) => void early.push(one));
  controller.enqueue(2);
  await until(() => early.length === 1, "the first taker");
  arrivals.hold();
  for (const one of [3, 4, 5]) controller.enqueue(one);
  await new Promise((turn) => setTimeout(turn, 0));
  assert.deepEqual([early, controller.desiredSize], [[2], -1], "one is held, the others wait where they were");
  assert.equal(arrivals.give((one) => void late.push(one)), ended);
  controller.close();
  await ended;
  assert.deepEqual([early, late], [[2], [3, 4, 5]]);
});

Deno.test("arrivals: what has come, but was not handed over yet, is the next taker's", async () => {
  const { stream, controller } = source(), arrivals = new Arrivals(stream), late: number[] = [];
  void arrivals.give(() => assert.fail("it comes too late"));
  controller.enqueue(1);
  void arrivals.give((one) => void late.push(one));
  await until(() => late.length === 1, "the next taker");
});

Deno.test("arrivals: cancelled they are nobody's", async () => {
  const cancelled = source(), others = new Arrivals(cancelled.stream), taken: number[] = [];
  const end = others.give((one) => {
    taken.push(one);
    others.cancel();
  });
  cancelled.controller.enqueue(1);
  cancelled.controller.enqueue(2);
  await end;
  assert.deepEqual(taken, [1]);
});

Deno.test("arrivals: none comes any more where the connection broke, which it tells itself", async () => {
  const { stream, controller } = source(), arrivals = new Arrivals(stream), taken: number[] = [];
  const ended = arrivals.give((one) => void taken.push(one));
  controller.enqueue(1);
  await until(() => taken.length === 1, "the only one");
  controller.error(new Error("timed out"));
  await ended;
  assert.equal(await arrivals.first(), undefined);
});

/** Small parts of a node: payloads, failures, relief. @module */

import assert from "node:assert/strict";
import { systemTimers } from "../../src/node/runtime.ts";
import fc from "fast-check";
import { MeshError, RemoteError } from "../../src/base/errors.ts";
import { errorOf, failureOf, orThrow } from "../../src/mesh/failure.ts";
import { decodePayload, encodePayload } from "../../src/mesh/payload.ts";
import { MARKS_PER_TURN, PAUSE_MS, Relief } from "../../src/node/relief.ts";
import { ManualTimers } from "../transport/manual_timers.ts";

Deno.test("payload: JSON values and bytes come back as they were", () => {
  fc.assert(fc.property(fc.oneof(fc.jsonValue(), fc.uint8Array()), (value) => {
    const { bytes, encoding } = encodePayload(value, "test", 1 << 20);
    const expected = value instanceof Uint8Array ? new Uint8Array(value) : JSON.parse(JSON.stringify(value));
    assert.deepEqual(decodePayload(bytes, encoding), expected);
  }));
});

Deno.test("payload: without a word on its encoding it is JSON if it can be, else bytes", () => {
  const text = (value: string) => new TextEncoder().encode(value);
  assert.equal(decodePayload(text("1"), undefined), 1);
  assert.deepEqual(decodePayload(text("{"), undefined), text("{"));
  assert.deepEqual(decodePayload(text("{"), "json"), text("{"), "a peer that lies harms nobody");
  assert.deepEqual(decodePayload(text("1"), "bytes"), text("1"));
  const circular: unknown[] = [];
  circular.push(circular);
  assert.throws(() => encodePayload(circular, "publish", 100), { code: "invalid" });
  assert.throws(() => encodePayload("x".repeat(99), "publish", 100), /at most 100 bytes, got 101$/);
});

Deno.test("failure: what a handler throws keeps code and message, whatever it is", () => {
  const cases: [unknown, string, string][] = [
    [new Error("text"), "handler_error", "text"],
    [Object.assign(new Error("text"), { code: "my_code" }), "my_code", "text"],
    [Object.assign(new Error("text"), { code: 5 }), "handler_error", "text"],
    [new MeshError("closed", "text"), "closed", "text"],
    ["text", "handler_error", "text"],
    [undefined, "handler_error", "undefined"],
    [null, "handler_error", "null"],
    [{ code: "x" }, "x", "[object Object]"],
  ];
  for (const [thrown, code, text] of cases) {
    const error = errorOf(failureOf(thrown));
    assert(error instanceof RemoteError);
    assert.deepEqual([error.code, error.message], [code, text]);
  }
});

Deno.test("failure: codes of the mesh become their errors", async () => {
  const cases = {
    timeout: ["TimeoutError", true],
    no_provider: ["NoProviderError", true],
    closed: ["ClosedError", false],
    invalid: ["ValidationError", false],
    provider_lost: ["MeshError", true],
    overloaded: ["MeshError", true],
    too_many_calls: ["RefusedError", false],
  } as const;
  for (const [code, [name, retryable]] of Object.entries(cases)) {
    const error = errorOf({ code, text: "text" });
    assert.deepEqual([error.name, error.code, error.message, error.retryable], [name, code, "text", retryable]);
    await assert.rejects(orThrow(Promise.reject({ code, text: "text" })), { name, code });
  }
  const bug = new TypeError("bug");
  await assert.rejects(orThrow(Promise.reject(bug)), bug);
});

/** A queue that is too full, and a writer. */
function filled() {
  const timers = new ManualTimers(), relief = new Relief(timers), writer = {};
  const queue = { congested: true, position: 1_000, stride: 100 };
  return { timers, relief, queue, writer };
}

Deno.test("relief: pauses for a full queue until it is shorter, at most 10 ms, and not again before it has moved", async () => {
  const { timers, relief, queue, writer } = filled();
  assert.equal(relief.pause(writer), undefined);
  relief.mark(queue, writer);
  let resumed = false;
  relief.pause(writer)!.then(() => resumed = true);
  await timers.run(0);
  assert.equal(resumed, false);
  relief.drained(queue);
  await timers.run(0);
  assert.deepEqual([resumed, timers.outstanding], [true, 0]);
  for (const [moves, pauses] of [[0, true], [99, false], [1, true], [-99, false], [-1, true]] as const) {
    queue.position += moves;
    relief.mark(queue, writer);
    const pause = relief.pause(writer);
    assert.equal(pause !== undefined, pauses, `${moves}`);
    assert.equal(relief.pause(writer), pause, "one pause for all");
    if (pause === undefined) continue;
    await timers.run(PAUSE_MS - 1);
    assert.equal(timers.outstanding, 1);
    await timers.run(1);
    await pause;
  }
});

Deno.test("relief: a queue that nobody reads is waited for once for each stride that it grows", async () => {
  const { timers, relief, queue, writer } = filled();
  let pauses = 0;
  for (; queue.position < 3_000; queue.position += 10) {
    relief.mark(queue, writer);
    const pause = relief.pause(writer);
    if (pause === undefined) continue;
    pauses++;
    await timers.run(PAUSE_MS);
    await pause;
  }
  assert.equal(pauses, 20);
  queue.position = 2_990;
  for (let i = 0; i < 100; i++) { // it is full: what is put in is dropped
    relief.mark(queue, writer);
    assert.equal(relief.pause(writer), undefined);
  }
});

Deno.test("relief: what comes and goes below a stride is no movement, wherever the queue stands", async () => {
  const { timers, relief, queue, writer } = filled();
  let pauses = 0;
  for (let i = 0; i < 100; i++) {
    queue.position += 7;
    relief.mark(queue, writer);
    const pause = relief.pause(writer);
    queue.position -= 7;
    if (pause === undefined) continue;
    pauses++;
    await timers.run(PAUSE_MS);
    await pause;
  }
  assert.equal(pauses, 1);
});

Deno.test("relief: whoever puts nothing into a full queue does not pause", async () => {
  const { timers, relief, queue, writer } = filled(), other = {}, late = {};
  relief.mark(queue, writer);
  const pause = relief.pause(writer);
  assert.notEqual(pause, undefined);
  assert.deepEqual([relief.pause(other), relief.pause(undefined)], [undefined, undefined]);
  relief.mark(queue, late);
  assert.equal(relief.pause(late), pause, "who comes later waits for the rest of it");
  await timers.run(PAUSE_MS);
  await pause;
  assert.deepEqual([relief.pause(writer), relief.pause(late)], [undefined, undefined]);
});

Deno.test("relief: again at once for a queue that has moved during the pause", async () => {
  const { timers, relief, queue, writer } = filled();
  for (let i = 0; i < 3; i++) {
    relief.mark(queue, writer);
    const pause = relief.pause(writer);
    assert.notEqual(pause, undefined);
    queue.position -= queue.stride;
    relief.mark(queue, writer); // during the pause, behind the step
    await timers.run(PAUSE_MS);
    await pause;
  }
});

Deno.test("relief: the event loop has a turn now and then while a queue stands still", async () => {
  let turns = 0;
  const timers = Object.assign(new ManualTimers(), { turn: () => Promise.resolve(void turns++) });
  const relief = new Relief(timers), { queue, writer } = filled();
  relief.mark(queue, writer);
  const pause = relief.pause(writer);
  await timers.run(PAUSE_MS);
  await pause;
  for (let i = 1; i <= 3 * MARKS_PER_TURN; i++) {
    relief.mark(queue, writer);
    await relief.pause(writer);
    assert.equal(turns, Math.floor(i / MARKS_PER_TURN));
  }
});

Deno.test("the recent time is the time of the last millisecond, never ahead and never running back", () => {
  const timers = systemTimers();
  for (let i = 0, last = 0; i < 50; i++) {
    const before = timers.now(), startedAt = Date.now();
    while (Date.now() === startedAt); // a busy wait on the clock that it looks at
    const recent = timers.recent!(), after = timers.now();
    assert.ok(before <= recent && recent <= after && last <= recent, `${last} ${before} ${recent} ${after}`);
    last = recent;
  }
});

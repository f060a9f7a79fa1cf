/** One lane: what is appended is written whole, in order, in large writes, and its buffers are left alone meanwhile. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { concatBytes } from "../../src/base/bytes.ts";
import { LaneWriter } from "../../src/link/lane_writer.ts";
import { encodeFrame, type Message } from "../../src/wire/mod.ts";

const WRITE_BYTES = 64 * 1024;

function event(number: number, bytes: number): Message {
  const messageId = new Uint8Array(16).fill(number), payload = new Uint8Array(bytes).fill(number);
  return { kind: "publish", topic: "a.b", payload, qos: 0, retain: false, messageId };
}

/** A lane whose writes settle when the test says so. */
function slowLane() {
  const parts: Uint8Array[] = [], sums: number[] = [];
  let queued = 0, release = () => {};
  const sink = new WritableStream<Uint8Array>({
    async write(part) {
      const before = part.slice();
      parts.push(before);
      await new Promise<void>((resolve) => release = resolve);
      assert.deepEqual(part, before, "a buffer is not touched until its write has settled");
    },
  });
  const owner = {
    queued: (bytes: number) => void sums.push(queued += bytes),
    wrote: () => {},
    broken: (cause: unknown) => assert.fail(String(cause)),
  };
  return { lane: new LaneWriter(sink.getWriter(), owner), parts, queued: () => queued, release: () => release() };
}

Deno.test("lane: bursts between writes come out whole and in order, in few writes, and the queue is counted", async () => {
  const bursts = fc.array(fc.array(fc.integer({ min: 0, max: 60_000 }), { maxLength: 40 }), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(bursts, async (lengths) => {
      const { lane, parts, queued, release } = slowLane(), frames: Uint8Array[] = [];
      for (const [index, burst] of lengths.entries()) {
        for (const bytes of burst) {
          const message = event(index, bytes);
          frames.push(encodeFrame(message));
          lane.append(message);
        }
        await turn();
        release();
        await turn();
      }
      for (let steps = 0; queued() > 0; await turn()) {
        assert.ok(steps++ < 1_000, "it goes on");
        release();
      }
      await lane.finish();
      const sent = concatBytes(...frames);
      assert.deepEqual(concatBytes(...parts), sent);
      assert.ok(parts.every(({ length }) => length <= WRITE_BYTES));
      // A batch is full at 60 KiB; one that large frames made longer than a write takes two.
      assert.ok(
        parts.length <= 2 * sent.length / (WRITE_BYTES - 4 * 1024) + 2 * lengths.length,
        `${parts.length} writes`,
      );
    }),
    { numRuns: 30 },
  );
});

Deno.test("lane: when the stream breaks nothing is counted as waiting but what was being written", async () => {
  let queued = 0, written = 0, broken = 0;
  const sink = new WritableStream<Uint8Array>({
    write(part) {
      written = part.length;
      throw new Error("gone");
    },
  });
  const lane = new LaneWriter(sink.getWriter(), {
    queued: (bytes) => void (queued += bytes),
    wrote() {},
    broken: () => void broken++,
  });
  for (let i = 0; i < 10; i++) lane.append(event(i, 30_000));
  await turn();
  assert.equal(broken, 1);
  assert.ok(written > 0 && queued <= 2 * WRITE_BYTES, `${queued} bytes`);
  lane.append(event(1, 1));
  await lane.finish();
});

function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

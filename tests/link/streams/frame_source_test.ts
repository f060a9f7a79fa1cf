/** Frames of a handshake, one at a time: each stays as it came, though the memory that was read into is used again. @module */

import assert from "node:assert/strict";
import { encodeFrame } from "../../../src/wire/mod.ts";
import { FrameSource } from "../../../src/link/frame_source.ts";

const FRAMES = Array.from({ length: 40 }, (_, i) => {
  return encodeFrame({ kind: "error", code: `number${i}`, text: "x".repeat(i * 37 % 300) });
});

/** All of them, so many bytes at a time. */
function stream(bytesMax: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  const sent = Uint8Array.from(FRAMES.flatMap((frame) => [...frame]));
  let at = 0;
  return new ReadableStream({
    type: "bytes",
    autoAllocateChunkSize: 4_096,
    pull(controller) {
      const request = controller.byobRequest!, view = request.view as Uint8Array;
      const count = Math.min(bytesMax, view.length, sent.length - at);
      if (count === 0) controller.close();
      view.set(sent.subarray(at, at += count));
      request.respond(count);
    },
  });
}

Deno.test("frame source: frames stay what they were, however they are cut", async () => {
  for (const bytesMax of [1, 7, 60, 100, 1_000, 4_096]) {
    const source = new FrameSource(stream(bytesMax), 1_024), got: Uint8Array[] = [];
    for (let frame = await source.next(); frame !== undefined; frame = await source.next()) got.push(frame);
    assert.deepEqual(got, FRAMES);
  }
});

Deno.test("frame source: what somebody was told of is kept as it came", async () => {
  const source = new FrameSource(stream(60), 1_024), heard: Uint8Array[] = [];
  source.onChunk = (chunk) => void heard.push(chunk);
  for (let i = 0; i < 20; i++) await source.next();
  source.onChunk = undefined;
  for (let i = 20; i < FRAMES.length; i++) await source.next();
  const bytes = heard.flatMap((chunk) => [...chunk]);
  assert.deepEqual(bytes, FRAMES.flatMap((frame) => [...frame]).slice(0, bytes.length));
  assert(bytes.length >= FRAMES.slice(0, 20).reduce((sum, { length }) => sum + length, 0));
});

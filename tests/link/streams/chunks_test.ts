/** Reading streams: all that was sent comes, in memory that follows the traffic. @module */

import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import fc from "fast-check";
import { CHUNK_BYTES_MAX, CHUNK_BYTES_MIN, ChunkReader } from "../../../src/link/streams/chunks.ts";

/** A stream of bytes that gives at most `counts[i]` bytes for the i-th request, as much as there is room for. */
function bytesOf(sent: Uint8Array, counts: readonly number[]): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = 0, turn = 0;
  return new ReadableStream({
    type: "bytes",
    autoAllocateChunkSize: CHUNK_BYTES_MAX,
    pull(controller) {
      const request = controller.byobRequest!, view = request.view as Uint8Array;
      const count = Math.min(counts[turn++ % counts.length]!, view.length, sent.length - at);
      if (count === 0) controller.close();
      view.set(sent.subarray(at, at + count));
      at += count;
      request.respond(count);
    },
  });
}

async function chunksOf(reader: ChunkReader): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for (let next = await reader.read(); !next.done; next = await reader.read(next.value)) chunks.push(next.value);
  return chunks;
}

function numbered(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, index) => index * 31 >> 3);
}

Deno.test("chunks: all bytes come in order, whatever comes at once; no memory is given twice", async () => {
  const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 100_000 })), {
    minLength: 1,
    maxLength: 20,
  });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 400_000 }), sizes, async (length, counts) => {
      const sent = numbered(length), step = counts.map((count) => Math.max(count, Math.ceil(length / 200)));
      const chunks = await chunksOf(new ChunkReader(bytesOf(sent, step)));
      assert.deepEqual(Buffer.concat(chunks), Buffer.from(sent));
      assert.equal(new Set(chunks.map(({ buffer }) => buffer)).size, chunks.length);
      for (const { buffer: { byteLength } } of chunks) {
        assert.ok(byteLength >= CHUNK_BYTES_MIN && byteLength <= CHUNK_BYTES_MAX, `${byteLength}`);
      }
    }),
    { numRuns: 30 },
  );
});

Deno.test("chunks: the room follows the traffic, up to 64 KiB and back to 2", async () => {
  const many = Array.from({ length: 5 }, () => CHUNK_BYTES_MAX), few = [200, 200, 200, 200];
  const chunks = await chunksOf(
    new ChunkReader(bytesOf(numbered((2 + 8 + 32 + 64 + 64) * 1024 + 800), [
      ...many,
      ...few,
    ])),
  );
  const rooms = chunks.map(({ buffer }) => buffer.byteLength / 1024), lengths = chunks.map(({ length }) => length);
  assert.deepEqual(rooms, [2, 8, 32, 64, 64, 64, 16, 4, 2]);
  assert.deepEqual(lengths.slice(5), few);
});

Deno.test("chunks: the memory of one that is given back is used for the next of its length, and no other", async () => {
  const reader = new ChunkReader(bytesOf(numbered(100_000), [1_000])), first = (await reader.read()).value!;
  const second = (await reader.read()).value!;
  assert.deepEqual([first.length, first[999]], [1_000, 999 * 31 >> 3 & 0xff]);
  const third = (await reader.read(second, true)).value!;
  assert.deepEqual([first.length, second.length, third[0]], [1_000, 0, 2_000 * 31 >> 3 & 0xff]);
  const fourth = (await reader.read(third.subarray(10), true)).value!;
  assert.deepEqual([third.length, fourth.length, fourth[0]], [0, 1_000, 3_000 * 31 >> 3 & 0xff]);
  await reader.read(new Uint8Array(CHUNK_BYTES_MIN + 1), true);
});

Deno.test("chunks: a stream that is not of bytes comes as it was written", async () => {
  const written = [numbered(3), numbered(100_000)];
  assert.deepEqual(await chunksOf(new ChunkReader(ReadableStream.from(written))), written);
});

Deno.test("chunks: a broken stream is told, and one that another reads is not taken", async () => {
  for (const type of ["bytes", undefined]) {
    const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
      type: type as undefined,
      pull: () => Promise.reject(new Error("it broke")),
    });
    const reader = new ChunkReader(stream);
    assert.throws(() => new ChunkReader(stream), TypeError);
    await assert.rejects(reader.read(), /it broke/);
  }
});

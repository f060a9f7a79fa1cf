/** Frames cut out of chunks. @module */

import assert from "node:assert/strict";
import { equalBytes } from "../../src/base/bytes.ts";
import { seededRandom } from "../../src/base/random.ts";
import { PIECE_BYTES_MAX, Slab, SLAB_BYTES } from "../../src/base/slab.ts";
import { encodeFrame } from "../../src/wire/codec.ts";
import { BLOCK_BYTES, FRAME_BYTES_MAX, FrameReader } from "../../src/wire/frame.ts";
import { MalformedFrame } from "../../src/wire/malformed_frame.ts";
import { Writer } from "../../src/wire/writer.ts";

const ping = encodeFrame({ kind: "ping", timestamp: 1735689600123 });

Deno.test("frames are copies: a chunk may be written to once all of them were taken", () => {
  const writer = new Writer(8);
  for (let i = 0; i < 3; i++) writer.set(ping);
  const chunk = writer.copy(), reader = new FrameReader();
  const frames = read(reader, chunk);
  chunk.fill(0);
  assert.deepEqual(frames, [ping, ping, ping]);
  assert.equal(new Set(frames.map(({ buffer }) => buffer)).size, 1, "one copy for all of them");
  structuredClone(chunk, { transfer: [chunk.buffer] }); // as a read into the same memory does
  assert.deepEqual(read(reader, ping), [ping]);
  reader.end();
});

Deno.test("a frame that is kept holds at most 4 KiB, or as much as it has itself, and no copy is made in vain", () => {
  const random = seededRandom("blocks"), writer = new Writer();
  const lengths = Array.from({ length: 300 }, (_, i) => i % 50 === 49 ? 6_000 : 8 + Math.floor(random.number() * 900));
  for (const length of lengths) writer.set(frameOf(length));
  const frames = read(new FrameReader(), writer.copy()), buffers = new Set(frames.map(({ buffer }) => buffer));
  assert.deepEqual(frames.map(({ length }) => length), lengths);
  for (const { buffer, length } of frames) assert(buffer.byteLength <= Math.max(BLOCK_BYTES, length));
  const held = [...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0);
  assert.equal(held, lengths.reduce((sum, length) => sum + length, 0));
  assert(buffers.size < frames.length / 5, `${buffers.size} copies of ${frames.length} frames`);
});

Deno.test("whoever transfers a frame's buffer away harms no later frame", () => {
  const writer = new Writer(8);
  for (let i = 0; i < 3; i++) writer.set(ping);
  const reader = new FrameReader();
  reader.push(writer.copy());
  const first = reader.next()!;
  structuredClone(first, { transfer: [first.buffer as ArrayBuffer] });
  assert.deepEqual([reader.next(), reader.next(), reader.next()], [ping, ping, undefined]);
});

Deno.test("with a slab what comes little by little shares memory, and what comes in masses does not go there", () => {
  const reader = new FrameReader({ slab: new Slab() }), chunk = ping.slice(), little = read(reader, chunk);
  chunk.fill(0);
  for (let i = 0; i < 20; i++) little.push(...read(reader, ping));
  assert.deepEqual(little, Array.from({ length: 21 }, () => ping));
  const [{ buffer }] = little as [Uint8Array];
  assert.deepEqual([new Set(little.map((frame) => frame.buffer)).size, buffer.byteLength], [1, SLAB_BYTES]);
  const [long] = read(reader, frameOf(PIECE_BYTES_MAX + 1)) as [Uint8Array];
  assert.deepEqual([long.length, long.buffer.byteLength], [PIECE_BYTES_MAX + 1, PIECE_BYTES_MAX + 1]);
  structuredClone(little[0], { transfer: [buffer as ArrayBuffer] });
  assert.deepEqual(read(reader, ping), [ping], "whoever transfers it away harms no later frame");
});

Deno.test("any chunking gives the same frames, and what was given stays as it is", () => {
  const random = seededRandom("chunks"), writer = new Writer(), frames: Uint8Array[] = [];
  for (let i = 0; i < 200; i++) {
    const length = i % 20 === 0 ? 5000 : Math.floor(random.number() * 60);
    const frame = encodeFrame({ kind: "hello", version: "1", body: random.bytes(length), signature: random.bytes(64) });
    frames.push(frame);
    writer.set(frame);
  }
  const stream = writer.copy();
  for (let round = 0; round < 24; round++) {
    const reader = new FrameReader(), got: Uint8Array[] = [], most = [1, 3, 9, 50, 3000, 100_000][round % 6]!;
    for (let at = 0; at < stream.length;) {
      const size = 1 + Math.floor(random.number() * most);
      got.push(...read(reader, stream.slice(at, at + size)));
      at += size;
    }
    assert.equal(got.length, frames.length);
    assert(got.every((frame, i) => equalBytes(frame, frames[i]!)));
    reader.end();
  }
});

Deno.test("a frame that is announced too large is refused at its header", () => {
  const header = Uint8Array.of(1, 3, 0, 0, 0, 0, 0, 93);
  assert.equal(new FrameReader({ frameBytesMax: 101 }).pendingBytes, 0);
  assert.deepEqual(read(new FrameReader({ frameBytesMax: 101 }), header), []);
  for (const size of [1, 7, 8]) {
    const reader = new FrameReader({ frameBytesMax: 100 });
    assert.throws(() => {
      for (let at = 0; at < 8; at += size) read(reader, header.subarray(at, at + size));
    }, /^MalformedFrame: Cannot read the frame: it has at most 100 bytes, got 101$/);
  }
  assert.throws(() => read(new FrameReader(), Uint8Array.of(1, 3, 0, 0, 255, 255, 255, 255)), MalformedFrame);
});

Deno.test("the bound is 8 bytes to 16 MiB", () => {
  new FrameReader({ frameBytesMax: FRAME_BYTES_MAX });
  for (const frameBytesMax of [0, 7, 1.5, NaN, FRAME_BYTES_MAX + 1]) {
    assert.throws(() => new FrameReader({ frameBytesMax }), /^ValidationError: Cannot use as frameBytesMax: .*, got /);
  }
});

Deno.test("an announced frame takes memory only as it arrives", () => {
  const reader = new FrameReader({ frameBytesMax: FRAME_BYTES_MAX });
  const header = Uint8Array.of(1, 3, 0, 0, 0, 255, 255, 240);
  read(reader, header);
  const chunk = new Uint8Array(1000), allocated = watchAllocations(() => read(reader, chunk));
  assert(allocated <= 2 * 1008, `${allocated} bytes`);
  assert.equal(reader.pendingBytes, 1008);
});

Deno.test("the end in the middle of a frame is an error", () => {
  for (const size of [1, 8, ping.length - 1]) {
    const reader = new FrameReader();
    read(reader, ping.subarray(0, size));
    assert.equal(reader.pendingBytes, size);
    assert.throws(() => reader.end(), MalformedFrame);
    assert.deepEqual(read(reader, ping.subarray(size)), [ping]);
    reader.end();
  }
});

Deno.test("pushing before all frames are taken is a bug", () => {
  const reader = new FrameReader();
  reader.push(ping);
  assert.throws(() => reader.push(ping), /Assertion failed/);
});

Deno.test("the writer grows, and is used again", () => {
  const writer = new Writer(1);
  writer.u8(1);
  writer.u16(0x0203);
  writer.u32(0x04050607);
  writer.set(new Uint8Array(100).fill(9));
  assert.deepEqual([...writer.view().subarray(0, 8)], [1, 2, 3, 4, 5, 6, 7, 9]);
  const { bytes } = writer;
  writer.reset();
  writer.u8(42);
  assert(writer.bytes === bytes);
  assert.deepEqual(writer.copy(), Uint8Array.of(42));
});

/** A frame of `length` bytes, header included. */
function frameOf(length: number): Uint8Array {
  const frame = new Uint8Array(length).fill(7);
  frame.set([1, 3, 0, 0, 0, 0, (length - 8) >> 8, length - 8 & 0xff]);
  return frame;
}

function read(reader: FrameReader, chunk: Uint8Array): Uint8Array[] {
  const out: Uint8Array[] = [];
  reader.push(chunk);
  for (let frame = reader.next(); frame !== undefined; frame = reader.next()) out.push(frame);
  return out;
}

/** The bytes of the arrays that `action` makes, from the constructor. */
function watchAllocations(action: () => void): number {
  const original = globalThis.Uint8Array;
  let sum = 0;
  globalThis.Uint8Array = new Proxy(original, {
    construct(target, parameters: [number]) {
      if (typeof parameters[0] === "number") sum += parameters[0];
      return Reflect.construct(target, parameters);
    },
  });
  try {
    action();
    return sum;
  } finally {
    globalThis.Uint8Array = original;
  }
}

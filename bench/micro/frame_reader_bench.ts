/** Cutting a stream into frames. @module */

import { encodeFrame, FrameReader } from "../../src/wire/mod.ts";
import { publish } from "./messages.ts";

const FRAMES = 300;
/** About the size of the chunks that QUIC hands over. */
const SPLIT_BYTES = 1_200;
const frame = encodeFrame(publish()), stream = new Uint8Array(FRAMES * frame.length);
for (let i = 0; i < FRAMES; i++) stream.set(frame, i * frame.length);

Deno.bench(`${FRAMES} events in one chunk`, { group: "frames" }, () => count(stream.length));
Deno.bench(`${FRAMES} events in chunks of ${SPLIT_BYTES} bytes`, { group: "frames" }, () => count(SPLIT_BYTES));

function count(chunkBytes: number): void {
  const reader = new FrameReader();
  let frames = 0;
  for (let at = 0; at < stream.length; at += chunkBytes) {
    reader.push(stream.subarray(at, at + chunkBytes));
    while (reader.next() !== undefined) frames++;
  }
  if (frames !== FRAMES) throw new Error(`Cannot measure: ${FRAMES} frames are expected, got ${frames}`);
}

/**
 * Frames from a peer of the original, in whatever chunks they come. What its own decoder would not read (an unknown
 * type, another version, a payload that is no message) is skipped by its length, as its client does.
 *
 * @module
 */

import { FRAME_HEADER_BYTES, FRAME_VERSION } from "../wire/mod.ts";

/** A frame's memory: at first, and what is kept of it for the next one. */
const HELD_BYTES_INITIAL = 512, HELD_BYTES_KEPT = 64 << 10;

/** Cuts a stream into frames; `push` a chunk, then take `next` until it gives `undefined`. */
export class LenientFrames {
  readonly #frameBytesMax: number;
  #chunk: Uint8Array = new Uint8Array(0);
  #offset = 0;
  /** The frame that is not whole yet; at most twice what has arrived of it. */
  #held = new Uint8Array(HELD_BYTES_INITIAL);
  #length = 0;
  /** Bytes of a frame that is not read, still to come. */
  #skip = 0;
  /** How many frames were skipped for their header. */
  skipped = 0;

  /** Frames over `frameBytesMax` bytes, header included, are skipped. */
  constructor(frameBytesMax: number) {
    this.#frameBytesMax = frameBytesMax;
  }

  /** How many bytes of a frame that is not whole are held. */
  get pendingBytes(): number {
    return this.#length;
  }

  /** Hands over the next bytes of the stream, after all frames of those before were taken. */
  push(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#offset = 0;
  }

  /** The next whole frame, in memory of its own, or `undefined` when another chunk is needed. */
  next(): Uint8Array | undefined {
    for (;;) {
      const skipped = Math.min(this.#skip, this.#chunk.length - this.#offset);
      this.#offset += skipped;
      this.#skip -= skipped;
      if (!this.#take(FRAME_HEADER_BYTES)) return undefined;
      const total = FRAME_HEADER_BYTES + new DataView(this.#held.buffer).getUint32(4);
      if (this.#held[0] === FRAME_VERSION && total <= this.#frameBytesMax) {
        if (!this.#take(total)) return undefined;
        const frame = this.#held.slice(0, total);
        this.#length = 0;
        if (this.#held.length > HELD_BYTES_KEPT) this.#held = new Uint8Array(HELD_BYTES_INITIAL);
        return frame;
      }
      this.skipped++;
      this.#skip = total - FRAME_HEADER_BYTES;
      this.#length = 0;
    }
  }

  /** Whether so many bytes of the frame are there now. */
  #take(wanted: number): boolean {
    const count = Math.min(wanted - this.#length, this.#chunk.length - this.#offset);
    if (count > 0) {
      if (this.#length + count > this.#held.length) {
        const grown = new Uint8Array(2 * (this.#length + count));
        grown.set(this.#held.subarray(0, this.#length));
        this.#held = grown;
      }
      this.#held.set(this.#chunk.subarray(this.#offset, this.#offset + count), this.#length);
      this.#offset += count;
      this.#length += count;
    }
    return this.#length >= wanted;
  }
}

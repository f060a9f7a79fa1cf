/**
 * Frames: what a stream carries, one behind the other.
 *
 *     0  u8   version, 1
 *     1  u8   message type
 *     2  u8   flags, written 0, ignored
 *     3  u8   reserved, written 0, ignored
 *     4  u32  length of the payload, big endian
 *     8       payload: one MessagePack map
 *
 * @module
 */

import { assert, ValidationError } from "../base/errors.ts";
import { MalformedFrame } from "./malformed_frame.ts";

/** The version in each header. */
export const FRAME_VERSION = 1;
/** Length of the header. */
export const FRAME_HEADER_BYTES = 8;
/** Largest frame, header included, that is read unless told otherwise: 1 MiB. */
export const FRAME_BYTES_DEFAULT = 1 << 20;
/** Largest frame, header included, that can be allowed or written: 16 MiB. */
export const FRAME_BYTES_MAX = 1 << 24;

const EMPTY = new Uint8Array(0);

/** The payload's length that a header announces; `frame` has at least 8 bytes. */
export function payloadLength(frame: Uint8Array): number {
  return (frame[4]! << 24 | frame[5]! << 16 | frame[6]! << 8 | frame[7]!) >>> 0;
}

/**
 * Cuts a stream into frames. `push` a chunk, then take `next` until it gives `undefined`, then push the next chunk.
 *
 * A frame that lies whole in its chunk is given as a subarray of it; one that is split over chunks is put together in
 * memory of its own, at most twice what has arrived of it. Nothing that was given is written to again.
 */
export class FrameReader {
  /** Largest frame that is read, header included, in bytes. */
  frameBytesMax: number;
  #chunk: Uint8Array = EMPTY;
  #offset = 0;
  /** The frame that is not whole yet, as far as it has arrived; empty between frames. */
  #part: Uint8Array = EMPTY;
  #partLength = 0;

  constructor(options: { readonly frameBytesMax?: number } = {}) {
    const { frameBytesMax = FRAME_BYTES_DEFAULT } = options;
    if (!Number.isInteger(frameBytesMax) || frameBytesMax < FRAME_HEADER_BYTES || frameBytesMax > FRAME_BYTES_MAX) {
      throw new ValidationError(
        `Cannot use as frameBytesMax: it is ${FRAME_HEADER_BYTES} to ${FRAME_BYTES_MAX} bytes, got ${frameBytesMax}`,
      );
    }
    this.frameBytesMax = frameBytesMax;
  }

  /** How many bytes of a frame that is not whole are held. */
  get pendingBytes(): number {
    return this.#partLength + this.#chunk.length - this.#offset;
  }

  /** Hands over the next bytes of the stream; they must not change while frames of them are in use. */
  push(chunk: Uint8Array): void {
    assert(this.#offset === this.#chunk.length, "all frames of a chunk are taken before the next is pushed");
    this.#chunk = chunk;
    this.#offset = 0;
  }

  /** The next whole frame, or `undefined` when another chunk is needed. Throws `MalformedFrame` on one too large. */
  next(): Uint8Array | undefined {
    if (this.#partLength > 0) return this.#assemble();
    const chunk = this.#chunk, start = this.#offset, available = chunk.length - start;
    if (available >= FRAME_HEADER_BYTES) {
      const total = FRAME_HEADER_BYTES +
        ((chunk[start + 4]! << 24 | chunk[start + 5]! << 16 | chunk[start + 6]! << 8 | chunk[start + 7]!) >>> 0);
      if (total > this.frameBytesMax) throw tooLarge(this.frameBytesMax, total);
      if (available >= total) {
        this.#offset = start + total;
        return chunk.subarray(start, start + total);
      }
    }
    if (available > 0) this.#take(available);
    return undefined;
  }

  /** To be called at the end of the stream; throws `MalformedFrame` when it ends inside a frame. */
  end(): void {
    if (this.pendingBytes > 0) {
      throw new MalformedFrame(`a stream ends behind a frame, got ${this.pendingBytes} bytes of another`);
    }
  }

  /** Goes on with the frame that began in an earlier chunk. */
  #assemble(): Uint8Array | undefined {
    if (this.#partLength < FRAME_HEADER_BYTES) {
      this.#take(FRAME_HEADER_BYTES - this.#partLength);
      if (this.#partLength < FRAME_HEADER_BYTES) return undefined;
    }
    const total = FRAME_HEADER_BYTES + payloadLength(this.#part);
    if (total > this.frameBytesMax) throw tooLarge(this.frameBytesMax, total);
    this.#take(total - this.#partLength, total);
    if (this.#partLength < total) return undefined;
    const frame = this.#part.subarray(0, total);
    this.#part = EMPTY;
    this.#partLength = 0;
    return frame;
  }

  /** Copies up to `wanted` bytes of the chunk into the part; `total` is the whole frame's length where it is known. */
  #take(wanted: number, total = FRAME_BYTES_MAX): void {
    const count = Math.min(wanted, this.#chunk.length - this.#offset), needed = this.#partLength + count;
    if (needed > this.#part.length) {
      const grown = new Uint8Array(Math.max(needed, Math.min(total, 2 * needed)));
      grown.set(this.#part.subarray(0, this.#partLength));
      this.#part = grown;
    }
    this.#part.set(this.#chunk.subarray(this.#offset, this.#offset + count), this.#partLength);
    this.#partLength = needed;
    this.#offset += count;
    if (this.#offset === this.#chunk.length) { // 64 KiB may stand behind a chunk of a few bytes
      this.#chunk = EMPTY;
      this.#offset = 0;
    }
  }
}

function tooLarge(frameBytesMax: number, total: number): MalformedFrame {
  return new MalformedFrame(`it has at most ${frameBytesMax} bytes, got ${total}`);
}

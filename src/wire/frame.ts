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
import { PIECE_BYTES_MAX, type Slab } from "../base/slab.ts";
import { MalformedFrame } from "./malformed_frame.ts";

/** The version in each header. */
export const FRAME_VERSION = 1;
/** Length of the header. */
export const FRAME_HEADER_BYTES = 8;
/** Largest frame, header included, that is read unless told otherwise: 1 MiB. */
export const FRAME_BYTES_DEFAULT = 1 << 20;
/** Largest frame, header included, that can be allowed or written: 16 MiB. */
export const FRAME_BYTES_MAX = 1 << 24;

/** Whole frames are copied out of their chunk in blocks of so many bytes; a longer frame is one of its own. */
export const BLOCK_BYTES = 4 << 10;

const EMPTY = new Uint8Array(0);

/** The payload's length that the header at `at` announces; `bytes` holds the header. */
export function payloadLength(bytes: Uint8Array, at = 0): number {
  return (bytes[at + 4]! << 24 | bytes[at + 5]! << 16 | bytes[at + 6]! << 8 | bytes[at + 7]!) >>> 0;
}

/**
 * Cuts a stream into frames. `push` a chunk, then take `next` until it gives `undefined`, then push the next chunk.
 *
 * What is given is the reader's own copy, and is not written to again, so a chunk's memory can be used for the next. Who
 * keeps a part of it keeps little else: frames that lie whole in a chunk are copied together, one copy for each 4 KiB
 * (`BLOCK_BYTES`), as a copy of each would take as long as all else; one that is split over chunks is put together in
 * memory of its own, at most 4 KiB or twice what has arrived of it. With a `slab` short copies are cut from it: what
 * comes little by little then needs new memory only now and then.
 */
export class FrameReader {
  /** Largest frame that is read, header included, in bytes. */
  frameBytesMax: number;
  #chunk: Uint8Array = EMPTY;
  #offset = 0;
  /** A copy of the chunk from `#blockStart` on; without any length if somebody has transferred its buffer away. */
  #block = EMPTY;
  #blockStart = 0;
  /** The frame that is not whole yet, as far as it has arrived; empty between frames. */
  #part: Uint8Array = EMPTY;
  #partLength = 0;
  readonly #slab: Slab | undefined;

  constructor(options: { readonly frameBytesMax?: number; readonly slab?: Slab } = {}) {
    const { frameBytesMax = FRAME_BYTES_DEFAULT, slab } = options;
    if (!Number.isInteger(frameBytesMax) || frameBytesMax < FRAME_HEADER_BYTES || frameBytesMax > FRAME_BYTES_MAX) {
      throw new ValidationError(
        `Cannot use as frameBytesMax: it is ${FRAME_HEADER_BYTES} to ${FRAME_BYTES_MAX} bytes, got ${frameBytesMax}`,
      );
    }
    this.frameBytesMax = frameBytesMax;
    this.#slab = slab;
  }

  /** How many bytes of a frame that is not whole are held. */
  get pendingBytes(): number {
    return this.#partLength + this.#chunk.length - this.#offset;
  }

  /** Hands over the next bytes of the stream; they must not change until `next` has given `undefined`. */
  push(chunk: Uint8Array): void {
    assert(this.#offset === this.#chunk.length, "all frames of a chunk are taken before the next is pushed");
    this.#chunk = chunk;
    this.#offset = 0;
  }

  /** The next whole frame, or `undefined` when another chunk is needed. Throws `MalformedFrame` on one too large. */
  next(): Uint8Array | undefined {
    if (this.#partLength > 0) return this.#assemble();
    const chunk = this.#chunk, start = this.#offset, available = chunk.length - start;
    let total = FRAME_BYTES_MAX;
    if (available >= FRAME_HEADER_BYTES) {
      total = FRAME_HEADER_BYTES + payloadLength(chunk, start);
      if (total > this.frameBytesMax) throw tooLarge(this.frameBytesMax, total);
      if (available >= total) {
        this.#offset = start + total;
        return this.#copy(start, total);
      }
    }
    if (available > 0) this.#take(available, total);
    else this.#letGo();
    return undefined;
  }

  /** To be called at the end of the stream; throws `MalformedFrame` when it ends inside a frame. */
  end(): void {
    if (this.pendingBytes > 0) {
      throw new MalformedFrame(`a stream ends behind a frame, got ${this.pendingBytes} bytes of another`);
    }
  }

  /** The frame that lies whole in the chunk. */
  #copy(start: number, total: number): Uint8Array {
    if (start + total > this.#blockStart + this.#block.length) {
      const end = this.#blockEnd(start + total, start + BLOCK_BYTES), isShort = end - start <= PIECE_BYTES_MAX;
      this.#block = isShort && this.#slab !== undefined
        ? this.#slab.copy(this.#chunk.subarray(start, end))
        : this.#chunk.slice(start, end);
      this.#blockStart = start;
    }
    const from = start - this.#blockStart;
    if (total === this.#block.length) return this.#block;
    return this.#block.subarray(from, from + total);
  }

  /** Behind the last whole frame from `end` on that ends at `most` at the latest. */
  #blockEnd(end: number, most: number): number {
    const chunk = this.#chunk, endMax = Math.min(most, chunk.length);
    for (let at = end; at + FRAME_HEADER_BYTES <= endMax; end = at) {
      at += FRAME_HEADER_BYTES + payloadLength(chunk, at);
      if (at > endMax) break;
    }
    return end;
  }

  /** From here on the chunk's owner may write to it. */
  #letGo(): void {
    this.#chunk = this.#block = EMPTY;
    this.#offset = this.#blockStart = 0;
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

  /**
   * Copies up to `wanted` bytes of the chunk into the part; `total` is the whole frame's length where it is known. A part
   * grows with what arrives; up to a block it has its whole length at once, as growing means to copy.
   */
  #take(wanted: number, total = FRAME_BYTES_MAX): void {
    const count = Math.min(wanted, this.#chunk.length - this.#offset), needed = this.#partLength + count;
    if (needed > this.#part.length) {
      const grown = new Uint8Array(total <= BLOCK_BYTES ? total : Math.max(needed, Math.min(total, 2 * needed)));
      grown.set(this.#part.subarray(0, this.#partLength));
      this.#part = grown;
    }
    this.#part.set(this.#chunk.subarray(this.#offset, this.#offset + count), this.#partLength);
    this.#partLength = needed;
    this.#offset += count;
    if (this.#offset === this.#chunk.length) this.#letGo();
  }
}

function tooLarge(frameBytesMax: number, total: number): MalformedFrame {
  return new MalformedFrame(`it has at most ${frameBytesMax} bytes, got ${total}`);
}

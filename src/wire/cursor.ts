/** Reading MessagePack with limits. @module */

import { fromUtf8 } from "../base/bytes.ts";
import { MalformedFrame } from "./malformed_frame.ts";
import { asciiText, type TextCache } from "./text_cache.ts";

/** How deep maps and lists may be nested, the message's own map included. */
export const DEPTH_MAX = 16;
/** How many elements all maps and lists of one frame may have together: a byte of an empty map costs 150 in memory. */
export const ELEMENTS_MAX = 65_536;

const EMPTY = new Uint8Array(0);
/** Up to here a loop finds ASCII faster than the decoder of UTF-8 starts. */
const SHORT_TEXT_BYTES = 128;

/**
 * A place in a MessagePack text. Each reading method takes what it names and moves on, or throws `MalformedFrame`.
 * Bytes are given as subarrays. `what` names the field in the error.
 */
export class Cursor {
  bytes: Uint8Array = EMPTY;
  offset = 0;
  end = 0;
  #buffer: ArrayBufferLike = EMPTY.buffer;
  #bufferOffset = 0;
  #depth = 0;
  #elements = 0;
  #cache: TextCache | undefined;

  constructor(cache?: TextCache) {
    this.#cache = cache;
  }

  /** Starts reading `bytes` at `start`; nothing at or behind `end` is looked at. */
  open(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    this.bytes = bytes;
    this.#buffer = bytes.buffer;
    this.#bufferOffset = bytes.byteOffset;
    this.offset = start;
    this.end = end;
    this.#depth = 0;
    this.#elements = 0;
  }

  /** Lets go of the bytes. */
  close(): void {
    this.bytes = EMPTY;
    this.#buffer = EMPTY.buffer;
    this.offset = this.end = 0;
  }

  /** The next byte, without taking it. */
  peek(): number {
    if (this.offset >= this.end) throw new MalformedFrame("its payload ends where a value begins");
    return this.bytes[this.offset]!;
  }

  /** Takes one byte. */
  u8(): number {
    if (this.offset >= this.end) throw new MalformedFrame("its payload ends inside a value");
    return this.bytes[this.offset++]!;
  }

  /** Takes two bytes, big endian. */
  u16(): number {
    return this.u8() << 8 | this.u8();
  }

  /** Takes four bytes, big endian. */
  u32(): number {
    return (this.u8() << 24 | this.u8() << 16 | this.u8() << 8 | this.u8()) >>> 0;
  }

  /** Moves `length` bytes on and returns where they start. */
  advance(length: number): number {
    const start = this.offset;
    if (length > this.end - start) {
      throw new MalformedFrame(
        `a value ends before the payload, got ${length} bytes of which ${this.end - start} are there`,
      );
    }
    this.offset = start + length;
    return start;
  }

  /** Opens a map and returns its number of entries; `leave` it when all are read. */
  enterMap(what: string): number {
    const first = this.peek();
    let count: number;
    if (first >= 0x80 && first <= 0x8f) {
      this.offset++;
      count = first & 0x0f;
    } else if (first === 0xde || first === 0xdf) {
      this.offset++;
      count = first === 0xde ? this.u16() : this.u32();
    } else {
      throw this.wrongKind(what, "a map");
    }
    this.#enter(what, count, 2 * count);
    return count;
  }

  /** Opens a list and returns its number of elements; an empty str is an empty list (the original writes it so). */
  enterList(what: string): number {
    const first = this.peek();
    let count: number;
    if (first >= 0x90 && first <= 0x9f) {
      this.offset++;
      count = first & 0x0f;
    } else if (first === 0xdc || first === 0xdd) {
      this.offset++;
      count = first === 0xdc ? this.u16() : this.u32();
    } else {
      const start = this.offset;
      if (!isStr(first) || this.stringLength() !== 0) {
        this.offset = start;
        throw this.wrongKind(what, "a list");
      }
      count = 0;
    }
    this.#enter(what, count, count);
    return count;
  }

  /** Closes the map or list that was opened last. */
  leave(): void {
    this.#depth--;
  }

  /** Takes the header of a bin or str and returns the length of what follows, or -1 (taking nothing) for other kinds. */
  stringLength(): number {
    const first = this.peek();
    if (first === 0xc4 || first === 0xd9) {
      this.offset++;
      return this.u8();
    }
    if (first >= 0xa0 && first <= 0xbf) {
      this.offset++;
      return first & 0x1f;
    }
    if (first === 0xc5 || first === 0xda) {
      this.offset++;
      return this.u16();
    }
    if (first === 0xc6 || first === 0xdb) {
      this.offset++;
      return this.u32();
    }
    return -1;
  }

  /** Takes a bin, or the UTF-8 of a str. */
  binary(what: string): Uint8Array {
    const first = this.peek(), length = this.stringLength();
    if (length < 0) throw this.wrongKind(what, "a bin");
    const start = this.advance(length);
    if (first !== 0xc4 && isStr(first)) this.#text(what, start, start + length);
    // Saves a third of the time of `subarray`.
    return new Uint8Array(this.#buffer, this.#bufferOffset + start, length);
  }

  /** Takes a text: UTF-8 in a bin or str. `isName`: it may well come again, so look whether it is known. */
  text(what: string, isName = false): string {
    const length = this.stringLength();
    if (length < 0) throw this.wrongKind(what, "a text");
    const start = this.advance(length), end = start + length;
    const known = isName ? this.#cache?.text(this.bytes, start, end) : undefined;
    return known ?? this.#text(what, start, end);
  }

  /** Takes an integer within ±2^53; `bigint` is for values beyond. */
  integer(what: string): number | bigint {
    const first = this.u8();
    if (first <= 0x7f) return first;
    if (first >= 0xe0) return first - 0x100;
    switch (first) {
      case 0xcc:
        return this.u8();
      case 0xcd:
        return this.u16();
      case 0xce:
        return this.u32();
      case 0xcf:
        return wide(this.u32(), this.u32());
      case 0xd0:
        return this.u8() << 24 >> 24;
      case 0xd1:
        return this.u16() << 16 >> 16;
      case 0xd2:
        return this.u32() | 0;
      case 0xd3:
        return wide(this.u32() | 0, this.u32());
      default:
        this.offset--;
        throw this.wrongKind(what, "an integer");
    }
  }

  /** Takes a float of 4 or 8 bytes. */
  float(): number {
    const isLong = this.u8() === 0xcb, start = this.advance(isLong ? 8 : 4);
    const view = new DataView(this.bytes.buffer, this.bytes.byteOffset + start);
    return isLong ? view.getFloat64(0) : view.getFloat32(0);
  }

  /** Takes `true` or `false`. */
  boolean(what: string): boolean {
    const first = this.peek();
    if (first !== 0xc2 && first !== 0xc3) throw this.wrongKind(what, "true or false");
    this.offset++;
    return first === 0xc3;
  }

  /** Takes any value and forgets it. */
  skip(): void {
    const first = this.peek();
    if (first <= 0x7f || first >= 0xe0 || first === 0xc0 || first === 0xc2 || first === 0xc3) {
      this.offset++;
    } else if (first <= 0x8f || first === 0xde || first === 0xdf) {
      this.#skipAll(2 * this.enterMap("a map"));
    } else if (first <= 0x9f || first === 0xdc || first === 0xdd) {
      this.#skipAll(this.enterList("a list"));
    } else if (first === 0xca || first === 0xcb) {
      this.float();
    } else if (first >= 0xcc && first <= 0xd3) {
      this.offset++;
      this.advance(1 << (first & 3));
    } else if (isStr(first)) {
      this.text("a str");
    } else {
      const length = this.stringLength();
      if (length < 0) throw this.wrongKind("a value", "one of MessagePack without extensions");
      this.advance(length);
    }
  }

  /** The error for a value of a kind that the field does not have. */
  wrongKind(what: string, wanted: string): MalformedFrame {
    const first = this.bytes[this.offset] ?? 0;
    return new MalformedFrame(`${what} is ${wanted}, got the type byte ${first.toString(16).padStart(2, "0")}`);
  }

  #enter(what: string, count: number, bytesAtLeast: number): void {
    if (bytesAtLeast > this.end - this.offset) {
      throw new MalformedFrame(`${what} has an element for each byte at most, got ${count}`);
    }
    if ((this.#elements += count) > ELEMENTS_MAX) {
      throw new MalformedFrame(`it has at most ${ELEMENTS_MAX} elements, got more`);
    }
    if (++this.#depth > DEPTH_MAX) {
      throw new MalformedFrame(`its values are nested at most ${DEPTH_MAX} deep, got more`);
    }
  }

  #skipAll(count: number): void {
    for (let i = 0; i < count; i++) this.skip();
    this.leave();
  }

  #text(what: string, start: number, end: number): string {
    const { bytes } = this;
    if (end - start <= SHORT_TEXT_BYTES) {
      let bits = 0;
      for (let i = start; i < end; i++) bits |= bytes[i]!;
      if (bits <= 0x7f) return asciiText(bytes, start, end);
    }
    try {
      return fromUtf8(bytes.subarray(start, end));
    } catch (cause) {
      throw new MalformedFrame(`${what} is UTF-8, got other bytes`, { cause });
    }
  }
}

/** Whether a value that begins with this byte is a str. */
export function isStr(first: number): boolean {
  return first >= 0xa0 && first <= 0xbf || first >= 0xd9 && first <= 0xdb;
}

/** An integer of two words; the upper one carries the sign. */
function wide(high: number, low: number): number | bigint {
  const value = high * 0x1_0000_0000 + low;
  return Number.isSafeInteger(value) ? value : (BigInt(high) << 32n) | BigInt(low);
}

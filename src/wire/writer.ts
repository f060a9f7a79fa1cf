/** The buffer that is encoded into. @module */

/** A growable output buffer, to be used again and again. What is written stands in `bytes` from 0 to `length`. */
export class Writer {
  /** Replaced by a larger one as it grows: read it anew after each write. */
  bytes: Uint8Array<ArrayBuffer>;
  /** How many bytes are written. */
  length = 0;

  constructor(capacityBytes = 4096) {
    this.bytes = new Uint8Array(capacityBytes);
  }

  /** Makes room for `count` bytes more. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.bytes.length));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  /** Writes one byte. */
  u8(value: number): void {
    if (this.length === this.bytes.length) this.reserve(1);
    this.bytes[this.length++] = value;
  }

  /** Writes two bytes, big endian. */
  u16(value: number): void {
    this.reserve(2);
    this.bytes[this.length++] = value >>> 8;
    this.bytes[this.length++] = value;
  }

  /** Writes four bytes, big endian. */
  u32(value: number): void {
    this.reserve(4);
    this.setU32(this.length, value);
    this.length += 4;
  }

  /** Overwrites four bytes at `offset`, big endian. */
  setU32(offset: number, value: number): void {
    const { bytes } = this;
    bytes[offset] = value >>> 24;
    bytes[offset + 1] = value >>> 16;
    bytes[offset + 2] = value >>> 8;
    bytes[offset + 3] = value;
  }

  /** Writes `source` as it is. */
  set(source: Uint8Array): void {
    const { length } = source;
    if (this.length + length > this.bytes.length) this.reserve(length);
    if (length > 24) { // below it a loop is faster than the call
      this.bytes.set(source, this.length);
    } else {
      const { bytes } = this;
      for (let i = 0, at = this.length; i < length; i++) bytes[at++] = source[i]!;
    }
    this.length += length;
  }

  /** What is written, without a copy: good until the next write. */
  view(): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(0, this.length);
  }

  /** What is written, in an array of its own. */
  copy(): Uint8Array<ArrayBuffer> {
    return this.bytes.slice(0, this.length);
  }

  /** Forgets what is written and keeps the buffer. */
  reset(): void {
    this.length = 0;
  }
}

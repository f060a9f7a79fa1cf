/** What happened, as a number: two runs that were the same have the same. @module */

/** Collects what happens, in order. */
export class History {
  readonly #number = new Float64Array(1);
  readonly #words = new Uint32Array(this.#number.buffer);
  #a = 0x9e3779b9 | 0;
  #b = 0x243f6a88 | 0;
  #events = 0;

  /** How much happened. */
  get events(): number {
    return this.#events;
  }

  /** 16 hexadecimal digits. */
  get hash(): string {
    return [this.#a, this.#b].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  }

  /** Something happened: what it was in numbers, and the bytes that were in it. */
  note(numbers: readonly number[], bytes?: Uint8Array): void {
    this.#events++;
    for (const number of numbers) {
      this.#number[0] = number;
      this.#mix(this.#words[0]!);
      this.#mix(this.#words[1]!);
    }
    if (bytes === undefined) return;
    this.#mix(bytes.length);
    let i = 0;
    for (; i + 3 < bytes.length; i += 4) {
      this.#mix(bytes[i]! | bytes[i + 1]! << 8 | bytes[i + 2]! << 16 | bytes[i + 3]! << 24);
    }
    for (; i < bytes.length; i++) this.#mix(bytes[i]!);
  }

  /** Two multiplicative hashes with different constants (FNV and Murmur3's). */
  #mix(word: number): void {
    this.#a = Math.imul(this.#a ^ word, 0x01000193);
    this.#a ^= this.#a >>> 15;
    this.#b = Math.imul(this.#b ^ word, 0x85ebca6b | 0);
    this.#b ^= this.#b >>> 13;
  }
}

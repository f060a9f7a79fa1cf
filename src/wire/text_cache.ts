/** Texts that come again and again: topics, procedures, encodings. @module */

/** A bounded, direct-mapped store of short ASCII texts, found by their bytes. A newer text takes an older one's slot. */
export class TextCache {
  readonly #texts: (string | undefined)[];
  readonly #mask: number;

  /** `slots` is a power of two: the most texts that are held. */
  constructor(slots: number) {
    this.#texts = new Array<string | undefined>(slots).fill(undefined);
    this.#mask = slots - 1;
  }

  /** The text of the ASCII bytes from `start` to `end`, or `undefined` when they are too long or not ASCII. */
  text(bytes: Uint8Array, start: number, end: number): string | undefined {
    const length = end - start;
    if (length > TEXT_BYTES_MAX) return undefined;
    let hash = length, bits = 0;
    for (let i = start; i < end; i++) { // FNV-1a
      const byte = bytes[i]!;
      hash = Math.imul(hash ^ byte, 0x01000193);
      bits |= byte;
    }
    if (bits > 0x7f) return undefined;
    const slot = (hash ^ hash >>> 15) & this.#mask, held = this.#texts[slot];
    if (held !== undefined && held.length === length && isSame(held, bytes, start)) return held;
    return this.#texts[slot] = asciiText(bytes, start, end);
  }
}

/** Longest text that is held: the longest topic. */
const TEXT_BYTES_MAX = 255;

/** The text of ASCII bytes. */
export function asciiText(bytes: Uint8Array, start: number, end: number): string {
  return String.fromCharCode.apply(null, bytes.subarray(start, end) as unknown as number[]);
}

function isSame(text: string, bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}

/** Texts that come again and again: topics, procedures, encodings. @module */

/** Slots at first: most edges meet few names. */
const SLOTS_FIRST = 32;

/** A bounded, direct-mapped store of short ASCII texts, found by their bytes. A newer text takes an older one's slot. */
export class TextCache {
  readonly #slotsMax: number;
  #texts: (string | undefined)[];

  /** `slotsMax` is a power of two: the most texts that are held. */
  constructor(slotsMax: number) {
    this.#slotsMax = slotsMax;
    this.#texts = slots(Math.min(slotsMax, SLOTS_FIRST));
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
    const spread = hash ^ hash >>> 15, held = this.#texts[spread & this.#texts.length - 1];
    if (held !== undefined && held.length === length && isSame(held, bytes, start)) return held;
    if (held !== undefined && this.#texts.length < this.#slotsMax) this.#texts = slots(2 * this.#texts.length);
    return this.#texts[spread & this.#texts.length - 1] = asciiText(bytes, start, end);
  }
}

/** Empty ones: who is still in use will come again. */
function slots(count: number): (string | undefined)[] {
  return new Array<string | undefined>(count).fill(undefined);
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

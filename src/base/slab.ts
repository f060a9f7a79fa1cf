/** Room for many small byte strings, cut from larger arrays: an array of its own takes three times as long to make. @module */

/** Length of an array that is cut; so much stays in memory for as long as one piece of it does. */
export const SLAB_BYTES = 4_096;
/** A longer piece is an array of its own. */
export const PIECE_BYTES_MAX = SLAB_BYTES / 4;

/** Cuts arrays into pieces. */
export class Slab {
  #bytes = new Uint8Array(0);
  #taken = 0;

  /** `length` bytes that nobody else is given; they are zero. */
  take(length: number): Uint8Array<ArrayBuffer> {
    if (length > PIECE_BYTES_MAX) return new Uint8Array(length);
    // One whose buffer was transferred away has no length any more.
    if (this.#taken + length > this.#bytes.length) {
      this.#bytes = new Uint8Array(SLAB_BYTES);
      this.#taken = 0;
    }
    const piece = new Uint8Array(this.#bytes.buffer, this.#taken, length);
    this.#taken += length;
    return piece;
  }

  /** The same bytes, which nobody else can write to. */
  copy(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    const piece = this.take(bytes.length);
    piece.set(bytes);
    return piece;
  }
}

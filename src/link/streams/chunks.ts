/**
 * What comes on a stream, chunk by chunk, in memory as long as the stream's traffic asks for. Left to itself Deno zeroes
 * 64 KiB for each chunk, before it comes: more than a core's first cache holds, and for the life of every idle stream.
 *
 * @module
 */

/** Room for a chunk, bytes: two packets, and what Deno takes. */
export const CHUNK_BYTES_MIN = 2 * 1024, CHUNK_BYTES_MAX = 64 * 1024;
/** A full chunk is followed by a longer one, and one with so little in it by a shorter one. */
const STEP = 4, LITTLE = 8;

/** Reads a stream; streams that are not of bytes come in the chunks that they were written in. */
export class ChunkReader {
  readonly #byob: ReadableStreamBYOBReader | undefined;
  readonly #plain: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #roomBytes = CHUNK_BYTES_MIN;

  constructor(stream: ReadableStream<Uint8Array>) {
    try {
      this.#byob = stream.getReader({ mode: "byob" });
    } catch (error) {
      if (!(error instanceof TypeError) || stream.locked) throw error;
      this.#plain = stream.getReader();
    }
  }

  /**
   * The next chunk, in memory that nobody else is given. From `before`, the chunk before it, follows how much room it
   * gets. Where `isUsed` nobody looks at that one any more: its memory is taken for this one if it has the right length,
   * and need not be zeroed and collected.
   */
  read(before?: Uint8Array, isUsed = false): Promise<ReadableStreamReadResult<Uint8Array>> {
    if (this.#byob === undefined) return this.#plain!.read();
    if (before !== undefined) this.#follow(before.length); // not when it comes: somebody waits for what is in it
    const isFit = isUsed && before?.buffer.byteLength === this.#roomBytes;
    return this.#byob.read(isFit ? new Uint8Array(before.buffer as ArrayBuffer) : new Uint8Array(this.#roomBytes));
  }

  #follow(length: number): void {
    const room = this.#roomBytes;
    if (length === room) this.#roomBytes = Math.min(CHUNK_BYTES_MAX, room * STEP);
    else if (length < room / LITTLE) this.#roomBytes = Math.max(CHUNK_BYTES_MIN, room / STEP);
  }
}

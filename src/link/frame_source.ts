/** Frames from a stream, one at a time: for the handshake, before a link's own loops take over. @module */

import { FrameReader } from "../wire/mod.ts";
import { ChunkReader } from "./streams/chunks.ts";

/** Reads a stream frame by frame; what it has read beyond stays for the next reader. */
export class FrameSource {
  readonly reader: ChunkReader;
  readonly frames: FrameReader;
  /** Told of every chunk before it is cut; it may throw. */
  onChunk: ((chunk: Uint8Array) => void) | undefined;
  /** What was cut last, where nobody else has kept it. */
  #used: Uint8Array | undefined;

  constructor(stream: ReadableStream<Uint8Array>, frameBytesMax: number) {
    this.reader = new ChunkReader(stream);
    this.frames = new FrameReader({ frameBytesMax });
  }

  /** The next frame, or undefined at the end of the stream. */
  async next(): Promise<Uint8Array | undefined> {
    for (;;) {
      const frame = this.frames.next();
      if (frame !== undefined) return frame;
      const { value, done } = await this.reader.read(this.#used, true);
      if (done) {
        this.frames.end();
        return undefined;
      }
      this.#used = this.onChunk === undefined ? value : undefined;
      this.onChunk?.(value);
      this.frames.push(value);
    }
  }
}

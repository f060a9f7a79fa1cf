/** One two-way stream of a peer of the original: frames in, one at a time; frames out, one write each. @module */

import type { ChunkReader } from "../link/streams/chunks.ts";
import { type Decoder, encodeFrame, MalformedFrame, type Message } from "../wire/mod.ts";
import { LenientFrames } from "./frames.ts";

/** Whom a stream reports to. */
export interface StreamOwner {
  /** Bytes came in. */
  onRead(stream: LegacyStream, bytes: number): void;
  /** A message came in; a promise if reading should wait. */
  onMessage(stream: LegacyStream, message: Message): Promise<void> | undefined;
  /** A frame could not be read, and was left out. */
  onMalformed(stream: LegacyStream): void;
  /** Neither end has more to say. */
  onEnd(stream: LegacyStream): void;
}

/** A first stream as it was taken over: the reader, and what was read before. */
export interface StreamStart {
  readonly reader: ChunkReader;
  readonly writable: WritableStream<Uint8Array>;
  readonly heard: readonly Uint8Array[];
}

/** Over so many bytes in its queue, those who can wait do, who asks for more on this stream among them. */
const WAIT_BYTES = 256 << 10;
/** Over so many bytes nothing is queued any more: somebody could not wait, and the peer does not read. */
export const STREAM_QUEUE_BYTES_MAX = 8 << 20;

/** One stream. A FIN is answered by a FIN: the original waits for it without a time limit. */
export class LegacyStream {
  readonly id: number;
  readonly #owner: StreamOwner;
  readonly #reader: ChunkReader;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #decoder: Decoder;
  #queuedBytes = 0;
  #writing: Promise<void> = Promise.resolve();
  #drained: PromiseWithResolvers<void> | undefined;
  #finished: Promise<void> | undefined;
  #broken = false;

  constructor(id: number, { reader, writable }: StreamStart, decoder: Decoder, owner: StreamOwner) {
    this.id = id;
    this.#owner = owner;
    this.#decoder = decoder;
    this.#reader = reader;
    this.#writer = writable.getWriter();
  }

  /** Whether it still takes something to write. */
  get open(): boolean {
    return !this.#broken && this.#finished === undefined;
  }

  /** Reads to the end, `heard` first; then finishes its own side. Never rejects. */
  async read(heard: readonly Uint8Array[], frameBytesMax: number): Promise<void> {
    const frames = new LenientFrames(frameBytesMax);
    try {
      for (const chunk of heard) await this.#take(frames, chunk);
      for (let chunk: Uint8Array | undefined;;) {
        const { value, done } = await this.#reader.read(chunk);
        if (done) break;
        await this.#take(frames, chunk = value);
      }
    } catch {
      this.#broken = true; // the connection is gone
    }
    await this.finish();
    this.#owner.onEnd(this);
  }

  /** Queues a frame; false if the stream is at its end, or full. */
  write(message: Message): boolean {
    if (!this.open || this.#queuedBytes > STREAM_QUEUE_BYTES_MAX) return false;
    const frame = encodeFrame(message);
    this.#queuedBytes += frame.length;
    this.#writing = this.#writing.then(async () => {
      try {
        if (!this.#broken) await this.#writer.write(frame);
      } catch {
        this.#broken = true;
      }
      this.#queuedBytes -= frame.length;
      if (this.#queuedBytes <= WAIT_BYTES / 2 || this.#broken) {
        this.#drained?.resolve();
        this.#drained = undefined;
      }
    });
    return true;
  }

  /** Resolves when little waits to be written; undefined where little does. */
  writable(): Promise<void> | undefined {
    if (this.#queuedBytes <= WAIT_BYTES || !this.open) return undefined;
    return (this.#drained ??= Promise.withResolvers()).promise;
  }

  /** Writes out what is queued, then FIN. Never rejects. */
  finish(): Promise<void> {
    return this.#finished ??= this.#writing.then(() => this.#writer.close()).catch(() => {});
  }

  async #take(frames: LenientFrames, chunk: Uint8Array): Promise<void> {
    frames.push(chunk);
    this.#owner.onRead(this, chunk.length);
    const before = frames.skipped;
    for (let frame = frames.next(); frame !== undefined; frame = frames.next()) {
      const message = this.#decoded(frame);
      const wait = message === undefined ? undefined : this.#owner.onMessage(this, message);
      if (wait !== undefined) await wait;
      const answered = this.writable();
      if (answered !== undefined) await answered;
    }
    if (frames.skipped > before) this.#owner.onMalformed(this);
  }

  #decoded(frame: Uint8Array): Message | undefined {
    try {
      return this.#decoder.decode(frame);
    } catch (error) {
      if (!(error instanceof MalformedFrame)) throw error;
      this.#owner.onMalformed(this);
      return undefined;
    }
  }
}

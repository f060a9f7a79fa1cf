/** One direction of a stream in memory, with flow control like QUIC's. @module */

import { ClosedError, MeshError } from "../../base/errors.ts";
import type { Path } from "./path.ts";

/** The part of its window that a reader takes before it tells the writer. */
const TELL_PART = 1 / 4;

/** How a pipe is laid. */
export interface PipeOptions {
  /** From the writer to the reader. */
  readonly forth: Path;
  /** From the reader to the writer: room and cancellation. */
  readonly back: Path;
  /** Bytes that may be on their way or unread. */
  readonly windowBytes: number;
  /** The reader learns of the stream. */
  readonly onFirst: () => void;
  /** The reader is finished with the stream. */
  readonly onDone: () => void;
}

/** A `WritableStream` and the `ReadableStream` at the other end of it. */
export class Pipe {
  readonly writable: WritableStream<Uint8Array>;
  readonly readable: ReadableStream<Uint8Array>;
  readonly #options: PipeOptions;
  #source!: ReadableStreamDefaultController<Uint8Array>;
  #sink!: WritableStreamDefaultController;
  /** Bytes that were written and not read, as the writer knows. */
  #heldBytes = 0;
  /** Bytes that were read since the writer was told. */
  #readBytes = 0;
  #roomMade: (() => void) | undefined;
  #writeFailure: Error | undefined;
  readonly #arrived: Uint8Array[] = [];
  #hasEnded = false;
  #isSeen = false;
  #isDone = false;
  #isLost = false;
  #pullDone: (() => void) | undefined;

  constructor(options: PipeOptions) {
    this.#options = options;
    this.writable = new WritableStream<Uint8Array>({
      start: (controller) => {
        this.#sink = controller;
        controller.signal.addEventListener("abort", () => this.#failWrites(new ClosedError("Cannot write: aborted")));
      },
      write: (chunk) => this.#write(chunk),
      close: () => this.#end(),
      abort: () => this.#end(),
    });
    this.readable = new ReadableStream<Uint8Array>({
      start: (controller) => void (this.#source = controller),
      pull: () => this.#pull(),
      cancel: () => this.#cancel(),
    }, { highWaterMark: 0 });
  }

  /** The writer's connection is gone: it can write no more, and what is on its way is lost. */
  failWriter(error: Error): void {
    this.#isLost = true;
    this.#failWrites(error);
    this.#sink.error(error);
  }

  /** The reader's connection is gone: what it did not read is lost. */
  failReader(error: Error): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#arrived.length = 0;
    this.#source.error(error);
    this.#pullDone?.();
  }

  async #write(chunk: Uint8Array): Promise<void> {
    for (let offset = 0; offset < chunk.length;) {
      while (this.#heldBytes >= this.#options.windowBytes && !this.#writeFailure) {
        await new Promise<void>((resolve) => this.#roomMade = resolve);
      }
      if (this.#writeFailure) throw this.#writeFailure;
      const part = chunk.slice(offset, offset + this.#options.windowBytes - this.#heldBytes);
      offset += part.length;
      this.#heldBytes += part.length;
      this.#options.forth.send(() => this.#arrive(part), part);
    }
  }

  #end(): void {
    this.#options.forth.send(() => this.#arrive(undefined));
  }

  #arrive(part: Uint8Array | undefined): void {
    if (this.#isDone || this.#isLost) return;
    if (part) this.#arrived.push(part);
    else this.#hasEnded = true;
    if (!this.#isSeen) {
      this.#isSeen = true;
      this.#options.onFirst();
    }
    this.#serve();
  }

  #pull(): Promise<void> {
    return new Promise((resolve) => {
      this.#pullDone = resolve;
      this.#serve();
    });
  }

  /** Gives a waiting reader the next chunk, or the end. */
  #serve(): void {
    if (!this.#pullDone) return;
    const part = this.#arrived.shift();
    if (part) {
      this.#onRead(part.length);
      this.#source.enqueue(part);
    } else if (this.#hasEnded) {
      this.#source.close();
      this.#done();
    } else return;
    this.#pullDone();
    this.#pullDone = undefined;
  }

  /** As in QUIC the writer hears of room now and then, early enough. */
  #onRead(bytes: number): void {
    const readBytes = this.#readBytes += bytes;
    if (readBytes < this.#options.windowBytes * TELL_PART) return;
    this.#readBytes = 0;
    this.#options.back.send(() => this.#room(readBytes));
  }

  #cancel(): void {
    if (this.#isDone) return;
    this.#arrived.length = 0;
    this.#options.back.send(() => {
      const error = new MeshError(
        "stream_cancelled",
        "Cannot write to a stream: its reader must want it, got a cancel",
      );
      this.#failWrites(error);
      this.#sink.error(error);
    });
    this.#done();
  }

  #done(): void {
    this.#isDone = true;
    this.#options.onDone();
  }

  #room(bytes: number): void {
    this.#heldBytes -= bytes;
    this.#wake();
  }

  #failWrites(error: Error): void {
    this.#writeFailure ??= error;
    this.#wake();
  }

  #wake(): void {
    this.#roomMade?.();
    this.#roomMade = undefined;
  }
}

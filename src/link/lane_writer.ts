/**
 * One outgoing stream. Frames are encoded straight into a batch buffer; what was collected in one turn of the event
 * loop goes out in one write, and while it does the next batch collects. A buffer given to `write()` is not touched
 * until the write has settled.
 *
 * @module
 */

import type { Timers } from "../base/clock.ts";
import { encodeMessage, EventWriter, type Message, Writer } from "../wire/mod.ts";

/** A batch buffer larger than this is given back after its write: a burst must not stay in memory. */
const BATCH_BYTES_KEPT = 64 * 1024;
const BATCH_BYTES_INITIAL = 512;
const WRITE_BYTES = 64 * 1024;
/** A batch with so much in it takes no more: with frames of the usual length it never outgrows one write. */
const BATCH_BYTES_FULL = WRITE_BYTES - 4 * 1024;

/** What a lane tells its link. */
export interface LaneOwner {
  /** The queue grew (positive) or shrank. */
  queued(bytes: number): void;
  /** Bytes were handed to the transport. */
  wrote(bytes: number): void;
  /** The stream broke. */
  broken(cause: unknown): void;
}

/** Writes messages to a stream that is opened with the first one. */
export class LaneWriter {
  readonly #open: (() => Promise<WritableStream<Uint8Array>>) | undefined;
  readonly #owner: LaneOwner;
  readonly #turn: Timers["turn"];
  #stream: Promise<WritableStreamDefaultWriter<Uint8Array>> | undefined;
  #collecting: Writer | undefined;
  readonly #events = new EventWriter();
  /** Batches that wait for the writes before them, each with how many events there were up to its end. */
  readonly #full: { readonly batch: Writer; readonly events: number }[] = [];
  #eventsAppended = 0;
  #eventsWritten = 0;
  /** Room of the next batch, bytes: in a burst all at once, as growing copies it again and again. */
  #roomBytes = BATCH_BYTES_INITIAL;
  #spare: Writer | undefined;
  #flushing: Promise<void> | undefined;
  #ended = false;

  /** `stream` is that of one that is open already, or opens it with the first message: who never writes needs none. */
  constructor(
    stream: WritableStreamDefaultWriter<Uint8Array> | (() => Promise<WritableStream<Uint8Array>>),
    owner: LaneOwner,
    turn?: Timers["turn"],
  ) {
    this.#owner = owner;
    this.#turn = turn;
    if (typeof stream === "function") {
      this.#open = stream;
    } else {
      this.#stream = Promise.resolve(stream);
    }
  }

  /** Events that were appended and not written whole. */
  get events(): number {
    return this.#eventsAppended - this.#eventsWritten;
  }

  /** Opens the stream if it is not yet: else the first message does. */
  async open(): Promise<void> {
    await this.#writer();
  }

  /** Queues a message with so many events in it. After the end it is dropped: the link is going. */
  append(message: Message, events = 0): void {
    if (this.#ended) return;
    const batch = this.#collecting ??= this.#takeBatch(), before = batch.length;
    try {
      if (message.kind !== "publish") this.#events.close();
      if (message.kind !== "publish" || !this.#events.append(batch, message)) encodeMessage(message, batch);
    } catch (error) {
      batch.length = before;
      throw error;
    }
    this.#eventsAppended += events;
    this.#owner.queued(batch.length - before);
    if (batch.length >= BATCH_BYTES_FULL) {
      this.#full.push({ batch: this.#collected(), events: this.#eventsAppended });
      this.#roomBytes = WRITE_BYTES;
    }
    this.#flushing ??= this.#flush();
  }

  /** Writes everything out and sends FIN; resolves when both are done. */
  async finish(): Promise<void> {
    this.#ended = true;
    await this.#flushing;
    if (this.#stream === undefined) return;
    try {
      await (await this.#stream).close();
    } catch {
      // the connection is gone, and with it what FIN would have told
    }
  }

  #writer(): Promise<WritableStreamDefaultWriter<Uint8Array>> {
    return this.#stream ??= this.#open!().then((opened) => opened.getWriter());
  }

  async #flush(): Promise<void> {
    try {
      const stream = await this.#writer(); // meanwhile the rest of this turn joins the batch
      for (let first = true; this.#waits; first = false) {
        // What comes in quick succession goes in large writes; the first one of a series is not held up.
        if (!first && this.#full.length === 0) await this.#turn?.();
        const { batch, events } = this.#full.shift() ?? { events: this.#eventsAppended, batch: this.#collected() };
        for (let start = 0; start < batch.length; start += WRITE_BYTES) {
          const part = batch.bytes.subarray(start, Math.min(batch.length, start + WRITE_BYTES));
          await stream.write(part);
          this.#owner.wrote(part.length);
          this.#owner.queued(-part.length);
        }
        this.#eventsWritten = events;
        batch.length = 0;
        if (batch.bytes.length <= BATCH_BYTES_KEPT) this.#spare = batch;
      }
      this.#roomBytes = BATCH_BYTES_INITIAL;
    } catch (cause) {
      this.#ended = true;
      const waiting = [...this.#full.splice(0).map(({ batch }) => batch), this.#collected()];
      for (const { length } of waiting) this.#owner.queued(-length);
      this.#owner.broken(cause);
    }
    this.#flushing = undefined;
  }

  get #waits(): boolean {
    return this.#full.length > 0 || (this.#collecting?.length ?? 0) > 0;
  }

  #takeBatch(): Writer {
    const spare = this.#spare;
    this.#spare = undefined;
    return spare ?? new Writer(this.#roomBytes);
  }

  /** What was collected, which collects no more. */
  #collected(): Writer {
    const batch = this.#collecting ?? new Writer(0);
    this.#collecting = undefined;
    this.#events.close();
    return batch;
  }
}

/**
 * Writes to a gateway of the original, which takes each chunk that its QUIC delivers for one frame: one frame in one
 * write, and a gap before the next one.
 *
 * @module
 */

import { sleep, type Timers } from "../../base/clock.ts";
import { encodeFrame, type Message } from "../../wire/mod.ts";

/** Between two frames, ms. Measured against the original: 5 ms are enough on one machine, none at all lose all but one. */
export const GAP_MS = 10;
/** Over so many frames in the queue, those who can wait do. */
const WAIT_FRAMES = 64;

/** Writes frames apart. */
export class PacedWriter {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #timers: Timers;
  readonly #onBroken: () => void;
  readonly #queue: Message[] = [];
  #writing: Promise<void> | undefined;
  #drained: PromiseWithResolvers<void> | undefined;
  #broken = false;

  constructor(writable: WritableStream<Uint8Array>, timers: Timers, onBroken: () => void) {
    this.#writer = writable.getWriter();
    this.#timers = timers;
    this.#onBroken = onBroken;
  }

  /** Frames that wait. */
  get queued(): number {
    return this.#queue.length;
  }

  /** Queues a frame. */
  write(message: Message): void {
    if (this.#broken) return;
    this.#queue.push(message);
    this.#writing ??= this.#flush();
  }

  /** Resolves when few frames wait; undefined where few do. */
  writable(): Promise<void> | undefined {
    if (this.#queue.length <= WAIT_FRAMES || this.#broken) return undefined;
    return (this.#drained ??= Promise.withResolvers()).promise;
  }

  /** Resolves when everything is written, or nothing can be. */
  async idle(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  /** FIN. Never rejects. */
  async finish(): Promise<void> {
    await this.idle();
    await this.#writer.close().catch(() => {});
  }

  async #flush(): Promise<void> {
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        await this.#writer.write(encodeFrame(next));
        await sleep(this.#timers, GAP_MS);
        if (this.#queue.length <= WAIT_FRAMES / 2) this.#release();
      }
    } catch {
      this.#broken = true;
      this.#queue.length = 0;
      this.#onBroken();
    }
    this.#writing = undefined;
    this.#release();
  }

  #release(): void {
    this.#drained?.resolve();
    this.#drained = undefined;
  }
}

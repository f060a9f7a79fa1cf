/**
 * Writes to a gateway of the original, which takes each chunk that its QUIC delivers for one frame: one frame in one
 * write, and a gap before the next one. No gap is always long enough; so a frame that matters is written when a PONG has
 * said that nothing before it is still on its way:
 *
 *     event, event, PING ··· PONG, a question, event, …
 *
 * @module
 */

import { sleep, type Timers } from "../../base/clock.ts";
import { encodeFrame, type Message, type Pong } from "../../wire/mod.ts";

/** Between two frames, ms. Measured against the original: 5 ms are enough on one machine, none at all lose all but one. */
export const GAP_MS = 10;
/** Over so many frames in the queue, those who can wait do. */
const WAIT_FRAMES = 64;
/** How long a PONG is waited for, ms, and how often: a gateway that looks for something is deaf for seconds. */
export const QUIET_MS = 1_000, QUIET_TRIES = 2;
/** PINGs without PONG that are remembered; the oldest go. */
const PINGS_MAX = 64;
/** No clock has shown such stamps since 1970, and nobody else takes them. A CONNECT counts as a PING with the first one. */
const CONNECT_STAMP = 2, FIRST_STAMP = 3;

/** A frame, and whether it may be lost where the gateway is slow. */
interface Waiting {
  readonly message: Message;
  readonly casual: boolean;
}

/** How much was written. */
interface Mark {
  readonly frames: number;
  readonly casual: number;
}

/** Writes frames apart. */
export class PacedWriter {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #timers: Timers;
  readonly #onBroken: () => void;
  readonly #queue: Waiting[] = [];
  readonly #pings = new Map<number, Mark>();
  #written: Mark = { frames: 0, casual: 0 };
  #taken: Mark = { frames: 0, casual: 0 };
  #stamp = FIRST_STAMP;
  /** How many frames were written with the latest of them. */
  #lastPing = 0;
  /** It did not answer: nothing waits for a PONG until one comes. */
  #isDeaf = false;
  #onPong: (() => void) | undefined;
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

  /** Frames that were written. */
  get written(): number {
    return this.#written.frames;
  }

  /** Casual frames that were written before a PING that was answered. */
  get casualTaken(): number {
    return this.#taken.casual;
  }

  /** Queues a frame; one that is `casual` is not worth a PING. */
  write(message: Message, { casual = false } = {}): void {
    if (this.#broken) return;
    this.#queue.push({ message, casual });
    this.#writing ??= this.#flush();
  }

  /** The gateway has answered a PING, or CONNECT: it has taken what was written before. */
  answered({ timestamp, nodeId }: Pong): void {
    const mark = this.#pings.get(nodeId === undefined ? timestamp : CONNECT_STAMP);
    if (mark === undefined) return;
    for (const [before, { frames }] of this.#pings) if (frames <= mark.frames) this.#pings.delete(before);
    if (mark.frames > this.#taken.frames) this.#taken = mark;
    this.#isDeaf = false;
    this.#onPong?.();
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
      for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
        if (!isUpkeep(next.message) && !next.casual) await this.#quiet();
        this.#queue.shift();
        await this.#put(next);
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

  async #put({ message, casual }: Waiting): Promise<void> {
    const { frames, casual: before } = this.#written;
    const mark = this.#written = { frames: frames + 1, casual: before + (casual ? 1 : 0) };
    if (message.kind === "ping" || message.kind === "connect") {
      this.#pings.set(message.kind === "ping" ? message.timestamp : CONNECT_STAMP, mark);
      this.#lastPing = mark.frames;
      if (this.#pings.size > PINGS_MAX) this.#pings.delete(this.#pings.keys().next().value!);
    }
    await this.#writer.write(encodeFrame(message));
    await sleep(this.#timers, GAP_MS);
  }

  /** Until nothing that was written is on its way, or the gateway does not say. */
  async #quiet(): Promise<void> {
    let isAsked = this.#lastPing === this.#written.frames;
    for (let tries = 0; tries < QUIET_TRIES && !this.#isDeaf && this.#isBusy; tries++) {
      if (!isAsked) await this.#put({ message: { kind: "ping", timestamp: this.#stamp++ }, casual: false });
      if (this.#isBusy) await this.#pong();
      isAsked = false;
    }
    this.#isDeaf = this.#isBusy;
  }

  get #isBusy(): boolean {
    return this.#taken.frames < this.#written.frames;
  }

  #pong(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        cancel();
        this.#onPong = undefined;
        resolve();
      };
      const cancel = this.#timers.after(QUIET_MS, done);
      this.#onPong = done;
    });
  }

  #release(): void {
    this.#drained?.resolve();
    this.#drained = undefined;
  }
}

/** What is sent in any case, and lost without harm. */
function isUpkeep({ kind }: Message): boolean {
  return kind === "ping" || kind === "pong";
}

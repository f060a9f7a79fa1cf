/**
 * How fast a client may send: two token buckets, of frames and of bytes, each holding one second. They are filled when
 * one is empty, so that the clock is seldom looked at: two seconds' worth may come at once. At the bound reading pauses
 * until there is room again: QUIC's flow control then holds the client back, nothing is lost, and nobody else waits. As
 * reading stops behind each frame, a client is never further over than one frame a stream: so there is no need to close
 * its link.
 *
 * @module
 */

import type { Timers } from "../../base/clock.ts";

/** What one client may send in a second, on average. */
export interface ThrottleLimits {
  readonly framesPerSecond: number;
  readonly bytesPerSecond: number;
}

/** Slows down one client. */
export class Throttle {
  readonly #limits: ThrottleLimits;
  readonly #timers: Timers;
  readonly #onPause: () => void;
  #frames: number;
  #bytes: number;
  #filledAt: number;
  #pause: Promise<void> | undefined;

  /** `onPause` is told of each pause. */
  constructor(limits: ThrottleLimits, timers: Timers, onPause: () => void) {
    this.#limits = limits;
    this.#timers = timers;
    this.#onPause = onPause;
    this.#frames = limits.framesPerSecond;
    this.#bytes = limits.bytesPerSecond;
    this.#filledAt = timers.now();
  }

  /** A frame came, which counts as so many. */
  frame(count = 1): void {
    this.#frames -= count;
  }

  /** Bytes came. */
  read(bytes: number): void {
    this.#bytes -= bytes;
  }

  /** What to wait for before more is read; undefined where there is room. The clock is looked at when a bucket is empty. */
  pause(): Promise<void> | undefined {
    if (this.#pause !== undefined) return this.#pause;
    if (this.#frames >= 0 && this.#bytes >= 0) return undefined;
    const { framesPerSecond, bytesPerSecond } = this.#limits, now = this.#timers.now();
    const passed = (now - this.#filledAt) / 1_000;
    this.#filledAt = now;
    this.#frames = Math.min(framesPerSecond, this.#frames + passed * framesPerSecond);
    this.#bytes = Math.min(bytesPerSecond, this.#bytes + passed * bytesPerSecond);
    const seconds = Math.max(-this.#frames / framesPerSecond, -this.#bytes / bytesPerSecond);
    if (seconds <= 0) return undefined;
    this.#onPause();
    return this.#pause = new Promise((resolve) => {
      this.#timers.after(Math.max(1, seconds * 1_000), () => {
        this.#pause = undefined;
        resolve();
      });
    });
  }
}

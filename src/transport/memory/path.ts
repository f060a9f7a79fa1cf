/** One direction between two hosts: what is sent on streams arrives later, in order; datagrams come as they may. @module */

import type { Timers } from "../../base/clock.ts";

/** What a path asks of its network. */
export interface PathOptions {
  readonly timers: Timers;
  /** Drawn for each delivery, in milliseconds; `chunk` is what of a stream goes with it. */
  latencyMs(chunk: Uint8Array | undefined): number;
  /** Whether nothing gets through now. */
  isCut(): boolean;
}

interface Delivery {
  readonly at: number;
  readonly carryOut: () => void;
}

/** Deliveries under way. */
export class Path {
  readonly #options: PathOptions;
  /** By arrival: what was sent earlier holds up what comes behind it, as in a stream that waits for a lost packet. */
  #underWay: Delivery[] = [];
  #head = 0;
  #lastAt = -Infinity;
  #isArmed = false;
  #isLost = false;

  constructor(options: PathOptions) {
    this.#options = options;
  }

  /** Carries out `delivery` at the other end, after all that were sent before it; without latency at once. */
  send(delivery: () => void, chunk?: Uint8Array): void {
    if (this.#isLost) return;
    const { timers, latencyMs, isCut } = this.#options, drawn = latencyMs(chunk);
    const isFirst = this.#head === this.#underWay.length;
    if (drawn <= 0 && isFirst && !isCut()) return delivery();
    const at = this.#lastAt = Math.max(timers.now() + Math.max(0, drawn), isFirst ? -Infinity : this.#lastAt);
    this.#underWay.push({ at, carryOut: delivery });
    if (isFirst) this.#arm();
  }

  /** Carries out `delivery` after each of these delays, in whatever order that is; a cut loses it. */
  scatter(delivery: () => void, delaysMs: readonly number[]): void {
    const { timers, isCut } = this.#options;
    const arrive = () => {
      if (!this.#isLost && !isCut()) delivery();
    };
    for (const delayMs of delaysMs) {
      if (delayMs > 0) timers.after(delayMs, arrive);
      else arrive();
    }
  }

  /** Delivers what was held back by a cut, after it has healed. */
  resume(): void {
    if (!this.#isArmed) this.#arrive();
  }

  /** Nothing arrives any more. */
  lose(): void {
    this.#isLost = true;
    this.#underWay = [];
    this.#head = 0;
  }

  #arrive(): void {
    const { timers, isCut } = this.#options, now = timers.now();
    while (this.#head < this.#underWay.length && this.#underWay[this.#head]!.at <= now && !isCut()) {
      const { carryOut } = this.#underWay[this.#head++]!;
      if (this.#head === this.#underWay.length) {
        this.#underWay = [];
        this.#head = 0;
      }
      carryOut();
    }
    this.#arm();
  }

  /** One timer for all: that of the earliest. What is overdue waits for the end of a cut. */
  #arm(): void {
    const next = this.#underWay[this.#head];
    if (next === undefined || this.#isArmed) return;
    const waitMs = next.at - this.#options.timers.now();
    if (waitMs <= 0 && this.#options.isCut()) return;
    this.#isArmed = true;
    this.#options.timers.after(Math.max(0, waitMs), () => {
      this.#isArmed = false;
      this.#arrive();
    });
  }
}

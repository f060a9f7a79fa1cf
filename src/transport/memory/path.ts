/** One direction between two hosts: whatever is sent arrives later, in order. @module */

import type { Timers } from "../../base/clock.ts";

/** What a path asks of its network. */
export interface PathOptions {
  readonly timers: Timers;
  /** Drawn for each delivery, in milliseconds. */
  latencyMs(): number;
  /** Whether nothing gets through now. */
  isCut(): boolean;
}

/** Deliveries under way. */
export class Path {
  readonly #options: PathOptions;
  readonly #underWay: (() => void)[] = [];
  #heldBack = 0;

  constructor(options: PathOptions) {
    this.#options = options;
  }

  /** Carries out `delivery` at the other end; without latency at once. */
  send(delivery: () => void): void {
    const latencyMs = this.#options.latencyMs();
    this.#underWay.push(delivery);
    if (latencyMs > 0 || this.#underWay.length > this.#heldBack + 1) {
      this.#options.timers.after(latencyMs, () => this.#arrive());
    } else this.#arrive();
  }

  /** Delivers what was held back by a cut, after it has healed. */
  resume(): void {
    for (let count = this.#heldBack; count > 0; count--) {
      this.#heldBack--;
      this.#underWay.shift()?.();
    }
  }

  /** Each arrival takes the oldest, so that no drawn latency can change the order. */
  #arrive(): void {
    if (this.#options.isCut()) this.#heldBack++;
    else this.#underWay.shift()?.();
  }
}

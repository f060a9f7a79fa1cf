/** The receiving end of a measurement: counts, and says when the last event came. @module */

import { type Latencies, latencies } from "./latency.ts";
import { Tally, timeOf } from "./payload.ts";

/** What came. */
export interface Received {
  /** Deliveries, all connections together. */
  readonly received: number;
  /** Deliveries that were due and did not come. */
  readonly lost: number;
  /** Deliveries that did not follow the one before. */
  readonly displaced: number;
  /** When the last one came, ms on the shared scale. */
  readonly lastAt: number;
  readonly latencies: Latencies | undefined;
}

/** How long nothing comes before the rest counts as lost, ms. */
const LOST_AFTER_MS = 3_000;
const LOOK_MS = 100;

/** Counts events of several connections. */
export class Subscriber {
  readonly #connections: number;
  readonly #now: () => number;
  #tallies: Tally[] = [];
  #due = 0;
  #timed = false;
  #received = 0;
  #lastAt = 0;
  #durations: number[] = [];
  #complete = Promise.withResolvers<void>();

  constructor(connections: number, now: () => number) {
    this.#connections = connections;
    this.#now = now;
    this.expect(0, false);
  }

  /** From now on `count` events are due on each connection. */
  expect(count: number, timed: boolean): void {
    this.#tallies = Array.from({ length: this.#connections }, () => new Tally());
    this.#due = count * this.#connections;
    this.#timed = timed;
    this.#received = 0;
    this.#durations = [];
    this.#complete = Promise.withResolvers();
  }

  /** Takes an event of a connection. */
  receive(connection: number, payload: Uint8Array): void {
    if (this.#timed) this.#durations.push(this.#now() - timeOf(payload));
    this.#tallies[connection]!.add(payload);
    if (++this.#received !== this.#due) return;
    this.#lastAt = this.#now();
    this.#complete.resolve();
  }

  /** Resolves when all that are due have come, or none has for a while. */
  async received(): Promise<Received> {
    let seen = 0, seenAt = this.#now();
    const watch = setInterval(() => {
      const now = this.#now();
      if (this.#received > seen) {
        seen = this.#received;
        seenAt = this.#lastAt = now;
      } else if (now - seenAt > LOST_AFTER_MS) this.#complete.resolve();
    }, LOOK_MS);
    await this.#complete.promise;
    clearInterval(watch);
    return {
      received: this.#received,
      lost: Math.max(0, this.#due - this.#received),
      displaced: this.#tallies.reduce((sum, { displaced }) => sum + displaced, 0),
      lastAt: this.#lastAt,
      latencies: this.#timed ? latencies(this.#durations) : undefined,
    };
  }
}

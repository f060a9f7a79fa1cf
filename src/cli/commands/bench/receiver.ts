/** The receiving end of events: counts what comes, and says when all of it has. @module */

import type { Subscription } from "../../../mesh/subscription.ts";
import { readBody } from "./body.ts";
import type { Histogram } from "./histogram.ts";

/** How long nothing comes before the rest counts as lost, ms. */
const LOST_AFTER_MS = 3_000;
/** Longest wait for the rest, ms: with many subscribers much of it waits at the gateway. */
const REST_MS_MAX = 60_000;

/** Counts the events of one phase over several subscriptions. */
export class Receiver {
  received = 0;
  displaced = 0;
  /** When the last one came, ms. */
  lastAt = 0;
  #phase = 0;
  #histogram: Histogram | undefined;
  #next: number[] = [];
  readonly #sizeBytes: number;
  readonly #now: () => number;

  constructor(sizeBytes: number, now: () => number) {
    this.#sizeBytes = sizeBytes;
    this.#now = now;
  }

  /** Begins the next phase: what is still on its way from the last one is no longer counted. Returns its number. */
  begin(histogram?: Histogram): number {
    this.received = this.displaced = this.lastAt = 0;
    this.#next = [];
    this.#histogram = histogram;
    return ++this.#phase;
  }

  /** Takes what subscription number `from` got. */
  take(from: number, data: unknown): void {
    const body = readBody(data, this.#sizeBytes);
    if (body === undefined || body.phase !== this.#phase) return;
    this.lastAt = this.#now();
    this.received++;
    if (body.index !== (this.#next[from] ?? 0)) this.displaced++;
    this.#next[from] = body.index + 1;
    this.#histogram?.record(this.lastAt - body.dueMs);
  }

  /** Reads a subscription until it ends. */
  async read(from: number, subscription: Subscription): Promise<void> {
    for await (const event of subscription) this.take(from, event.data);
  }

  /**
   * Resolves when as many deliveries have come as are due, none has for three seconds, or after a minute. Says how many
   * were still coming then.
   */
  async complete(due: () => number, pause: (ms: number) => Promise<void>): Promise<number> {
    const startedAt = this.#now();
    for (let now = startedAt; this.received < due() && now - startedAt < REST_MS_MAX; now = this.#now()) {
      if (now - Math.max(startedAt, this.lastAt) > LOST_AFTER_MS) return 0;
      await pause(5);
    }
    return Math.max(0, due() - this.received);
  }
}

/** Waiting for a condition, never for a time. @module */

import { type Timers, within } from "../../src/base/clock.ts";

/** How long is waited for what must come, ms: the machine may be busy. */
const PATIENCE_MS = 30_000;
/** How long is waited at most between two looks at a condition, ms. */
const LOOK_MS = 50;

/** The runtime's clock. */
export const systemTimers: Timers = {
  now: () => Date.now(),
  after(ms, action) {
    const timer = setTimeout(action, ms);
    return () => clearTimeout(timer);
  },
};

/** The promise's value; rejects if it takes longer than `ms` milliseconds. */
export function soon<T>(promise: Promise<T>, what: string, ms = PATIENCE_MS): Promise<T> {
  return within(systemTimers, ms, promise, () => new Error(`${what} did not happen within ${ms} ms`));
}

/** Whether a promise settles within `ms` milliseconds. */
export function settles(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const settled = promise.then(() => true, () => true);
  return within(systemTimers, ms, settled, () => new Error()).catch(() => false);
}

/** Resolves when `condition` holds; rejects if that takes longer than `ms` milliseconds. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  ms = PATIENCE_MS,
): Promise<void> {
  const end = performance.now() + ms;
  for (let pauseMs = 2; !await condition(); pauseMs = Math.min(2 * pauseMs, LOOK_MS)) {
    if (performance.now() > end) throw new Error(`${what} did not happen within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

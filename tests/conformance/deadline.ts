/** Waiting for a condition, never for a time. @module */

import { type Timers, within } from "../../src/base/clock.ts";

/** The runtime's clock. */
export const systemTimers: Timers = {
  now: () => Date.now(),
  after(ms, action) {
    const timer = setTimeout(action, ms);
    return () => clearTimeout(timer);
  },
};

/** The promise's value; rejects if it takes longer than `ms` milliseconds. */
export function soon<T>(promise: Promise<T>, what: string, ms = 10_000): Promise<T> {
  return within(systemTimers, ms, promise, () => new Error(`${what} did not happen within ${ms} ms`));
}

/** Whether a promise settles within `ms` milliseconds. */
export function settles(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const settled = promise.then(() => true, () => true);
  return within(systemTimers, ms, settled, () => new Error()).catch(() => false);
}

/** Resolves when `condition` holds; rejects if that takes longer than `ms` milliseconds. */
export async function until(condition: () => boolean | Promise<boolean>, what: string, ms = 10_000): Promise<void> {
  const end = Date.now() + ms;
  while (!await condition()) {
    if (Date.now() > end) throw new Error(`${what} did not happen within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

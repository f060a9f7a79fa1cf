/** Waiting for a condition, never for a time. @module */

import { type Timers, within } from "../../src/base/clock.ts";

/**
 * How long is waited for what must come, ms. It is no measure of speed: what comes at all has come a hundred times sooner
 * where the machine does nothing else. It ends what hangs, with its name, before the test's own time is over
 * (`tests/time_limit.ts`).
 */
export const PATIENCE_MS = 120_000;
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

/** The promise's value; rejects if it does not come. */
export function soon<T>(promise: Promise<T>, what: string): Promise<T> {
  return within(systemTimers, PATIENCE_MS, promise, () => inVain(what));
}

/** Whether a promise settles within `ms` milliseconds. */
export function settles(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const settled = promise.then(() => true, () => true);
  return within(systemTimers, ms, settled, () => new Error()).catch(() => false);
}

/** Resolves when `condition` holds; rejects if that does not happen. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  for (let pauseMs = 2; !await condition(); pauseMs = Math.min(2 * pauseMs, LOOK_MS)) {
    if (performance.now() > end) throw inVain(what);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

function inVain(what: string): Error {
  return new Error(`${what} did not happen within ${PATIENCE_MS} ms`);
}

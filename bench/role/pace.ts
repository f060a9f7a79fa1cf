/** Publishing at a steady rate, free of coordinated omission. @module */

import { timedPayload } from "./payload.ts";

/** A timer of 1 ms comes so late without anybody's fault, ms: 2.1 after it is set, where nothing is published at all. */
const TIMER_LATE_MS = 2.5;

/** How a pace went. */
export interface Paced {
  /** Events that were handed over later than the timer explains. */
  readonly late: number;
}

/**
 * Publishes `count` events, one every `1000 / perSecond` ms by the schedule, however slow the system is. Each carries the
 * time when it was handed over; where the publisher was more than 2.5 ms behind its schedule, the time when it was due: so
 * whoever makes the publisher wait is charged for it.
 */
export async function pace(
  publish: (payload: Uint8Array) => void,
  count: number,
  perSecond: number,
  now: () => number,
): Promise<Paced> {
  const start = now(), everyMs = 1_000 / perSecond;
  let late = 0;
  for (let sent = 0; sent < count;) {
    for (let at = now(); sent < count && start + sent * everyMs <= at; at = now()) {
      const due = start + sent * everyMs, isLate = at - due > TIMER_LATE_MS;
      if (isLate) late++;
      publish(timedPayload(sent++, isLate ? due : at));
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return { late };
}

/**
 * Sending by the clock. The time when an event is due follows from its number alone, never from how the ones before it
 * went; a latency counts from there. So a system that holds the sender up is charged for all that waited meanwhile,
 * which is what measurements with "coordinated omission" (Gil Tene) leave out.
 *
 * @module
 */

/** Time, as a schedule needs it. */
export interface ScheduleClock {
  /** ms. */
  now(): number;
  /** Resolves at `atMs` or a little later; rejects when the user gives up. */
  until(atMs: number): Promise<void>;
}

/** Sent without a look at anything else when a stall is made up for. */
const BURST_MAX = 256;

/** Calls `send` with number and due time for each event of `durationMs`; returns how many there were. */
export async function paced(
  { perSecond, durationMs }: { readonly perSecond: number; readonly durationMs: number },
  clock: ScheduleClock,
  send: (index: number, dueMs: number) => void,
): Promise<number> {
  const count = Math.max(1, Math.floor(durationMs * perSecond / 1_000)), startedAt = clock.now();
  for (let index = 0; index < count;) {
    const now = clock.now(), burstEnd = Math.min(count, index + BURST_MAX);
    for (; index < burstEnd; index++) {
      const dueMs = startedAt + index * 1_000 / perSecond;
      if (dueMs > now) break;
      send(index, dueMs);
    }
    if (index < count) await clock.until(startedAt + index * 1_000 / perSecond);
  }
  return count;
}

/** Timers come up to this late on a quiet machine (measured: a timer of 1 ms takes 2.1), ms. */
const TIMER_LATE_MS = 3;

/** The clock of this process; near the end of a wait it goes through turns of the event loop instead of timers. */
export function systemClock(signal: AbortSignal): ScheduleClock & { pause(ms: number): Promise<void> } {
  const pause = async (ms: number) => {
    await new Promise<void>((resolve) => setTimeout(resolve, ms));
    signal.throwIfAborted();
  };
  return {
    now: () => performance.now(),
    pause,
    async until(atMs) {
      signal.throwIfAborted();
      const ms = atMs - performance.now();
      if (ms > TIMER_LATE_MS) await pause(ms - TIMER_LATE_MS);
      do await new Promise<void>((resolve) => void setImmediate(resolve)); while (performance.now() < atMs);
      signal.throwIfAborted();
    },
  };
}

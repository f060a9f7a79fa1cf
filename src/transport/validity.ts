/** What to tell somebody whose clock, or the other end's, is wrong: a certificate was met out of its time. @module */

/** A certificate out of its time, as far as it is known. */
export interface OutOfTime {
  /** Whether its end has passed; otherwise it has not begun. */
  readonly hasEnded: boolean;
  /** The end or the beginning, wall time in milliseconds. */
  readonly boundary?: number | undefined;
  /** What the clock here says. */
  readonly now: number;
}

/** The rule it breaks and which clock to look at; completes "Cannot dial …: ". */
export function outOfTimeRule({ hasEnded, boundary, now }: OutOfTime): string {
  const at = boundary === undefined ? "" : ` at ${instant(boundary)}`, here = `the clock here says ${instant(now)}`;
  return hasEnded
    ? `its certificate must hold at this time, got one that has ended${at}, and ${here}; either that is ahead, or the ` +
      "other end has not renewed its certificate: check both clocks"
    : `its certificate must hold at this time, got one that only begins${at}, and ${here}; either that is behind, or ` +
      "the clock of the other end is ahead: check both clocks";
}

function instant(ms: number): string {
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : `${ms} ms`;
}

/** Durations as people type them. @module */

import { ValidationError } from "../../base/errors.ts";

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** Ten years: more is a mistake. */
const DURATION_MS_MAX = 3_650 * 86_400_000;

/** Reads `90s`, `15m`, `12h` or `30d` as milliseconds; `what` names the flag in the error. */
export function parseDuration(text: string, what: string): number {
  const [, digits, unit] = /^(\d{1,9})([smhd])$/.exec(text.trim()) ?? [];
  const ms = digits === undefined ? NaN : Number(digits) * UNITS_MS[unit!]!;
  if (ms > 0 && ms <= DURATION_MS_MAX) return ms;
  throw new ValidationError(
    `Cannot use ${what}: a time from 1s to 3650d is expected, as in 90s, 15m, 12h or 30d, got ${
      JSON.stringify(text.slice(0, 100))
    }`,
  );
}

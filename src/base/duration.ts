/** Durations as applications give them: milliseconds. @module */

import { ValidationError } from "./errors.ts";

/**
 * Throws `ValidationError` unless `value` is a time over 0 ms, or from 0 ms on with `least`; `Infinity` is one. `doing`
 * begins the sentence, `name` is that of the option.
 */
export function checkDuration(doing: string, name: string, value: number, least?: 0): void {
  if (typeof value === "number" && (value > 0 || value === least)) return;
  const rule = least === undefined ? "over 0 ms" : `at least ${least} ms`;
  throw new ValidationError(`Cannot ${doing}: ${name} is ${rule}, got ${value}`);
}

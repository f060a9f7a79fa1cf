/** Which of two retained events of a topic counts: the later one, by its publisher's clock. @module */

import { bytesKey } from "../../base/bytes.ts";
import type { Publish } from "../../wire/mod.ts";

/** What tells when an event was published, and which one it is. */
export interface Stamp {
  /** Publisher's clock, ms. */
  readonly at: number;
  readonly publisher: string;
  readonly id: string;
}

/** The stamp of an event. */
export function stampOf({ at = 0, publisher, messageId }: Publish): Stamp {
  return { at, publisher: publisher === undefined ? "" : bytesKey(publisher), id: bytesKey(messageId) };
}

/** Whether they are of the same event. */
export function isSame(a: Stamp, b: Stamp): boolean {
  return a.id === b.id && a.publisher === b.publisher;
}

/**
 * Whether `a` counts in the place of `b`. Of two of one millisecond that came one after the other from one publisher
 * nothing but their order tells; else the higher publisher and id, so that all hubs choose the same.
 */
export function isLater(a: Stamp, b: Stamp, { inOrder = false } = {}): boolean {
  if (a.at !== b.at) return a.at > b.at;
  if (a.publisher !== b.publisher) return a.publisher > b.publisher;
  return a.id !== b.id && (inOrder || a.id > b.id);
}

/** An event whose publisher does not say when, with the time here. */
export function timed({ frame: _frame, ...publish }: Publish, now: number): Publish {
  return { ...publish, at: Math.floor(now) };
}

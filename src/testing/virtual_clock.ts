/**
 * Time that moves when told to: a heap of what is due, by time and then by the order in which it was asked for.
 *
 * @module
 */

import type { Timers } from "../base/clock.ts";
import { Deadlines } from "../base/deadlines.ts";

/** When virtual time begins: 1 January 2026, UTC, in milliseconds. */
export const START_MS = 1_767_225_600_000;

/** So many cancelled entries are worth a clean-up, when they are most of all. */
const CANCELLED_MAX = 1_024;

interface Due {
  /** Undefined once it was taken back. */
  action: (() => void) | undefined;
  /** Whether time is to move on for it. */
  readonly isWanted: boolean;
}

/** A virtual clock; `step` does the next thing that is due. */
export class VirtualClock implements Timers {
  /** The same clock, for what is on its way: time moves on by itself for it. */
  readonly underWay: Timers;
  readonly #due = new Deadlines<Due>();
  readonly #onWanted: () => void;
  #now: number = START_MS;
  #cancelled = 0;
  #wanted = 0;
  #steps = 0;

  /** `onWanted` is called when something is on its way. */
  constructor(onWanted: () => void = () => {}) {
    this.#onWanted = onWanted;
    this.underWay = { now: () => this.#now, after: (ms, action) => this.#add(ms, action, true) };
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, action: () => void): () => void {
    return this.#add(ms, action, false);
  }

  turn(): Promise<void> {
    return new Promise((resolve) => void this.#add(0, resolve, true));
  }

  /** Timers that are pending, those under way included. */
  get pending(): number {
    return this.#due.size - this.#cancelled;
  }

  /** What is on its way. */
  get wanted(): number {
    return this.#wanted;
  }

  /** How much has been done. */
  get steps(): number {
    return this.#steps;
  }

  /** When something is due next; Infinity when nothing is. */
  get nextAt(): number {
    const due = this.#due;
    while (due.first !== undefined && due.first.action === undefined) {
      due.takeDue(Infinity);
      this.#cancelled--;
    }
    return due.nextAt;
  }

  /** Moves to the next thing that is due, and does it. */
  step(): void {
    const at = this.nextAt, due = at < Infinity ? this.#due.takeDue(at) : undefined;
    if (due === undefined) return;
    const { action, isWanted } = due;
    due.action = undefined;
    if (isWanted) this.#wanted--;
    this.#steps++;
    this.moveTo(at);
    action!();
  }

  /** Moves on without doing anything; never back. */
  moveTo(at: number): void {
    this.#now = Math.max(this.#now, at);
  }

  #add(ms: number, action: () => void, isWanted: boolean): () => void {
    const due: Due = { action, isWanted };
    this.#due.add(this.#now + Math.max(0, ms), due);
    if (isWanted) {
      this.#wanted++;
      this.#onWanted();
    }
    return () => {
      if (due.action === undefined) return;
      due.action = undefined;
      if (isWanted) this.#wanted--;
      if (++this.#cancelled > CANCELLED_MAX && this.#cancelled * 2 > this.#due.size) this.#cleanUp();
    };
  }

  #cleanUp(): void {
    this.#due.retain(({ action }) => action !== undefined);
    this.#cancelled = 0;
  }
}

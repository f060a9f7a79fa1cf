/**
 * Who moves virtual time, and when. It moves only in a turn of the event loop of its own, when all promises that could
 * settle have settled, and only while there is a reason:
 *
 * - something is on its way through the network;
 * - an operation of a mesh is open (`call`, `publish`, `ready`, `close`, …), for at most ten virtual minutes;
 * - somebody waits for time itself: `advance`, `until`, `run`.
 *
 * Upkeep (keep-alive, renewal, reconnecting) is no reason: it happens as time passes for another one. While a promise
 * that was given to `outside` is open, time stands still.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import { MeshError, TimeoutError } from "../base/errors.ts";
import type { VirtualClock } from "./virtual_clock.ts";

/** So long one open operation moves time, virtual ms. */
export const OPERATION_MS_MAX = 600_000;

interface Wait {
  readonly what: string;
  readonly isOver: () => boolean;
  readonly startedAt: number;
  readonly withinMs: number;
  /** At so many steps of the clock it has gone on for too long. */
  readonly stepsEnd: number;
  resolve(): void;
  reject(error: unknown): void;
}

/** Options of {@link Driver}. */
export interface DriverOptions {
  /** Things that may happen in one wait. */
  readonly eventsMax: number;
  /** What is going on, for the error of a wait that takes too long. */
  readonly describe: () => string;
}

/** Moves a clock. */
export class Driver {
  readonly #clock: VirtualClock;
  readonly #options: DriverOptions;
  readonly #waits = new Set<Wait>();
  readonly #operations = new Map<symbol, { readonly what: string; readonly since: number }>();
  #lastOperationAt = 0;
  #outside = 0;
  #running = false;
  #isClosed = false;

  constructor(clock: VirtualClock, options: DriverOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  /** What is open, oldest first. */
  get operations(): readonly { readonly what: string; readonly since: number }[] {
    return [...this.#operations.values()];
  }

  /** Promises outside that time waits for. */
  get heldBack(): number {
    return this.#outside;
  }

  /** Time moves until `promise` has settled; `what` is shown when somebody waits in vain. */
  operation<T>(what: string, promise: Promise<T>): Promise<T> {
    return promise.finally(this.#open(what));
  }

  /** The same for a promise that somebody else looks after. */
  watch(what: string, promise: Promise<unknown>): void {
    const done = this.#open(what);
    promise.then(done, done);
  }

  /** Time stands still until `promise` has settled. */
  outside<T>(promise: Promise<T>): Promise<T> {
    this.#outside++;
    return promise.finally(() => {
      this.#outside--;
      this.nudge();
    });
  }

  /** Lets `ms` pass. */
  async advance(ms: number): Promise<void> {
    const clock = this.#clock, target = clock.now() + ms;
    await this.#wait(`${ms} ms to pass`, Infinity, () => {
      if (clock.nextAt <= target) return false;
      clock.moveTo(target);
      return true;
    });
  }

  /** Resolves once `condition` holds. */
  until(what: string, withinMs: number, condition: () => boolean): Promise<void> {
    return this.#wait(what, withinMs, condition);
  }

  /** Time moves until `promise` has settled. */
  async run<T>(what: string, withinMs: number, promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settled = () => void (isSettled = true);
    promise.then(settled, settled);
    await this.#wait(what, withinMs, () => isSettled);
    return await promise;
  }

  /** Goes on if there is a reason to. */
  nudge(): void {
    if (this.#running || this.#isClosed) return;
    this.#running = true;
    setImmediate(this.#turn);
  }

  /** Stops for good; resolves when the event loop is rid of it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const wait of this.#waits) {
      wait.reject(new MeshError("closed", `Cannot wait for ${wait.what}: the world ended`));
    }
    this.#waits.clear();
    while (this.#running) await new Promise<void>((resolve) => void setImmediate(resolve));
  }

  /** Time moves whatever is open outside: for the end. */
  letGo(): void {
    this.#outside = -Infinity;
    this.nudge();
  }

  /** Somebody has waited in vain since `startedAt`; `why` no longer. */
  late(what: string, startedAt: number, why: string): TimeoutError {
    const passed = Math.round(this.#clock.now() - startedAt);
    return new TimeoutError(
      `Cannot wait any longer for ${what}: ${why}, got after ${passed} ms of virtual time: ${this.#options.describe()}`,
    );
  }

  #open(what: string): () => void {
    const key = Symbol();
    this.#lastOperationAt = this.#clock.now();
    this.#operations.set(key, { what, since: this.#lastOperationAt });
    this.nudge();
    return () => void this.#operations.delete(key);
  }

  #wait(what: string, withinMs: number, isOver: () => boolean): Promise<void> {
    const startedAt = this.#clock.now(), stepsEnd = this.#clock.steps + this.#options.eventsMax;
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(new MeshError("closed", `Cannot wait for ${what}: the world ended`));
      this.#waits.add({ what, isOver, startedAt, withinMs, stepsEnd, resolve, reject });
      this.nudge();
    });
  }

  /** One turn: whoever has waited long enough goes on before anything else happens. */
  readonly #turn = (): void => {
    if (this.#isClosed || this.#outside > 0) return void (this.#running = false);
    let isOver = false;
    for (const wait of this.#waits) isOver = this.#settle(wait) || isOver;
    if (!isOver && !this.#hasReason()) return void (this.#running = false);
    setImmediate(this.#turn); // before the step: what it throws is its author's, and must not stop time
    if (!isOver) this.#clock.step();
  };

  /** Whether a wait has come to its end. */
  #settle(wait: Wait): boolean {
    const clock = this.#clock, { nextAt } = clock, endAt = wait.startedAt + wait.withinMs;
    try {
      if (wait.isOver()) wait.resolve();
      else if (nextAt > endAt || nextAt === Infinity) {
        if (endAt < Infinity) clock.moveTo(endAt);
        const why = nextAt === Infinity ? "nothing is left to happen" : `${wait.withinMs} ms are over`;
        wait.reject(this.late(wait.what, wait.startedAt, why));
      } else if (clock.steps >= wait.stepsEnd) {
        wait.reject(this.late(wait.what, wait.startedAt, `${this.#options.eventsMax} events are over`));
      } else return false;
    } catch (error) {
      wait.reject(error);
    }
    this.#waits.delete(wait);
    return true;
  }

  #hasReason(): boolean {
    if (this.#clock.nextAt === Infinity) return false;
    if (this.#clock.wanted > 0 || this.#waits.size > 0) return true;
    return this.#operations.size > 0 && this.#clock.now() - this.#lastOperationAt < OPERATION_MS_MAX;
  }
}

/**
 * What a gateway of the original has taken: it acknowledges nothing, but it answers a PING, and deals with the frames of
 * a stream in their order. So a question is followed by a PING, whose PONG confirms it. Pure.
 *
 * @module
 */

import type { Message } from "../../wire/mod.ts";

/** How long a PONG is waited for, ms, before the frames are sent again: a gateway that looks for something is deaf for 10 s. */
export const CONFIRM_MS: readonly number[] = [3_000, 6_000, 12_000];

/** Told once: whether it was confirmed. */
export type Confirmed<Effect> = (isTaken: boolean) => readonly Effect[];

/** What is to be done. */
export interface Ask {
  readonly messages: readonly Message[];
  readonly stamp: number;
  readonly afterMs: number;
}

interface Waiting<Effect> {
  readonly repeated: readonly Message[];
  readonly attempt: number;
  readonly done: Confirmed<Effect>;
}

/** Frames that wait for their PONG. */
export class Confirmations<Effect> {
  readonly #waiting = new Map<number, Waiting<Effect>>();
  #last = 0;

  /** How many wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Sends `messages`, then a PING; without an answer those in `repeated` are sent again. */
  ask(messages: readonly Message[], repeated: readonly Message[], done: Confirmed<Effect>, now: number): Ask {
    return this.#ask(messages, { repeated, attempt: 0, done }, now);
  }

  /** A PONG. */
  onPong(stamp: number): readonly Effect[] {
    const waiting = this.#waiting.get(stamp);
    this.#waiting.delete(stamp);
    return waiting?.done(true) ?? [];
  }

  /** A PING has not been answered in time: what to ask again, or what follows from having asked often enough. */
  onTimer(stamp: number, now: number): Ask | readonly Effect[] {
    const waiting = this.#waiting.get(stamp);
    if (waiting === undefined) return [];
    this.#waiting.delete(stamp);
    const attempt = waiting.attempt + 1;
    return attempt < CONFIRM_MS.length
      ? this.#ask(waiting.repeated, { ...waiting, attempt }, now)
      : waiting.done(false);
  }

  #ask(messages: readonly Message[], waiting: Waiting<Effect>, now: number): Ask {
    const stamp = this.#last = Math.max(Math.floor(now), this.#last + 1);
    this.#waiting.set(stamp, waiting);
    return {
      messages: [...messages, { kind: "ping", timestamp: stamp }],
      stamp,
      afterMs: CONFIRM_MS[waiting.attempt]!,
    };
  }
}

/** A live connection between two hosts, and how its ends notice that they do not hear each other any more. @module */

import type { Timers } from "../../base/clock.ts";
import type { MemoryConnection } from "./connection.ts";
import type { Path } from "./path.ts";

/** One of two ends: 0 dialled, 1 was dialled. */
export type End = 0 | 1;

const ENDS: readonly End[] = [0, 1];
const TIMED_OUT = { by: "timeout", code: 0, text: "timed out" } as const;
const CRASHED = { by: "error", code: 0, text: "crashed" } as const;

/** What a wire is made of. */
export interface WireOptions {
  readonly hosts: readonly [string, string];
  readonly ends: readonly [MemoryConnection, MemoryConnection];
  /** By the end that sends. */
  readonly paths: readonly [Path, Path];
  readonly timers: Timers;
  readonly idleTimeoutMs: number;
}

/** A connection's two ends and two directions. */
export class Wire {
  readonly #options: WireOptions;
  /** Since when an end hears nothing; a symbol of its own for each time. */
  readonly #silences: [symbol | undefined, symbol | undefined] = [undefined, undefined];
  readonly #vanished: [boolean, boolean] = [false, false];

  constructor(options: WireOptions) {
    this.#options = options;
  }

  /** Resolves when both ends have ended. */
  get ended(): Promise<unknown> {
    return Promise.all(this.#options.ends.map((end) => end.closed));
  }

  /** The directions from one host to another have been cut. */
  cut(from: string, to: string): void {
    for (const end of this.#ends(from, to)) this.#deafen(end);
  }

  /** They carry again. */
  heal(from: string, to: string): void {
    for (const end of this.#ends(from, to)) {
      if (!this.#vanished[other(end)]) this.#silences[end] = undefined;
      this.#options.paths[other(end)].resume();
    }
  }

  /** The ends on a host are gone without a word, and what is on its way is lost. */
  crash(host: string): void {
    const { hosts, ends, paths } = this.#options;
    if (!hosts.includes(host)) return;
    for (const path of paths) path.lose();
    for (const end of ENDS) {
      if (hosts[end] !== host) continue;
      ends[end].end(CRASHED);
      this.#vanish(end);
    }
  }

  /** The ends that are reached in this direction. */
  #ends(from: string, to: string): readonly End[] {
    const { hosts } = this.#options;
    return ENDS.filter((end) => hosts[end] === to && hosts[other(end)] === from);
  }

  /** An end that hears nothing for the idle timeout ends, without being able to tell. */
  #deafen(end: End): void {
    if (this.#silences[end] !== undefined) return;
    const silence = this.#silences[end] = Symbol(), { timers, idleTimeoutMs, ends } = this.#options;
    timers.after(idleTimeoutMs, () => {
      if (this.#silences[end] !== silence) return;
      ends[end].end(TIMED_OUT);
      this.#vanish(end);
    });
  }

  #vanish(end: End): void {
    this.#vanished[end] = true;
    this.#deafen(other(end));
  }
}

function other(end: End): End {
  return end === 0 ? 1 : 0;
}

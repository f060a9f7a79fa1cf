/** A file that others replace while we run: looked at on a timer, read again when it has changed. @module */

import type { Timers } from "../base/clock.ts";
import { readWhole, stateError } from "./state_file.ts";

/** How often a watched file is looked at, ms. */
export const WATCH_LOOK_MS = 2_000;
/** File systems count coarse time: a file this young may change once more and look the same, ms. */
const SETTLED_MS = 10_000;

/** What is watched, how it is understood, and who is told. */
export interface WatchOptions<T> {
  readonly path: string;
  /** Largest size, bytes; default that of every state file. */
  readonly bytesMax?: number | undefined;
  /** Understands its text, undefined where there is no file; what it throws at the start is what opening rejects with. */
  readonly parse: (text: string | undefined) => T;
  readonly timers: Timers;
  /** It says something else now. */
  readonly onChange: (value: T) => void;
  /** It has changed and cannot be used: the last good one stays in force. Told once for each such change. */
  readonly onFailure: (error: Error) => void;
}

/** The last good content of a file. */
export class WatchedFile<T> implements Disposable {
  readonly #options: WatchOptions<T>;
  #value: T;
  #text: string | undefined;
  #seen: string;
  /** What was said about a change that cannot be used. */
  #told = "";
  #cancel: () => void = () => {};
  #closed = false;

  private constructor(options: WatchOptions<T>, seen: string, text: string | undefined) {
    this.#options = options;
    this.#seen = seen;
    this.#text = text;
    this.#value = options.parse(text);
    this.#cancel = options.timers.after(WATCH_LOOK_MS, () => void this.#look());
  }

  /** Reads it for the first time, and begins to watch. */
  static async open<T>(options: WatchOptions<T>): Promise<WatchedFile<T>> {
    const seen = await fingerprint(options.path);
    return new WatchedFile(options, seen, await readWhole(options.path, options.bytesMax));
  }

  /** What it said when it was last right. */
  get value(): T {
    return this.#value;
  }

  /** Stops watching. */
  close(): void {
    this.#closed = true;
    this.#cancel();
  }

  /** The same as `close()`. */
  [Symbol.dispose](): void {
    this.close();
  }

  async #look(): Promise<void> {
    try {
      await this.#refresh();
      this.#told = "";
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      if (!this.#closed && text !== this.#told) this.#options.onFailure(error as Error);
      this.#told = text;
    }
    if (!this.#closed) this.#cancel = this.#options.timers.after(WATCH_LOOK_MS, () => void this.#look());
  }

  async #refresh(): Promise<void> {
    const { path, bytesMax, parse, onChange } = this.#options;
    const seen = await fingerprint(path); // before it is read: a change in between is then seen at the next look
    if (seen === this.#seen && this.#told === "") return;
    const text = await readWhole(path, bytesMax);
    if (this.#closed) return;
    if (text !== this.#text) {
      this.#value = parse(text);
      this.#text = text;
      onChange(this.#value);
    }
    this.#seen = seen;
  }
}

/** What tells one state of a file from another; never the same twice while it is young. */
async function fingerprint(path: string): Promise<string> {
  try {
    const { mtime, size, ino } = await Deno.stat(path), changedAt = mtime?.getTime() ?? 0;
    const age = Date.now() - changedAt;
    return `${ino} ${size} ${changedAt}${age < SETTLED_MS ? ` ${crypto.randomUUID()}` : ""}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "none";
    throw stateError(`read ${path}`, path, error);
  }
}

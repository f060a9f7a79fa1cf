/** Many lines on standard output: those that come while one write is under way go out with the next. @module */

import { print } from "./output.ts";

/** Characters that wait over which who pushes has to. */
const WAITING_CHARACTERS_MAX = 1 << 20;

/** Prints lines in order. */
export class LinePrinter {
  readonly #onFailure: () => void;
  #waiting: string[] = [];
  #characters = 0;
  #writing: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;

  /** `onFailure` is called when printing has failed; `flush` then rejects. */
  constructor(onFailure: () => void) {
    this.#onFailure = onFailure;
  }

  /** Takes a line; what it returns, if anything, is to be awaited. */
  push(line: string): Promise<void> | undefined {
    if (this.#failure !== undefined) return undefined;
    this.#waiting.push(line);
    this.#characters += line.length;
    this.#writing ??= this.#write();
    return this.#characters > WAITING_CHARACTERS_MAX ? this.#writing : undefined;
  }

  /** Resolves when everything is written; rejects with what printing failed with (`OutputClosed`). */
  async flush(): Promise<void> {
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #write(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const lines = this.#waiting.join("\n");
        this.#waiting = [];
        this.#characters = 0;
        await print(lines);
      }
    } catch (error) {
      this.#failure = { error };
      this.#onFailure();
    }
    this.#writing = undefined;
  }
}

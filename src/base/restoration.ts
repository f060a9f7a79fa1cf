/** Telling somebody anew, who has come back, what was told before: by numbered requests, until all are answered. @module */

/** Whether what is told anew has been answered. Requests are numbered upwards. */
export class Restoration {
  /** The last request that belongs to it; undefined while there is nothing to wait for. */
  #last: number | undefined;

  /** Begins anew: the requests up to `last` belong to it. */
  begin(last: number): void {
    this.#last = last;
  }

  /** Whom it was told to is gone. */
  end(): void {
    this.#last = undefined;
  }

  /** `request` was put in other words, as requests up to `last`: where it belongs to it, so do they. */
  extend(request: number, last: number): void {
    if (this.#last !== undefined && request <= this.#last) this.#last = last;
  }

  /** Whether all of it has been answered, told once; `open` has the requests that have not, in the order they were made. */
  takeDone(open: ReadonlyMap<number, unknown>): boolean {
    if (this.#last === undefined) return false;
    const oldest = open.keys().next();
    if (!oldest.done && oldest.value <= this.#last) return false;
    this.#last = undefined;
    return true;
  }
}

/** A counting semaphore. @module */

interface Waiter {
  resolve(release: () => void): void;
  reject(error: unknown): void;
}

/** A fixed number of permits; who finds none left waits in line. */
export class Permits {
  #free: number;
  #closed: (() => unknown) | undefined;
  readonly #waiting = new Set<Waiter>();

  constructor(count: number) {
    this.#free = count;
  }

  /**
   * Takes a permit; what it resolves with gives it back, once however often it is called. Rejects with the signal's
   * reason when that aborts first, or with the error that `close` was given.
   */
  acquire(signal?: AbortSignal): Promise<() => void> {
    if (this.#closed) return Promise.reject(this.#closed());
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#free > 0) {
      this.#free--;
      return Promise.resolve(this.#permit());
    }
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#waiting.delete(waiter);
        reject(signal!.reason);
      };
      const settled = () => signal?.removeEventListener("abort", onAbort);
      const waiter: Waiter = {
        resolve: (release) => (settled(), resolve(release)),
        reject: (error) => (settled(), reject(error)),
      };
      this.#waiting.add(waiter);
      signal?.addEventListener("abort", onAbort);
    });
  }

  /** Rejects who waits now and who comes later with what `error()` returns. */
  close(error: () => unknown): void {
    this.#closed = error;
    for (const waiter of this.#waiting) waiter.reject(error());
    this.#waiting.clear();
  }

  #permit(): () => void {
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const [next] = this.#waiting;
      if (!next) return void this.#free++;
      this.#waiting.delete(next);
      next.resolve(this.#permit());
    };
  }
}

/** Time, handed in. @module */

/** Wall time in milliseconds that never runs back. */
export interface Clock {
  now(): number;
  /** The same, at most a millisecond ago: for what asks once a message. Absent where `now` costs next to nothing. */
  recent?(): number;
}

/** A clock that can also call back; `after` returns a function that takes the call back. */
export interface Timers extends Clock {
  /** Calls `action` once, `ms` milliseconds from now at the earliest. */
  after(ms: number, action: () => void): () => void;
  /** Resolves in the next turn of the event loop, once all that is ready now has run; absent where there is none. */
  readonly turn?: () => Promise<void>;
}

/** Rejects with what `error()` returns if `promise` has not settled within `ms` milliseconds. */
export function within<T>(timers: Timers, ms: number, promise: Promise<T>, error: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = timers.after(ms, () => reject(error()));
    promise.then((value) => {
      cancel();
      resolve(value);
    }, (reason) => {
      cancel();
      reject(reason);
    });
  });
}

/** Resolves after `ms` milliseconds. */
export function sleep(timers: Timers, ms: number): Promise<void> {
  return new Promise((resolve) => void timers.after(ms, resolve));
}

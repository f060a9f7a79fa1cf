/** Many operations, a bounded number of them at once. @module */

/**
 * Runs `operation` for 0 to `count - 1` with at most `window` in flight; resolves when all are done. A new batch starts
 * when half the window is free, as a client with back-pressure does.
 */
export function windowed(
  count: number,
  window: number,
  operation: (index: number, done: () => void) => void,
): Promise<void> {
  return new Promise((resolve) => {
    let next = 0, finished = 0, inFlight = 0, filling = false;
    const fill = () => {
      if (filling) return; // an operation that is done at once comes back here
      filling = true;
      while (inFlight < window && next < count) {
        inFlight++;
        operation(next++, done);
      }
      filling = false;
    };
    const done = () => {
      inFlight--;
      if (++finished === count) resolve();
      else if (inFlight <= window >> 1) fill();
    };
    if (count === 0) resolve();
    fill();
  });
}

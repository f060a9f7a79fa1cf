/** A clock that processes of one machine share. @module */

/** On Linux: `CLOCK_MONOTONIC`. */
const CLOCK_MONOTONIC = 1;
/** Attempts to catch both clocks at one time. */
const TRIES = 2_000;

/**
 * Returns a function that tells milliseconds on a scale that all processes of this machine share. Elsewhere than on
 * Linux the scale is wall time, which is only as good as the machine's clock is steady.
 */
export function sharedClock(): () => number {
  if (Deno.build.os !== "linux") return () => performance.timeOrigin + performance.now();
  const library = Deno.dlopen("libc.so.6", { clock_gettime: { parameters: ["i32", "buffer"], result: "i32" } });
  const time = new BigInt64Array(2), bytes = new Uint8Array(time.buffer);
  let offset = 0, best = Infinity;
  for (let i = 0; i < TRIES; i++) {
    const before = performance.now();
    library.symbols.clock_gettime(CLOCK_MONOTONIC, bytes);
    const after = performance.now();
    if (after - before >= best) continue;
    best = after - before;
    offset = Number(time[0]) * 1e3 + Number(time[1]) / 1e6 - (before + after) / 2;
  }
  library.close();
  return () => performance.now() + offset;
}

/**
 * The randomness of TLS, gathered ahead of time.
 *
 * The first use of TLS in a process stops its thread for 50 ms and more, while the library measures the jitter of the
 * processor to seed its random numbers. A P-256 key is made by the same library, but in a thread of its own: while that
 * waits, a node goes on. On another release of Deno this may do nothing; it does no harm either.
 *
 * @module
 */

/** Settles when TLS need not stop this thread any more; after the first time in a process that is at once. */
export async function gatherEntropy(): Promise<void> {
  await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]).catch(() => {});
}

/** Waiting for what a core answers. @module */

import { orThrow } from "./failure.ts";
import type { Node } from "../node/node.ts";

/** A command that was given, and its answer. */
export interface Asked<T> {
  readonly id: number;
  readonly answer: Promise<T>;
}

/** The answer to a command; once `signal` is aborted nobody waits for it any more, and the core is told. */
export function answered<T>(
  node: Node,
  core: "pubsub" | "rpc",
  { id, answer }: Asked<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  const promise = orThrow(answer); // without a signal there is nothing to race with: a promise less
  return signal === undefined ? promise : untilAborted(promise, signal, () => node.giveUp(id, core));
}

/** `promise`, or a rejection with the signal's reason once that is aborted. */
export async function untilAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
  onAborted: () => void = () => {},
): Promise<T> {
  if (signal === undefined) return await promise;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => {
    onAborted();
    reject(signal.reason);
  };
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Waiting for what a core answers. @module */

import { orThrow } from "./failure.ts";
import type { Node } from "./node.ts";

/** A command that was given, and its answer. */
export interface Asked<T> {
  readonly id: number;
  readonly answer: Promise<T>;
}

/** The answer to a command; with `signal`, nobody waits for it any more once that is aborted. */
export async function answered<T>(
  node: Node,
  core: "pubsub" | "rpc",
  { id, answer }: Asked<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (signal === undefined) return await orThrow(answer);
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => {
    node.giveUp(id, core);
    reject(signal.reason);
  };
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([orThrow(answer), aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

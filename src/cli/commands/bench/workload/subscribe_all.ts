/** Several subscriptions to one topic, as one thing to end. @module */

import type { Mesh } from "../../../../mesh/mesh.ts";
import type { Subscription } from "../../../../mesh/subscription.ts";
import type { Receiver } from "../receiver.ts";
import { type BenchRun, known } from "./bench_run.ts";

/** Events that may wait to be read, on each connection. */
const BUFFER_EVENTS = 65_536;

/** All of them. */
export interface Subscribed extends AsyncDisposable {
  readonly subscriptions: readonly Subscription[];
}

/** Subscribes each edge; what comes goes to the receiver. Resolves when all interests are in the mesh. */
export async function subscribeAll(
  run: BenchRun,
  edges: readonly Mesh[],
  { topic, receiver }: { readonly topic: string; readonly receiver: Receiver },
): Promise<Subscribed> {
  const subscriptions = edges.map((edge) => edge.subscribe(topic, { buffer: BUFFER_EVENTS }));
  const end = async () => void await Promise.allSettled(subscriptions.map((subscription) => subscription.close()));
  // What ends a subscription early shows as events that did not come.
  subscriptions.forEach((subscription, from) => void receiver.read(from, subscription).catch(() => {}));
  try {
    await known(run, topic, Promise.all(subscriptions.map(({ ready }) => ready)));
  } catch (error) {
    await end();
    throw error;
  }
  return { subscriptions, [Symbol.asyncDispose]: end };
}

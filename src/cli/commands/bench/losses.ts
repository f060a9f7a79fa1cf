/** Where deliveries went that did not come, as far as the edges of a bench are told. @module */

import type { Mesh } from "../../../mesh/mesh.ts";
import type { Subscription } from "../../../mesh/subscription.ts";

/** What was lost, and how. */
export interface Lost {
  /** Events that the gateway has dropped for subscribers that were too slow. */
  readonly dropped: number;
  /** Deliveries that were still coming when the bench stopped waiting for them. */
  readonly late: number;
  /** Connections that ended: what was on its way on them did not arrive, and nothing until they were back. */
  readonly connections: number;
  /** Why the first of them did: `timeout`, `slow_consumer`, … */
  readonly reason?: string;
}

/** Counts what is lost in one phase. */
export class Losses implements Disposable {
  readonly #edges: readonly Mesh[];
  readonly #subscriptions: readonly Subscription[];
  #droppedBefore = 0;
  #connections = 0;
  #reason: string | undefined;

  constructor(edges: readonly Mesh[], subscriptions: readonly Subscription[]) {
    this.#edges = edges;
    this.#subscriptions = subscriptions;
    for (const edge of edges) edge.addEventListener("peerdown", this.#onPeerDown);
  }

  /** Begins the next phase. */
  begin(): void {
    this.#droppedBefore = this.#missed;
    this.#connections = 0;
    this.#reason = undefined;
  }

  /** Events that were dropped in this phase so far. */
  get dropped(): number {
    return this.#missed - this.#droppedBefore;
  }

  /** What this phase has lost, beside what is `late`. */
  with(late: number): Lost {
    const { dropped } = this, connections = this.#connections, reason = this.#reason;
    return { dropped, late, connections, ...reason === undefined ? {} : { reason } };
  }

  [Symbol.dispose](): void {
    for (const edge of this.#edges) edge.removeEventListener("peerdown", this.#onPeerDown);
  }

  get #missed(): number {
    return this.#subscriptions.reduce((sum, { missed }) => sum + missed, 0);
  }

  readonly #onPeerDown = ({ detail: { reason } }: CustomEvent<{ readonly reason: string }>): void => {
    this.#connections++;
    this.#reason ??= reason;
  };
}

/** The subscriptions of a mesh, and how events come to them. @module */

import type { Slab } from "../../base/slab.ts";
import type { Filler, Relief } from "../../node/relief.ts";
import type { SubscriptionId } from "../../pubsub/interest.ts";
import type { PubsubEvent } from "../../pubsub/messages.ts";
import { briefEvents } from "../../wire/mod.ts";
import type { Subscription } from "../subscription.ts";

type Delivered = Extract<PubsubEvent, { type: "delivered" }>;
type DeliveredBurst = Extract<PubsubEvent, { type: "burst" }>;

/** Every subscription there is. */
export class Subscriptions {
  readonly #byId = new Map<SubscriptionId, Subscription<unknown>>();
  #ids = 0;

  /** An id that none has had. */
  nextId(): SubscriptionId {
    return ++this.#ids;
  }

  add(id: SubscriptionId, subscription: Subscription<unknown>): void {
    this.#byId.set(id, subscription);
  }

  delete(id: SubscriptionId): void {
    this.#byId.delete(id);
  }

  get(id: SubscriptionId): Subscription<unknown> | undefined {
    return this.#byId.get(id);
  }

  all(): Subscription<unknown>[] {
    return [...this.#byId.values()];
  }

  /** Whether each of these has room for so many events; else they come one by one, and reading pauses between them. */
  hasRoom(ids: readonly SubscriptionId[], count: number): boolean {
    for (const id of ids) if (this.#byId.get(id)?.hasRoom(count) === false) return false;
    return true;
  }

  /** Gives an event of `filler` to those it is for; one that was published here is copied into `slab`. */
  deliver({ subscriptions, publish, proof }: Delivered, relief: Relief, filler: Filler, slab: Slab): void {
    const own = filler === undefined ? slab : undefined;
    for (const id of subscriptions) {
      const subscription = this.#byId.get(id);
      subscription?.push(publish, proof, own);
      if (subscription?.congested) relief.mark(subscription, filler);
    }
  }

  /** Gives the events of a burst, for which there is room, to those they are for. */
  deliverBurst({ subscriptions, burst, proof }: DeliveredBurst): void {
    const events = briefEvents(burst);
    for (const id of subscriptions) {
      const subscription = this.#byId.get(id);
      if (subscription !== undefined) { for (const event of events) subscription.push(event, proof); }
    }
  }
}

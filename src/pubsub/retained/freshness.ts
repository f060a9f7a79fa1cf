/**
 * What of the retained events a receiver's subscriptions have had already: the hub gives it all that is kept whenever
 * one of them begins, and after each reconnect. A kept event comes before newer ones of its topic, or not at all.
 *
 * @module
 */

import { LruMap } from "../../base/lru.ts";
import type { Effect } from "../../base/protocol.ts";
import type { Topic } from "../../names/mod.ts";
import type { Publish } from "../../wire/mod.ts";
import type { SubscriptionId } from "../interest.ts";
import type { PubsubEvent, PubsubMessage, PubsubTimer } from "../messages.ts";
import { isLater, isSame, type Stamp, stampOf } from "./order.ts";

type PubsubEffect = Effect<PubsubMessage, PubsubTimer, PubsubEvent>;

/** Topics whose last retained event a receiver remembers; of more, one may come again after a reconnect. */
export const REMEMBERED_TOPICS_MAX = 10_000;

/** An event that came, and its turn: subscriptions that began later have not had it. */
interface Seen extends Stamp {
  readonly turn: number;
}

/** What the subscriptions of one node have had. */
export class Freshness {
  /** The last retained event of a topic, live or kept. */
  readonly #retained: LruMap<Topic, Seen>;
  /** The last event of a topic, of those that came while kept ones are awaited. */
  readonly #live: LruMap<Topic, Seen>;
  /** When subscriptions began. */
  readonly #began = new Map<SubscriptionId, number>();
  readonly #isAwaited: () => boolean;
  #turn = 0;

  /** `isAwaited`: whether kept events may still come for something that is wanted. */
  constructor(isAwaited: () => boolean, topicsMax = REMEMBERED_TOPICS_MAX) {
    this.#isAwaited = isAwaited;
    this.#retained = new LruMap(topicsMax);
    this.#live = new LruMap(topicsMax);
  }

  /** Topics that are remembered. */
  get size(): number {
    return this.#retained.size + this.#live.size;
  }

  /** A subscription begins. */
  began(subscription: SubscriptionId): void {
    this.#began.set(subscription, ++this.#turn);
  }

  /** And ends. */
  ended(subscription: SubscriptionId): void {
    this.#began.delete(subscription);
  }

  /** An event came as it was published, for these subscriptions. */
  live(publish: Publish, subscriptions: readonly SubscriptionId[]): PubsubEffect {
    const isAwaited = this.#isAwaited();
    if (isAwaited || publish.retain) this.#note(publish, isAwaited);
    return { kind: "event", event: { type: "delivered", subscriptions, publish } };
  }

  /** What was asked for has come: what was noted while it was awaited is of no use any more. */
  recalled(): void {
    if (!this.#isAwaited()) this.#live.clear();
  }

  /** A kept event came: for those of these subscriptions that have not had it. */
  kept(publish: Publish, among: readonly SubscriptionId[]): readonly PubsubEffect[] {
    const subscriptions = this.#fresh(publish, among);
    if (subscriptions.length === 0) return [];
    return [{ kind: "event", event: { type: "delivered", subscriptions, publish } }];
  }

  #note(publish: Publish, isAwaited: boolean): void {
    const topic = publish.topic as Topic, seen = { ...stampOf(publish), turn: ++this.#turn };
    if (isAwaited) this.#live.set(topic, seen);
    if (!publish.retain) return;
    const before = this.#retained.get(topic);
    if (before === undefined || isLater(seen, before, { inOrder: true })) this.#retained.set(topic, seen);
  }

  #fresh(publish: Publish, subscriptions: readonly SubscriptionId[]): readonly SubscriptionId[] {
    const topic = publish.topic as Topic, stamp = stampOf(publish);
    const before = this.#retained.get(topic), live = this.#live.get(topic);
    const isKnown = before !== undefined && isSame(before, stamp);
    if (before !== undefined && !isKnown && !isLater(stamp, before, { inOrder: true })) return [];
    this.#retained.set(topic, { ...stamp, turn: ++this.#turn });
    return subscriptions.filter((one) => {
      const began = this.#began.get(one) ?? 0;
      if (isKnown && began <= before.turn) return false;
      return live === undefined || live.turn < began || !isLater(live, stamp);
    });
  }
}

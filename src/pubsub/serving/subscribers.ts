/** What links ask for: patterns that they want, within their rights and the bounds. @module */

import type { Action, Effect, Failure, Peer } from "../../base/protocol.ts";
import { isPattern, type Pattern } from "../../names/mod.ts";
import { quote } from "../../names/topic.ts";
import type { Subscribe, Unsubscribe } from "../../wire/mod.ts";
import type { Clients } from "../clients.ts";
import type { Interests } from "../interest.ts";
import type { PubsubEvent, PubsubMessage, PubsubTimer } from "../messages.ts";
import { suback, type Wanted } from "../wanted.ts";

type PubsubEffect = Effect<PubsubMessage, PubsubTimer, PubsubEvent>;

/** Bounds of what is wanted. */
export interface SubscriberLimits {
  readonly subscriptionsPerLinkMax: number;
  readonly subscriptionsMax: number;
}

const NOTHING: readonly PubsubEffect[] = [];

/** Takes the patterns of links. */
export class Subscribers {
  readonly #limits: SubscriberLimits;
  readonly #interests: Interests;
  readonly #clients: Clients;
  readonly #wanted: Wanted;

  constructor(limits: SubscriberLimits, interests: Interests, clients: Clients, wanted: Wanted) {
    this.#limits = limits;
    this.#interests = interests;
    this.#clients = clients;
    this.#wanted = wanted;
  }

  /** Takes all of its patterns, or none. */
  onSubscribe(from: Peer, message: Subscribe): readonly PubsubEffect[] {
    const { requestId } = message, patterns = new Set<Pattern>();
    const answer = (failure?: Failure, name = message.topics[0] ?? ""): readonly PubsubEffect[] => [
      ...requestId === undefined ? NOTHING : [suback(from, requestId, failure)],
      ...failure === undefined ? NOTHING : [refused(from, "subscribe", name, failure)],
    ];
    for (const text of message.topics) {
      if (!isPattern(text)) {
        const sentence = `Cannot subscribe: a topic pattern is expected, got ${quote(text)}`;
        return answer({ code: "invalid_pattern", text: sentence }, text);
      }
      const refusal = this.#clients.refusal(from, "subscribe", text);
      if (refusal !== undefined) return answer(refusal, text);
      if (!this.#interests.has(from, text)) patterns.add(text);
    }
    const { subscriptionsPerLinkMax, subscriptionsMax } = this.#limits;
    const wanted = this.#interests.countOf(from) + patterns.size;
    if (wanted > subscriptionsPerLinkMax) {
      const text = `Cannot subscribe: a client has at most ${subscriptionsPerLinkMax} patterns, got ${wanted}`;
      return answer({ code: "too_many_subscriptions", text });
    }
    if (this.#interests.total + patterns.size > subscriptionsMax) {
      const text = `Cannot subscribe: the hub holds at most ${subscriptionsMax} patterns`;
      return answer({ code: "too_many_subscriptions", text });
    }
    for (const pattern of patterns) this.#interests.addPeer(from, pattern);
    return this.#wanted.add(patterns, { peer: from, requestId, topics: message.topics });
  }

  /** And gives them up. */
  onUnsubscribe(from: Peer, message: Unsubscribe): readonly PubsubEffect[] {
    const gone: Pattern[] = [];
    for (const text of message.topics) {
      if (isPattern(text) && this.#interests.removePeer(from, text)) gone.push(text);
    }
    const effects = this.#wanted.remove(gone);
    return message.requestId === undefined ? effects : [...effects, suback(from, message.requestId)];
  }
}

/** Tells that a link was told no. */
export function refused(peer: Peer, action: Action, name: string, failure: Failure): PubsubEffect {
  return { kind: "event", event: { type: "refused", peer, action, name, ...failure } };
}

/** What a hub wants of the mesh, for its links and itself: each pattern once. @module */

import { type Confirmation, Listing, type Settled } from "../base/listing.ts";
import type { CommandId, Effect, Failure, Peer } from "../base/protocol.ts";
import type { Pattern } from "../names/mod.ts";
import type { Suback } from "../wire/mod.ts";
import type { PubsubEvent, PubsubMessage, PubsubTimer } from "./messages.ts";

type PubsubEffect = Effect<PubsubMessage, PubsubTimer, PubsubEvent>;

/** Who is told when the mesh knows. */
export type Subscriber =
  | { readonly command: CommandId }
  /** `topics` is all that it asked for, some of which it had. */
  | { readonly peer: Peer; readonly requestId: number | undefined; readonly topics: readonly string[] };

/** Patterns that somebody here wants. Without a directory nobody else is told, and nobody waits. */
export class Wanted {
  readonly #listing: Listing<Subscriber> | undefined;

  constructor({ hub, directory }: { readonly hub: boolean; readonly directory: boolean }) {
    this.#listing = hub && directory ? new Listing() : undefined;
  }

  /** `subscriber` wants these patterns, that it did not want before; it is told when the mesh knows all. */
  add(patterns: Iterable<Pattern>, subscriber: Subscriber): PubsubEffect[] {
    if (this.#listing === undefined) return told(subscriber, undefined);
    const effects: PubsubEffect[] = [];
    for (const pattern of patterns) {
      if (this.#listing.add(pattern)) effects.push({ kind: "event", event: { type: "wanted", pattern } });
    }
    const known = this.#listing.wait("topics" in subscriber ? subscriber.topics : patterns, subscriber);
    return known === undefined ? effects : [...effects, ...told(subscriber, known)];
  }

  /** One less wants each of these patterns. */
  remove(patterns: readonly Pattern[]): PubsubEffect[] {
    const effects: PubsubEffect[] = [];
    for (const pattern of patterns) {
      const waited = this.#listing?.remove(pattern);
      if (waited === undefined) continue;
      effects.push({ kind: "event", event: { type: "unwanted", pattern } }, ...tellAll(waited));
    }
    return effects;
  }

  /** So many keep the record of a pattern. */
  recorded(pattern: Pattern, confirmation: Confirmation): PubsubEffect[] {
    return tellAll(this.#listing?.confirm(pattern, confirmation) ?? []);
  }
}

/** The answer to a subscribe or an unsubscribe. */
export function suback(
  to: Peer,
  requestId: number,
  more: Failure | Confirmation | undefined = undefined,
): PubsubEffect {
  const message: Suback = { kind: "suback", requestId, ...more };
  return { kind: "send", to, message, lane: "control" };
}

function tellAll(settled: readonly Settled<Subscriber>[]): PubsubEffect[] {
  return settled.flatMap(({ waiter, confirmation }) => told(waiter, confirmation));
}

function told(subscriber: Subscriber, confirmation: Confirmation | undefined): PubsubEffect[] {
  if ("command" in subscriber) return [{ kind: "answer", id: subscriber.command, value: confirmation }];
  const { peer, requestId } = subscriber;
  return requestId === undefined ? [] : [suback(peer, requestId, confirmation)];
}

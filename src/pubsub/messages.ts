/** What the pub/sub core is told and what it tells. @module */

import type { Confirmation } from "../base/listing.ts";
import type { CommandId, Peer, Refusal } from "../base/protocol.ts";
import type { Pattern, Topic } from "../names/mod.ts";
import type {
  Burst,
  ErrorMessage,
  Missed,
  Puback,
  Publish,
  Recall,
  Recalled,
  Suback,
  Subscribe,
  Unsubscribe,
} from "../wire/mod.ts";
import type { SubscriptionId } from "./interest.ts";

/** The wire messages of this core. */
export type PubsubMessage =
  | Publish
  | Burst
  | Subscribe
  | Unsubscribe
  | Puback
  | Suback
  | Recall
  | Recalled
  | Missed
  | ErrorMessage;

/** What the application asks for. */
export type PubsubCommand =
  /** Answered when the interest is in the mesh: with a `Confirmation`, or nothing where nobody has told. */
  | { readonly type: "subscribe"; readonly subscription: SubscriptionId; readonly pattern: Pattern }
  | { readonly type: "unsubscribe"; readonly subscription: SubscriptionId }
  /**
   * Answered when the event was handed to the link (`undefined`), or, with `publish.acknowledge`, when the hub took
   * it (`{ recipients }`).
   */
  | { readonly type: "publish"; readonly publish: Publish }
  /** The application gave up waiting for the answer to `command`. */
  | { readonly type: "abandon"; readonly command: CommandId }
  /** Answered with the peers that would be handed an event of this topic. */
  | { readonly type: "audience"; readonly topic: Topic }
  /** How many keep the record that this hub wants a pattern, after `wanted`. No answer. */
  | { readonly type: "recorded"; readonly pattern: Pattern; readonly confirmation: Confirmation }
  /** Other hubs, by their ids, that want a topic, after `interest`; good for `forMs` milliseconds. No answer. */
  | { readonly type: "interested"; readonly topic: Topic; readonly hubs: readonly Peer[]; readonly forMs: number }
  /** Other hubs, by their ids, that keep retained events: after `keepers`, and when there is a new one. No answer. */
  | { readonly type: "keepers"; readonly hubs: readonly Peer[] }
  /** What other hubs want of topics at or below `name` (all if empty) has changed. No answer. */
  | { readonly type: "outdated"; readonly name: string };

/** Look for answers that are overdue. Another `at` than that of the latest such timer: it is out of date. */
export interface PubsubTimer {
  /** Of the hub above, of other hubs, or questions for retained events. */
  readonly type: "acknowledgements" | "relays" | "retained";
  /** When it is due, ms. */
  readonly at: number;
}

/** What a hub wants the mesh to know, or to know of it. */
export type PubsubQuestion =
  /** Somebody here wants these events from now on. Answered by `recorded`. */
  | { readonly type: "wanted"; readonly pattern: Pattern }
  /** And nobody any more. */
  | { readonly type: "unwanted"; readonly pattern: Pattern }
  /** Which other hubs want this topic? Answered by `interested`. */
  | { readonly type: "interest"; readonly topic: Topic }
  /** This hub keeps retained events from now on, or no longer any. */
  | { readonly type: "keeping"; readonly isKeeping: boolean }
  /** Which other hubs do? Answered by `keepers`. */
  | { readonly type: "keepers" };

/** Whether these subscriptions of ours have room for so many events. */
export type RoomFor = (subscriptions: readonly SubscriptionId[], count: number) => boolean;

/** What the application gets to know. */
export type PubsubEvent =
  | PubsubQuestion
  /** An event for these subscriptions of ours. */
  | {
    readonly type: "delivered";
    readonly subscriptions: readonly SubscriptionId[];
    readonly publish: Publish;
    /** By what it is known who published it; the node says. */
    proof?: "claimed" | "link" | "hub" | "signature" | undefined;
  }
  /** All events of a burst, likewise. */
  | {
    readonly type: "burst";
    readonly subscriptions: readonly SubscriptionId[];
    readonly burst: Burst;
    proof?: "claimed" | "link" | "hub" | "signature" | undefined;
  }
  /** The hub could not hand us so many events, because we read too slowly. */
  | { readonly type: "missed"; readonly count: number }
  /** The hub has answered for every interest that there was when we attached to it. */
  | { readonly type: "restored"; readonly hub: Peer }
  /** The hub does not take this interest (any more). */
  | {
    readonly type: "interestRefused";
    readonly subscription: SubscriptionId;
    readonly code: string;
    readonly text: string;
  }
  /** A peer sent an event or an interest that was not taken. */
  | Refusal;

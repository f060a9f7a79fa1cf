/**
 * Publish and subscribe through one hub. At a hub it matches events against the interests of its links and of its own
 * application; at an edge it keeps the hub informed of the application's interests and delivers what arrives.
 *
 * @module
 */

import { bytesKey, equalBytes, toHex } from "../base/bytes.ts";
import type { CommandId, Core, Effect, Failure, Input, Peer } from "../base/protocol.ts";
import { isTopic, type Pattern, type Topic } from "../names/mod.ts";
import { quote } from "../names/topic.ts";
import { type Burst, burstEvents, type ErrorMessage, type Puback, type Publish, type Recalled } from "../wire/mod.ts";
import { Backlog, type BacklogLimits } from "./backlog.ts";
import { Clients } from "./clients.ts";
import { Interests, type SubscriptionId } from "./interest.ts";
import type { PubsubCommand, PubsubEvent, PubsubMessage, PubsubTimer, RoomFor } from "./messages.ts";
import { type Publisher, RELAY_LIMITS, type RelayLimits, Relays, tell } from "./relays.ts";
import { Freshness } from "./retained/freshness.ts";
import { timed } from "./retained/order.ts";
import { Retained, RETAINED_LIMITS, type RetainedLimits } from "./retained/retained.ts";
import { SeenSet } from "./seen_set.ts";
import { refused, Subscribers } from "./serving/subscribers.ts";
import { Unacknowledged, type UnacknowledgedLimits } from "./unacknowledged.ts";
import { Upstream } from "./upstream.ts";
import { Wanted } from "./wanted.ts";

/** Settings of the core. */
export interface PubsubOptions extends UnacknowledgedLimits {
  /** Whether this node serves other nodes' interests. */
  readonly hub: boolean;
  /** This node's id, 32 bytes. */
  readonly node: Uint8Array;
  readonly subscriptionsPerLinkMax: number;
  readonly subscriptionsMax: number;
  readonly backlog: BacklogLimits;
  /** Whether somebody tells the mesh what this hub wants, and this hub what others want. */
  readonly directory: boolean;
  readonly relays: RelayLimits;
  readonly retained: RetainedLimits;
}

/** The defaults of DESIGN section 9. */
export const PUBSUB_DEFAULTS: Omit<PubsubOptions, "hub" | "node"> = {
  subscriptionsPerLinkMax: 10_000,
  subscriptionsMax: 1_000_000,
  backlog: { eventsMax: 1_000, bytesMax: 1 << 20 },
  unacknowledgedMax: 100_000,
  acknowledgeWithinMs: 30_000,
  directory: false,
  relays: RELAY_LIMITS,
  retained: RETAINED_LIMITS,
};

type PubsubInput = Input<PubsubMessage, PubsubCommand, PubsubTimer>;
type PubsubEffect = Effect<PubsubMessage, PubsubTimer, PubsubEvent>;

/** What is done for an event, and how many get it here. */
interface Spread {
  readonly effects: PubsubEffect[];
  readonly recipients: number;
}

const NOTHING: readonly PubsubEffect[] = [];
/** Why a link ended whose ends have read all that was sent. */
const ORDERLY = "closed";

/** The pub/sub protocol of one node. */
export class PubsubCore implements Core<PubsubMessage, PubsubCommand, PubsubTimer, PubsubEvent> {
  readonly #options: PubsubOptions;
  readonly #interests = new Interests();
  readonly #wanted: Wanted;
  readonly #own = new Map<SubscriptionId, Pattern>();
  readonly #clients = new Clients();
  readonly #subscribers: Subscribers;
  /** Links to other hubs, and those hubs' ids. */
  readonly #hubs = new Map<Peer, Peer>();
  readonly #relays: Relays | undefined;
  readonly #upstream: Upstream;
  readonly #backlog: Backlog;
  readonly #unacknowledged: Unacknowledged;
  readonly #seen = new SeenSet();
  readonly #retained: Retained | undefined;
  readonly #freshness: Freshness;

  constructor(options: PubsubOptions) {
    this.#options = options;
    this.#upstream = new Upstream(() => this.#own);
    this.#backlog = new Backlog(options.backlog);
    this.#unacknowledged = new Unacknowledged(options);
    this.#wanted = new Wanted(options);
    this.#subscribers = new Subscribers(options, this.#interests, this.#clients, this.#wanted);
    this.#relays = options.hub && options.directory ? new Relays(options.relays) : undefined;
    this.#freshness = new Freshness(() => this.#upstream.isRecalling || this.#retained?.isAwaited === true);
    const { retained: limits, directory } = options, interests = this.#interests, freshness = this.#freshness;
    this.#retained = options.hub ? new Retained({ limits, directory, interests, freshness }) : undefined;
  }

  /** The interests of links and of this node that are held, and the retained events that a hub keeps. */
  get state(): { readonly subscriptions: number; readonly retained: Retained["state"] | undefined } {
    return { subscriptions: this.#interests.total + this.#own.size, retained: this.#retained?.state };
  }

  /**
   * Takes a burst as it is: hands it on, or at an edge to its application. Undefined where its events must go one by one:
   * where other hubs or a hub's own application want them, or may, where something is wrong, or there is no room for all.
   */
  takeWhole(from: Peer, burst: Burst, now: number, hasRoom?: RoomFor): readonly PubsubEffect[] | undefined {
    const { topic, publisher, count } = burst, audience = this.#interests.recall(topic);
    if (audience === undefined) return undefined;
    const { links, subscriptions } = audience;
    if (from === this.#upstream.hub) {
      if (this.#upstream.isRecalling || hasRoom?.(subscriptions, count) === false) return undefined;
      return subscriptions.length === 0 ? NOTHING : [{ kind: "event", event: { type: "burst", subscriptions, burst } }];
    }
    const isPlain = subscriptions.length === 0 && this.#clients.has(from) &&
      this.#relays?.isNowhere(topic as Topic, now) !== false && equalBytes(publisher, this.#clients.node(from)) &&
      this.#clients.refusal(from, "publish", topic) === undefined;
    if (!isPlain) return undefined;
    return links.length === 0 ? NOTHING : [{ kind: "send", to: links, message: burst, lane: "events" }];
  }

  handle(input: PubsubInput, now: number): readonly PubsubEffect[] {
    switch (input.kind) {
      case "received":
        return this.#received(input.from, input.message, now);
      case "command":
        return this.#command(input.id, input.command, now);
      case "timer":
        return this.#onTimer(input.timer, now);
      case "peerUp":
        if (input.role === "hub") return this.#options.hub ? this.#met(input, now) : this.#attached(input.peer, now);
        return this.#joined(input);
      case "peerDown":
        return this.#peerDown(input, now);
    }
  }

  #received(from: Peer, message: PubsubMessage, now: number): readonly PubsubEffect[] {
    switch (message.kind) {
      case "publish":
        if (this.#clients.has(from)) return this.#onPublish(from, message, now);
        return this.#hubs.has(from) ? this.#onRelayed(from, message, now) : this.#onDelivery(message, now);
      case "burst":
        return this.#onBurst(from, message, now);
      case "subscribe":
        return this.#clients.has(from) ? this.#subscribers.onSubscribe(from, message) : NOTHING;
      case "unsubscribe":
        return this.#clients.has(from) ? this.#subscribers.onUnsubscribe(from, message) : NOTHING;
      case "puback":
        if (this.#hubs.has(from)) return this.#onHubPuback(this.#hubs.get(from)!, message);
        return this.#unacknowledged.onPuback(message);
      case "suback":
        return this.#upstream.onSuback(message);
      case "recall":
        if (this.#clients.has(from)) return this.#retained!.onRecall(from, message, now);
        return this.#hubs.has(from) ? this.#retained!.onHubRecall(from, message, now) : NOTHING;
      case "recalled":
        return this.#onRecalled(from, message, now);
      case "missed":
        if (from !== this.#upstream.hub) return NOTHING;
        return [{ kind: "event", event: { type: "missed", count: message.count } }];
      case "error":
        return NOTHING; // about an event that nobody waits for: the node tells its application
    }
  }

  #command(id: CommandId, command: PubsubCommand, now: number): readonly PubsubEffect[] {
    switch (command.type) {
      case "publish":
        return this.#publish(id, command.publish, now);
      case "subscribe": {
        const { subscription, pattern } = command;
        this.#own.set(subscription, pattern);
        this.#interests.add(pattern, subscription);
        this.#freshness.began(subscription);
        if (this.#options.hub) {
          this.#retained!.began(id, { subscription, pattern });
          return this.#retained!.confirmed(this.#wanted.add([pattern], { command: id }), now);
        }
        return this.#upstream.want(id, subscription, pattern);
      }
      case "unsubscribe": {
        const pattern = this.#own.get(command.subscription);
        if (pattern === undefined) return [{ kind: "answer", id, value: undefined }];
        this.#own.delete(command.subscription);
        this.#interests.remove(pattern, command.subscription);
        this.#freshness.ended(command.subscription);
        this.#retained?.ended(command.subscription);
        const told = this.#options.hub ? this.#wanted.remove([pattern]) : this.#upstream.unwant(pattern);
        return [...told, { kind: "answer", id, value: undefined }];
      }
      case "abandon": {
        this.#backlog.abandon(command.command);
        this.#unacknowledged.abandon(command.command);
        return NOTHING;
      }
      case "audience": {
        const { links, subscriptions } = this.#interests.audience(command.topic);
        return [{ kind: "answer", id, value: { links, own: subscriptions.length > 0 } }];
      }
      case "recorded":
        return this.#retained!.confirmed(this.#wanted.recorded(command.pattern, command.confirmation), now);
      case "interested": {
        const out: PubsubEffect[] = [];
        this.#relays?.interested(command, now, out);
        return out;
      }
      case "outdated":
        this.#relays?.outdated(command.name);
        return NOTHING;
      case "keepers":
        return this.#retained?.keepers(command.hubs, now) ?? NOTHING;
    }
  }

  // Publishing

  #publish(id: CommandId, publish: Publish, now: number): readonly PubsubEffect[] {
    if (this.#options.hub) {
      const failure = publish.retain ? this.#retained!.keep(publish, undefined, now) : undefined;
      if (failure !== undefined) return [{ kind: "fail", id, error: failure }];
      if (publish.acknowledge) return this.#spread(publish, { command: id }, now).effects;
      const { effects } = this.#spread(publish, undefined, now);
      effects.push({ kind: "answer", id, value: undefined });
      return effects;
    }
    const hub = this.#upstream.hub;
    if (hub === undefined) {
      const failure = this.#backlog.add(id, publish);
      return failure === undefined ? NOTHING : [{ kind: "fail", id, error: failure }];
    }
    return this.#sendUp(hub, id, publish, now);
  }

  #sendUp(hub: Peer, command: CommandId, publish: Publish, now: number): readonly PubsubEffect[] {
    if (publish.acknowledge) return this.#unacknowledged.send(hub, { command, publish }, now);
    const send = { kind: "send", to: hub, message: publish, lane: "events" } as const;
    return [send, { kind: "answer", id: command, value: undefined }];
  }

  #onTimer({ type, at }: PubsubTimer, now: number): readonly PubsubEffect[] {
    if (type === "acknowledgements") return this.#unacknowledged.onTimer(at, now);
    if (type === "retained") return this.#retained!.onTimer(at, now);
    const effects: PubsubEffect[] = [];
    this.#relays?.onTimer(at, now, effects);
    return effects;
  }

  // Serving links

  #onPublish(from: Peer, received: Publish, now: number): readonly PubsubEffect[] {
    const message = received.retain && received.at === undefined ? timed(received, now) : received;
    const known = this.#interests.recall(message.topic) !== undefined;
    if (!known && !isTopic(message.topic)) {
      const text = `Cannot publish: a topic is expected, got ${quote(message.topic)}`;
      return this.#refuse(from, message, { code: "invalid_topic", text }, now);
    }
    const publisher = message.publisher;
    if (publisher === undefined || !equalBytes(publisher, this.#clients.node(from))) {
      const text = "Cannot publish: the event must carry the sender's own node id";
      return this.#refuse(from, message, { code: "not_the_publisher", text }, now);
    }
    if (message.originProof !== undefined || message.kept !== undefined) {
      const text = "Cannot publish: origin_proof and kept are what a hub adds, and must be absent";
      return this.#refuse(from, message, { code: "not_a_hub", text }, now);
    }
    const refusal = this.#clients.refusal(from, "publish", message.topic) ??
      (message.retain ? this.#retained!.keep(message, this.#clients.rights(from), now) : undefined);
    if (refusal !== undefined) return this.#refuse(from, message, refusal, now);
    if (!message.acknowledge) return this.#spread(message, undefined, now).effects;
    const key = bytesKey(message.messageId) + bytesKey(publisher); // the link is another one after a reconnect
    const before = this.#seen.recall(key, now);
    if (before !== undefined) return [puback(from, message, before)];
    const { effects, recipients } = this.#spread(message, { peer: from }, now);
    this.#seen.remember(key, recipients, now);
    return effects;
  }

  #onBurst(from: Peer, message: Burst, now: number): readonly PubsubEffect[] {
    return this.takeWhole(from, message, now) ??
      burstEvents(message).flatMap((event) => this.#received(from, event, now));
  }

  /** Another hub's event: for those here, and no further; so nothing goes in circles. */
  #onRelayed(from: Peer, message: Publish, now: number): readonly PubsubEffect[] {
    const known = this.#interests.recall(message.topic) !== undefined, { publisher } = message;
    if (!known && !isTopic(message.topic) || publisher === undefined) {
      const text = `Cannot take another hub's event: a topic and a publisher are expected, got ${quote(message.topic)}`;
      return this.#refuse(from, message, { code: "invalid_topic", text }, now);
    }
    if (message.kept && message.retain) return this.#retained!.onKept(this.#hubs.get(from)!, message, now);
    if (message.retain) this.#retained!.passed(message, now);
    if (!message.acknowledge) return this.#fanOut(message.topic as Topic, message).effects;
    const key = bytesKey(message.messageId) + bytesKey(publisher), before = this.#seen.recall(key, now);
    if (before !== undefined) return [puback(from, message, before)];
    const { effects, recipients } = this.#fanOut(message.topic as Topic, message);
    this.#seen.remember(key, recipients, now);
    return [...effects, puback(from, message, recipients)];
  }

  #onHubPuback(hub: Peer, message: Puback): readonly PubsubEffect[] {
    const out: PubsubEffect[] = [];
    this.#relays?.onPuback(hub, message, out);
    return out;
  }

  /** To those here and to other hubs. Whoever wants to know hears how many got it. */
  #spread(publish: Publish, publisher: Publisher | undefined, now: number): Spread {
    const spread = this.#fanOut(publish.topic as Topic, publish), { effects, recipients } = spread;
    if (this.#relays !== undefined) this.#relays.relay({ publish, publisher, recipients }, now, effects);
    else tell(publisher, publish.messageId, recipients, effects);
    if (publish.retain) this.#retained!.announce(publish, effects);
    return spread;
  }

  /** Says no to the publisher, in a puback if it waits for one, else in a notice; the event goes nowhere. */
  #refuse(from: Peer, message: Publish, failure: Failure, now: number): readonly PubsubEffect[] {
    const { messageId, topic, acknowledge } = message, told = refused(from, "publish", topic, failure);
    const answer = (answer: Puback | ErrorMessage): PubsubEffect => {
      return { kind: "send", to: from, message: answer, lane: "control" };
    };
    if (acknowledge) return [told, answer({ kind: "puback", messageId, recipients: 0, ...failure })];
    if (!this.#clients.has(from) || !this.#clients.mayNotify(from, now)) return [told];
    return [told, answer({ kind: "error", about: messageId, ...failure })];
  }

  #fanOut(topic: Topic, publish: Publish): Spread {
    const { links, subscriptions } = this.#interests.audience(topic), effects: PubsubEffect[] = [];
    if (links.length > 0) effects.push({ kind: "send", to: links, message: publish, lane: "events" });
    if (subscriptions.length > 0) effects.push(this.#freshness.live(publish, subscriptions));
    return { effects, recipients: links.length + (subscriptions.length > 0 ? 1 : 0) };
  }

  // Being served

  /** One that its publisher repeats for want of an answer may have come already, through a hub that we were at before. */
  #onDelivery(message: Publish, now: number): readonly PubsubEffect[] {
    if (this.#interests.recall(message.topic) === undefined && !isTopic(message.topic)) return NOTHING;
    const { subscriptions } = this.#interests.audience(message.topic as Topic), { publisher, messageId } = message;
    if (subscriptions.length === 0) return NOTHING;
    if (message.acknowledge && publisher !== undefined) {
      const key = bytesKey(messageId) + bytesKey(publisher);
      if (this.#seen.recall(key, now) !== undefined) return NOTHING;
      this.#seen.remember(key, 0, now);
    }
    return message.kept ? this.#freshness.kept(message, subscriptions) : [this.#freshness.live(message, subscriptions)];
  }

  #onRecalled(from: Peer, message: Recalled, now: number): readonly PubsubEffect[] {
    const hub = this.#hubs.get(from), isOurs = from === this.#upstream.hub;
    const effects = hub === undefined
      ? isOurs ? this.#upstream.onRecalled(message) : NOTHING
      : this.#retained!.onRecalled(hub, message, now);
    this.#freshness.recalled();
    return effects;
  }

  // Coming and going

  #joined(input: Extract<PubsubInput, { kind: "peerUp" }>): readonly PubsubEffect[] {
    this.#clients.add(input.peer, input.node, input.rights);
    this.#retained?.joined(input.node, input.rights);
    return NOTHING;
  }

  #met({ peer, node }: Extract<PubsubInput, { kind: "peerUp" }>, now: number): readonly PubsubEffect[] {
    const hub = toHex(node);
    this.#hubs.set(peer, hub);
    return this.#retained!.met(hub, now);
  }

  #attached(peer: Peer, now: number): readonly PubsubEffect[] {
    const effects = this.#upstream.attach(peer);
    effects.push(...this.#unacknowledged.sendAgain(peer));
    for (const { command, publish } of this.#backlog.take()) {
      effects.push(...this.#sendUp(peer, command, publish, now));
    }
    return effects;
  }

  #peerDown({ peer, reason }: Extract<PubsubInput, { kind: "peerDown" }>, now: number): readonly PubsubEffect[] {
    this.#upstream.detach(peer);
    this.#retained?.left(peer);
    if (this.#clients.delete(peer)) return this.#wanted.remove(this.#interests.forgetPeer(peer));
    const hub = this.#hubs.get(peer) ?? peer, out: PubsubEffect[] = [];
    this.#hubs.delete(peer);
    if ([...this.#hubs.values()].includes(hub)) return out;
    this.#relays?.lost(hub, out);
    return [...out, ...this.#retained?.lost(hub, reason !== ORDERLY, now) ?? []];
  }
}

function puback(to: Peer, message: Publish, recipients: number): PubsubEffect {
  return {
    kind: "send",
    to,
    message: { kind: "puback", messageId: message.messageId, recipients },
    lane: "control",
  };
}

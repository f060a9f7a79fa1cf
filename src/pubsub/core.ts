/**
 * Publish and subscribe through one hub. At a hub it matches events against the interests of its links and of its own
 * application; at an edge it keeps the hub informed of the application's interests and delivers what arrives.
 *
 * @module
 */

import { bytesKey, equalBytes, toHex } from "../base/bytes.ts";
import type { Action, CommandId, Core, Effect, Failure, Input, Peer } from "../base/protocol.ts";
import { isPattern, isTopic, type Pattern, type Topic } from "../names/mod.ts";
import { quote } from "../names/topic.ts";
import {
  type Burst,
  burstEvents,
  type ErrorMessage,
  type Puback,
  type Publish,
  type Subscribe,
  type Unsubscribe,
} from "../wire/mod.ts";
import { Backlog, type BacklogLimits } from "./backlog.ts";
import { Clients } from "./clients.ts";
import { Interests, type SubscriptionId } from "./interest.ts";
import type { PubsubCommand, PubsubEvent, PubsubMessage, PubsubTimer, RoomFor } from "./messages.ts";
import { type Publisher, RELAY_LIMITS, type RelayLimits, Relays, tell } from "./relays.ts";
import { SeenSet } from "./seen_set.ts";
import { Unacknowledged, type UnacknowledgedLimits } from "./unacknowledged.ts";
import { Upstream } from "./upstream.ts";
import { suback, Wanted } from "./wanted.ts";

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
};

type PubsubInput = Input<PubsubMessage, PubsubCommand, PubsubTimer>;
type PubsubEffect = Effect<PubsubMessage, PubsubTimer, PubsubEvent>;

/** What is done for an event, and how many get it here. */
interface Spread {
  readonly effects: PubsubEffect[];
  readonly recipients: number;
}

const NOTHING: readonly PubsubEffect[] = [];

/** The pub/sub protocol of one node. */
export class PubsubCore implements Core<PubsubMessage, PubsubCommand, PubsubTimer, PubsubEvent> {
  readonly #options: PubsubOptions;
  readonly #interests = new Interests();
  readonly #wanted: Wanted;
  readonly #own = new Map<SubscriptionId, Pattern>();
  readonly #clients = new Clients();
  /** Links to other hubs, and those hubs' ids. */
  readonly #hubs = new Map<Peer, Peer>();
  readonly #relays: Relays | undefined;
  readonly #upstream: Upstream;
  readonly #backlog: Backlog;
  readonly #unacknowledged: Unacknowledged;
  readonly #seen = new SeenSet();

  constructor(options: PubsubOptions) {
    this.#options = options;
    this.#upstream = new Upstream(() => this.#own);
    this.#backlog = new Backlog(options.backlog);
    this.#unacknowledged = new Unacknowledged(options);
    this.#wanted = new Wanted(options);
    this.#relays = options.hub && options.directory ? new Relays(options.relays) : undefined;
  }

  /** How many interests of links and of this node are held. */
  get subscriptions(): number {
    return this.#interests.total + this.#own.size;
  }

  /**
   * Whether a burst is taken as it is: handed on, or by an edge to its application. Its events must be handled one by one
   * where other hubs or a hub's own application want them, where that is not known yet, where something is wrong with
   * them, and where there is no room for all at once.
   */
  takesWhole(from: Peer, burst: Burst, now: number, hasRoom?: RoomFor): boolean {
    const { topic, publisher, count } = burst, subscriptions = this.#interests.recall(topic)?.subscriptions;
    if (subscriptions === undefined) return false;
    if (from === this.#upstream.hub) return hasRoom?.(subscriptions, count) ?? true;
    return subscriptions.length === 0 && this.#clients.has(from) &&
      this.#relays?.isNowhere(topic as Topic, now) !== false && equalBytes(publisher, this.#clients.node(from)) &&
      this.#clients.refusal(from, "publish", topic) === undefined;
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
        if (input.role === "hub") return this.#options.hub ? this.#met(input) : this.#attached(input.peer, now);
        return this.#joined(input);
      case "peerDown":
        return this.#peerDown(input.peer);
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
        return this.#clients.has(from) ? this.#onSubscribe(from, message) : NOTHING;
      case "unsubscribe":
        return this.#clients.has(from) ? this.#onUnsubscribe(from, message) : NOTHING;
      case "puback":
        if (this.#hubs.has(from)) return this.#onHubPuback(this.#hubs.get(from)!, message);
        return this.#unacknowledged.onPuback(message);
      case "suback":
        return this.#upstream.onSuback(message);
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
        if (this.#options.hub) return this.#wanted.add([pattern], { command: id });
        return this.#upstream.want(id, subscription, pattern);
      }
      case "unsubscribe": {
        const pattern = this.#own.get(command.subscription);
        if (pattern === undefined) return [{ kind: "answer", id, value: undefined }];
        this.#own.delete(command.subscription);
        this.#interests.remove(pattern, command.subscription);
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
        return this.#wanted.recorded(command.pattern, command.confirmation);
      case "interested": {
        const out: PubsubEffect[] = [];
        this.#relays?.interested(command, now, out);
        return out;
      }
      case "outdated":
        this.#relays?.outdated(command.name);
        return NOTHING;
    }
  }

  // Publishing

  #publish(id: CommandId, publish: Publish, now: number): readonly PubsubEffect[] {
    if (this.#options.hub) {
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
    const effects: PubsubEffect[] = [];
    this.#relays?.onTimer(at, now, effects);
    return effects;
  }

  // Serving links

  #onPublish(from: Peer, message: Publish, now: number): readonly PubsubEffect[] {
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
    if (message.originProof !== undefined) {
      const text = "Cannot publish: origin_proof is made by the hub of the publisher, and must be absent";
      return this.#refuse(from, message, { code: "not_a_hub", text }, now);
    }
    const refusal = this.#clients.refusal(from, "publish", message.topic);
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
    if (!this.takesWhole(from, message, now)) {
      return burstEvents(message).flatMap((event) => this.#received(from, event, now));
    }
    const { links, subscriptions } = this.#interests.audience(message.topic as Topic);
    if (subscriptions.length > 0) return [{ kind: "event", event: { type: "burst", subscriptions, burst: message } }];
    return links.length === 0 ? NOTHING : [{ kind: "send", to: links, message, lane: "events" }];
  }

  /** Another hub's event: for those here, and no further; so nothing goes in circles. */
  #onRelayed(from: Peer, message: Publish, now: number): readonly PubsubEffect[] {
    const known = this.#interests.recall(message.topic) !== undefined, { publisher } = message;
    if (!known && !isTopic(message.topic) || publisher === undefined) {
      const text = `Cannot take another hub's event: a topic and a publisher are expected, got ${quote(message.topic)}`;
      return this.#refuse(from, message, { code: "invalid_topic", text }, now);
    }
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
    if (subscriptions.length > 0) effects.push({ kind: "event", event: { type: "delivered", subscriptions, publish } });
    return { effects, recipients: links.length + (subscriptions.length > 0 ? 1 : 0) };
  }

  #onSubscribe(from: Peer, message: Subscribe): readonly PubsubEffect[] {
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
    const { subscriptionsPerLinkMax, subscriptionsMax } = this.#options;
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

  #onUnsubscribe(from: Peer, message: Unsubscribe): readonly PubsubEffect[] {
    const gone: Pattern[] = [];
    for (const text of message.topics) {
      if (isPattern(text) && this.#interests.removePeer(from, text)) gone.push(text);
    }
    const effects = this.#wanted.remove(gone);
    return message.requestId === undefined ? effects : [...effects, suback(from, message.requestId)];
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
    return [{ kind: "event", event: { type: "delivered", subscriptions, publish: message } }];
  }

  // Coming and going

  #joined(input: Extract<PubsubInput, { kind: "peerUp" }>): readonly PubsubEffect[] {
    this.#clients.add(input.peer, input.node, input.rights);
    return NOTHING;
  }

  #met({ peer, node }: Extract<PubsubInput, { kind: "peerUp" }>): readonly PubsubEffect[] {
    this.#hubs.set(peer, toHex(node));
    return NOTHING;
  }

  #attached(peer: Peer, now: number): readonly PubsubEffect[] {
    const effects = this.#upstream.attach(peer);
    effects.push(...this.#unacknowledged.sendAgain(peer));
    for (const { command, publish } of this.#backlog.take()) {
      effects.push(...this.#sendUp(peer, command, publish, now));
    }
    return effects;
  }

  #peerDown(peer: Peer): readonly PubsubEffect[] {
    this.#upstream.detach(peer);
    if (this.#clients.delete(peer)) return this.#wanted.remove(this.#interests.forgetPeer(peer));
    const hub = this.#hubs.get(peer) ?? peer, out: PubsubEffect[] = [];
    this.#hubs.delete(peer);
    if (![...this.#hubs.values()].includes(hub)) this.#relays?.lost(hub, out);
    return out;
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

function refused(peer: Peer, action: Action, name: string, failure: Failure): PubsubEffect {
  return { kind: "event", event: { type: "refused", peer, action, name, ...failure } };
}

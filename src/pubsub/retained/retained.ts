/**
 * Retained events at a hub: it keeps the last of each topic that was published here, gives other hubs what they ask
 * for, and asks them for those whom it serves. That it keeps some it states in the hash table once; a deletion it tells
 * the others that keep some.
 *
 * @module
 */

import type { CommandId, Effect, Failure, Peer, PeerRights } from "../../base/protocol.ts";
import { isExact, isPattern, type Pattern, type Topic } from "../../names/mod.ts";
import type { Publish, Recall, Recalled } from "../../wire/mod.ts";
import type { Interests, SubscriptionId } from "../interest.ts";
import type { PubsubEvent, PubsubMessage, PubsubTimer } from "../messages.ts";
import { PatternTrie } from "../pattern_trie.ts";
import type { Freshness } from "./freshness.ts";
import { Keep, KEEP_LIMITS, type KeepLimits, ownCopy } from "./keep.ts";
import { recalled, Recollection, RECOLLECTION_LIMITS, type RecollectionLimits } from "./recollection.ts";
import type { Asker } from "./round.ts";

type PubsubEffect = Effect<PubsubMessage, PubsubTimer, PubsubEvent>;

/** Bounds of retained events at a hub. */
export interface RetainedLimits extends KeepLimits, RecollectionLimits {}

/** The defaults. */
export const RETAINED_LIMITS: RetainedLimits = { ...KEEP_LIMITS, ...RECOLLECTION_LIMITS };

/** Deletions that wait until it is known whom to tell; the oldest goes. */
const DELETIONS_MAX = 1_000;

/** What it works with. */
export interface RetainedOptions {
  readonly limits: RetainedLimits;
  /** Whether there may be other hubs. */
  readonly directory: boolean;
  readonly interests: Interests;
  /** What the subscriptions of this hub's application have had. */
  readonly freshness: Freshness;
}

/** A subscription of this hub's application that the mesh does not know of yet. */
interface Begun {
  readonly subscription: SubscriptionId;
  readonly pattern: Pattern;
}

/** The retained events of a hub. */
export class Retained {
  readonly #options: RetainedOptions;
  readonly #keep: Keep;
  readonly #recollection: Recollection;
  #isKeeper = false;
  #deletions: Publish[] = [];
  /** By the command that waits for the mesh. */
  readonly #begun = new Map<CommandId, Begun>();

  constructor(options: RetainedOptions) {
    const { limits, interests, directory } = options;
    this.#options = options;
    this.#keep = new Keep(limits);
    this.#recollection = new Recollection({
      limits,
      keep: this.#keep,
      directory,
      wanted: (patternsMax) => interests.patterns(patternsMax),
      deliver: (publish, askers, out) => this.#deliver(publish, askers, out),
    });
  }

  /** What is kept: topics, and bytes. */
  get state(): { readonly topics: number; readonly bytes: number } {
    return this.#keep.state;
  }

  /** Whether the application of this hub waits for kept events. */
  get isAwaited(): boolean {
    return this.#recollection.isAwaited;
  }

  /** Keeps an event that is published here; or says why not. */
  keep(publish: Publish, rights: PeerRights | undefined, now: number): Failure | undefined {
    return this.#keep.put(publish, rights, now);
  }

  /** Tells the mesh of an event that was kept, where it has to know. */
  announce(publish: Publish, out: PubsubEffect[]): void {
    if (!this.#options.directory) return;
    if (publish.payload.length === 0) {
      this.#deletions.push(ownCopy(publish));
      if (this.#deletions.length > DELETIONS_MAX) this.#deletions.shift();
      out.push({ kind: "event", event: { type: "keepers" } });
    }
    const isKeeper = this.#keep.size > 0;
    if (isKeeper === this.#isKeeper) return;
    this.#isKeeper = isKeeper;
    out.push({ kind: "event", event: { type: "keeping", isKeeping: isKeeper } });
  }

  /** Another hub's retained event goes by: an earlier one of ours does not count any more. */
  passed(publish: Publish, now: number): void {
    this.#keep.giveWay(publish, now);
  }

  /** A publisher has these rights from now on. */
  joined(node: Uint8Array, rights: PeerRights | undefined): void {
    this.#keep.joined(node, rights);
  }

  /** A link asks for what is kept on patterns of its own. */
  onRecall(from: Peer, message: Recall, now: number): PubsubEffect[] {
    const { requestId, topics, after } = message, { interests } = this.#options, out: PubsubEffect[] = [];
    const patterns = topics.filter((text): text is Pattern => interests.has(from, text as Pattern));
    const asker = { peer: from, requestId };
    if (patterns.length === 0) return [recalled(asker, {})];
    this.#recollection.ask({ asker, patterns, after }, now, out);
    return out;
  }

  /** Another hub asks. */
  onHubRecall(from: Peer, { requestId, topics, after }: Recall, now: number): PubsubEffect[] {
    const patterns = topics.filter(isPattern), areTopics = patterns.every(isExact), trie = new PatternTrie<Peer>();
    if (!areTopics) { for (const pattern of patterns) trie.add(pattern, from); }
    const only = areTopics ? patterns as readonly string[] as readonly Topic[] : undefined;
    const wants = (topic: Topic) => areTopics || trie.match(topic, new Set()).size > 0;
    const { events, more } = this.#keep.page({ wants, only, after }, now);
    const sends = events.map((publish): PubsubEffect => {
      return { kind: "send", to: from, message: { ...publish }, lane: "events" };
    });
    return [...sends, recalled({ peer: from, requestId }, more === undefined ? {} : { more })];
  }

  /** Another hub gives a kept event: as a part of its answer, too late for that, or to say that it was deleted. */
  onKept(hub: Peer, publish: Publish, now: number): PubsubEffect[] {
    const out: PubsubEffect[] = [];
    if (!this.#keep.giveWay(publish, now) || this.#recollection.take(hub, publish)) return out;
    if (publish.payload.length > 0) this.#deliver(ownCopy(publish), [{ hub }], out);
    return out;
  }

  /** Another hub has given what it has. */
  onRecalled(hub: Peer, message: Recalled, now: number): PubsubEffect[] {
    const out: PubsubEffect[] = [];
    this.#recollection.onRecalled(hub, message, now, out);
    return out;
  }

  /** A subscription of this hub's application begins; `command` waits for the mesh to know. */
  began(command: CommandId, begun: Begun): void {
    this.#begun.set(command, begun);
  }

  /** It ends. */
  ended(subscription: SubscriptionId): void {
    for (const [command, begun] of this.#begun) if (begun.subscription === subscription) this.#begun.delete(command);
  }

  /** What it asks for is in the mesh where its command is answered here: then it is given what is kept. */
  confirmed(effects: PubsubEffect[], now: number): PubsubEffect[] {
    for (const effect of [...effects]) {
      const begun = effect.kind === "answer" ? this.#begun.get(effect.id) : undefined;
      if (effect.kind !== "answer" || begun === undefined) continue;
      this.#begun.delete(effect.id);
      const { subscription, pattern } = begun;
      this.#recollection.ask({ asker: { subscription }, patterns: [pattern], after: undefined }, now, effects);
    }
    return effects;
  }

  /** These other hubs keep some. */
  keepers(hubs: readonly Peer[], now: number): PubsubEffect[] {
    const out: PubsubEffect[] = [];
    if (hubs.length > 0) {
      for (const message of this.#deletions) out.push({ kind: "send", to: hubs, message, lane: "events" });
    }
    this.#deletions = [];
    this.#recollection.keepers(hubs, now, out);
    return out;
  }

  /** A link to another hub is up. */
  met(hub: Peer, now: number): PubsubEffect[] {
    const out: PubsubEffect[] = [];
    this.#recollection.met(hub, now, out);
    return out;
  }

  /** The last link to another hub is gone, or it cannot be reached. */
  lost(hub: Peer, isBroken: boolean, now: number): PubsubEffect[] {
    const out: PubsubEffect[] = [];
    this.#recollection.lost(hub, isBroken, now, out);
    return out;
  }

  /** A link that is served is gone. */
  left(peer: Peer): void {
    this.#recollection.left(peer);
  }

  onTimer(at: number, now: number): PubsubEffect[] {
    const out: PubsubEffect[] = [];
    this.#recollection.onTimer(at, now, out);
    return out;
  }

  #deliver(publish: Publish, askers: readonly Asker[], out: PubsubEffect[]): void {
    const links = new Set<Peer>(), subscriptions = new Set<SubscriptionId>();
    for (const asker of askers) {
      if ("peer" in asker) links.add(asker.peer);
      else if ("subscription" in asker) subscriptions.add(asker.subscription);
      else {
        const audience = this.#options.interests.audience(publish.topic as Topic);
        for (const link of audience.links) links.add(link);
        for (const one of audience.subscriptions) subscriptions.add(one);
      }
    }
    if (links.size > 0) out.push({ kind: "send", to: [...links], message: { ...publish }, lane: "events" });
    if (subscriptions.size === 0) return;
    // The application may write into the bytes that it is given.
    const own = { ...publish, payload: publish.payload.slice() };
    out.push(...this.#options.freshness.kept(own, [...subscriptions]));
  }
}

/**
 * Who gets an event at this node: links and the node's own subscriptions, by pattern, with the answers for recent
 * topics kept.
 *
 * @module
 */

import type { Peer } from "../base/protocol.ts";
import type { Pattern, Topic } from "../names/mod.ts";
import { PatternTrie } from "./pattern_trie.ts";

/** A subscription of this node's own application. */
export type SubscriptionId = number;

/** Who wants one topic. */
export interface Audience {
  readonly links: readonly Peer[];
  readonly subscriptions: readonly SubscriptionId[];
}

/** Recent topics whose audience is kept, and members of all these audiences together; guess, measure. */
const AUDIENCES_MAX = 10_000, AUDIENCE_MEMBERS_MAX = 1_000_000;

/** The interests of a node and of the links it serves. */
export class Interests {
  readonly #trie = new PatternTrie<Peer | SubscriptionId>();
  readonly #byPeer = new Map<Peer, Set<Pattern>>();
  readonly #audiences = new Map<Topic, Audience>();
  /** Own patterns, with how many subscriptions each has. */
  readonly #own = new Map<Pattern, number>();
  #audienceMembers = 0;
  #total = 0;

  /** Patterns of all links together. */
  get total(): number {
    return this.#total;
  }

  /** How many patterns `peer` has. */
  countOf(peer: Peer): number {
    return this.#byPeer.get(peer)?.size ?? 0;
  }

  /** All patterns, each once; undefined where they are more than `most`. */
  patterns(most: number): Pattern[] | undefined {
    const patterns = new Set<Pattern>(this.#own.keys());
    if (patterns.size > most) return undefined;
    for (const one of this.#byPeer.values()) {
      for (const pattern of one) {
        patterns.add(pattern);
        if (patterns.size > most) return undefined;
      }
    }
    return [...patterns];
  }

  /** Whether `peer` has this very pattern. */
  has(peer: Peer, pattern: Pattern): boolean {
    return this.#byPeer.get(peer)?.has(pattern) ?? false;
  }

  /** Adds a link's interest. */
  addPeer(peer: Peer, pattern: Pattern): void {
    let patterns = this.#byPeer.get(peer);
    if (patterns === undefined) this.#byPeer.set(peer, patterns = new Set());
    if (patterns.has(pattern)) return;
    patterns.add(pattern);
    this.#total++;
    this.#trie.add(pattern, peer);
    this.#forgetAudiences();
  }

  /** Takes a link's interest back; whether it had it. */
  removePeer(peer: Peer, pattern: Pattern): boolean {
    const patterns = this.#byPeer.get(peer);
    if (patterns === undefined || !patterns.delete(pattern)) return false;
    if (patterns.size === 0) this.#byPeer.delete(peer);
    this.#total--;
    this.#trie.remove(pattern, peer);
    this.#forgetAudiences();
    return true;
  }

  /** Forgets all interests of a link; returns them. */
  forgetPeer(peer: Peer): Pattern[] {
    const patterns = [...this.#byPeer.get(peer) ?? []];
    for (const pattern of patterns) this.removePeer(peer, pattern);
    return patterns;
  }

  /** Adds an own subscription. */
  add(pattern: Pattern, subscription: SubscriptionId): void {
    if (this.#trie.add(pattern, subscription)) this.#own.set(pattern, (this.#own.get(pattern) ?? 0) + 1);
    this.#forgetAudiences();
  }

  /** Takes an own subscription back. */
  remove(pattern: Pattern, subscription: SubscriptionId): void {
    if (this.#trie.remove(pattern, subscription)) {
      const left = this.#own.get(pattern)! - 1;
      if (left > 0) this.#own.set(pattern, left);
      else this.#own.delete(pattern);
    }
    this.#forgetAudiences();
  }

  /** The audience of a topic if it is known already: then the topic is known to be a valid one, too. */
  recall(topic: string): Audience | undefined {
    return this.#audiences.get(topic as Topic);
  }

  /** The audience of a topic. */
  audience(topic: Topic): Audience {
    const known = this.#audiences.get(topic);
    if (known !== undefined) return known;
    const links: Peer[] = [], subscriptions: SubscriptionId[] = [];
    for (const member of this.#trie.match(topic, new Set())) {
      if (typeof member === "string") links.push(member);
      else subscriptions.push(member);
    }
    const found = { links, subscriptions };
    const members = links.length + subscriptions.length;
    const full = this.#audiences.size >= AUDIENCES_MAX || this.#audienceMembers + members > AUDIENCE_MEMBERS_MAX;
    if (full) this.#forgetAudiences();
    this.#audiences.set(topic, found);
    this.#audienceMembers += members;
    return found;
  }

  #forgetAudiences(): void {
    this.#audiences.clear();
    this.#audienceMembers = 0;
  }
}

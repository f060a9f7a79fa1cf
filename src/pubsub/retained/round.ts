/** One round of asking the mesh for retained events: who asks for what, and what the hubs that keep some have answered. @module */

import type { Peer } from "../../base/protocol.ts";
import { isExact, type Pattern, type Topic } from "../../names/mod.ts";
import type { Publish, Recalled } from "../../wire/mod.ts";
import type { SubscriptionId } from "../interest.ts";
import { PatternTrie } from "../pattern_trie.ts";
import { type Keep, ownCopy, PAGE_BYTES_MAX, PAGE_EVENTS_MAX } from "./keep.ts";
import { isLater, stampOf } from "./order.ts";

/** Who asks. */
export type Asker =
  /** A link that is served. */
  | { readonly peer: Peer; readonly requestId: number }
  /** This hub's own application. */
  | { readonly subscription: SubscriptionId }
  /** This hub, for all that it serves: what `hub` has may have changed unheard. */
  | { readonly hub: Peer };

/** A question that waits. */
export interface Waiting {
  readonly asker: Asker;
  readonly patterns: readonly Pattern[];
  /** Topics behind this one. */
  readonly after: string | undefined;
}

/** What a round has brought. */
export interface Gathered {
  /** The last event of each topic, in their order. */
  readonly events: readonly { readonly publish: Publish; readonly askers: readonly Asker[] }[];
  /** Some may be missing, behind this topic: to be asked for next. */
  readonly more: string | undefined;
}

interface Answer {
  readonly requestId: number;
  readonly events: Publish[];
  bytes: number;
  more: string | undefined;
  isComplete: boolean;
}

/** A hub may exceed a page by its last event. */
const ANSWER_BYTES_MAX = PAGE_BYTES_MAX + (16 << 20);

/** A round. */
export class Round {
  readonly batch: readonly Waiting[];
  /** All that is asked for, each once. */
  readonly patterns: readonly Pattern[];
  readonly after: string | undefined;
  /** When it ends with what there is, ms. */
  until: number;
  readonly #trie = new PatternTrie<Asker>();
  /** The hubs that were asked; undefined until it is known who keeps some. */
  #answers: Map<Peer, Answer> | undefined;

  constructor(batch: readonly Waiting[], until: number) {
    this.batch = batch;
    this.until = until;
    this.after = batch[0]!.after;
    this.patterns = [...new Set(batch.flatMap(({ patterns }) => patterns))];
    for (const { asker, patterns } of batch) for (const pattern of patterns) this.#trie.add(pattern, asker);
  }

  /** The one hub that is asked, where it is for that one alone. */
  get hub(): Peer | undefined {
    const { asker } = this.batch[0]!;
    return "hub" in asker ? asker.hub : undefined;
  }

  /** Whether hubs have been asked. */
  get isAsked(): boolean {
    return this.#answers !== undefined;
  }

  /** Whether it looks at all topics. */
  get isWide(): boolean {
    return !this.patterns.every(isExact);
  }

  /** Whether all have answered. */
  get isComplete(): boolean {
    return this.#answers !== undefined && [...this.#answers.values()].every((one) => one.isComplete);
  }

  /** The hubs that have not answered. */
  get silent(): Peer[] {
    return [...this.#answers ?? []].filter(([, one]) => !one.isComplete).map(([hub]) => hub);
  }

  /** These hubs are asked, each with a request of its own, and have until then to answer. */
  ask(requests: ReadonlyMap<Peer, number>, until: number): void {
    this.until = until;
    this.#answers = new Map();
    for (const [hub, requestId] of requests) {
      this.#answers.set(hub, { requestId, events: [], bytes: 0, more: undefined, isComplete: false });
    }
  }

  /** A hub gives an event; whether it is a part of its answer. */
  take(hub: Peer, publish: Publish): boolean {
    const answer = this.#answers?.get(hub);
    if (answer === undefined || answer.isComplete) return false;
    const bytes = publish.payload.length;
    // No hub of ours gives more than a page.
    if (answer.events.length >= PAGE_EVENTS_MAX || answer.bytes + bytes > ANSWER_BYTES_MAX) return true;
    answer.events.push(ownCopy(publish));
    answer.bytes += bytes;
    return true;
  }

  /** A hub has given what it has; whether it was asked so. */
  answered(hub: Peer, { requestId, more, code }: Recalled): boolean {
    const answer = this.#answers?.get(hub);
    if (answer?.requestId !== requestId || answer.isComplete || code !== undefined) return false;
    answer.isComplete = true;
    // What does not lead on would be asked for again and again.
    answer.more = more !== undefined && (this.after === undefined || more > this.after) ? more : undefined;
    return true;
  }

  /** A hub will not answer any more; whether that was still to come. */
  lost(hub: Peer): boolean {
    const answer = this.#answers?.get(hub);
    if (answer === undefined || answer.isComplete) return false;
    answer.isComplete = true;
    return true;
  }

  /** What there is by now, with what is kept here. */
  gather(keep: Keep, now: number): Gathered {
    const wants = (topic: Topic) => this.#askers(topic).size > 0, pages = [...this.#answers?.values() ?? []];
    const only = this.isWide ? undefined : this.patterns as readonly string[] as readonly Topic[];
    const own = this.hub === undefined
      ? keep.page({ wants, only, after: this.after }, now)
      : { events: [], more: undefined };
    const ends = [own.more, ...pages.map(({ more }) => more)].filter((more) => more !== undefined).sort();
    const last = new Map<Topic, Publish>(), [more] = ends;
    for (const publish of [own, ...pages].flatMap(({ events }) => events)) {
      const topic = publish.topic as Topic, before = last.get(topic);
      if (this.after !== undefined && topic <= this.after || more !== undefined && topic > more) continue;
      if (before === undefined || isLater(stampOf(publish), stampOf(before))) last.set(topic, publish);
    }
    const events = [...last.keys()].sort().flatMap((topic) => {
      const publish = last.get(topic)!, askers = [...this.#askers(topic)];
      return publish.payload.length === 0 || askers.length === 0 ? [] : [{ publish, askers }];
    });
    return { events, more };
  }

  #askers(topic: Topic): Set<Asker> {
    return this.#trie.match(topic, new Set());
  }
}

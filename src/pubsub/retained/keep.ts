/**
 * The retained events that a hub keeps: the last of each topic, of those that were published here. One without a
 * payload deletes, and is remembered for a while, so that an earlier one that comes later, or is kept at another hub,
 * does not count. What its publisher has no right to any more is not given out.
 *
 * @module
 */

import { bytesKey, utf8 } from "../../base/bytes.ts";
import type { Failure, PeerRights } from "../../base/protocol.ts";
import type { Topic } from "../../names/mod.ts";
import type { Publish } from "../../wire/mod.ts";
import { isLater, isSame, type Stamp, stampOf } from "./order.ts";

/** Bounds of what a hub keeps. */
export interface KeepLimits {
  /** Topics. */
  readonly retainedTopicsMax: number;
  /** Bytes of events, with what they cost beside their payload. */
  readonly retainedBytesMax: number;
  /** The part of both that one publisher may fill. */
  readonly retainedShare: number;
  /** How long a deletion is remembered, ms. */
  readonly deletedMs: number;
  /** How far ahead of the hub's a publisher's clock may be, ms: what is ahead would win for so long. */
  readonly aheadMs: number;
}

/** The defaults; guesses, but for the clock: as with credentials. */
export const KEEP_LIMITS: KeepLimits = {
  retainedTopicsMax: 10_000,
  retainedBytesMax: 16 << 20,
  retainedShare: 1 / 4,
  deletedMs: 3_600_000,
  aheadMs: 60_000,
};

/** Events, and their bytes, in one answer: the next ones are asked for when it has been read. */
export const PAGE_EVENTS_MAX = 500, PAGE_BYTES_MAX = 256 << 10;

/** A part of what is kept, in the order of topics. */
export interface Page {
  readonly events: readonly Publish[];
  /** There are more, behind this topic. */
  readonly more: string | undefined;
}

/** What a page is to have. */
export interface PageQuery {
  /** Topics of it. */
  wants(topic: Topic): boolean;
  /** All topics that it can have, where they are few. */
  readonly only: readonly Topic[] | undefined;
  /** Topics behind this one. */
  readonly after: string | undefined;
}

interface Entry {
  readonly publish: Publish;
  readonly stamp: Stamp;
  readonly bytes: number;
  readonly account: Account;
  /** When a deletion is forgotten, ms; undefined for an event. */
  readonly goneUntil: number | undefined;
}

interface Account {
  readonly key: string;
  rights: PeerRights | undefined;
  /** Events and deletions. */
  entries: number;
  topics: number;
  bytes: number;
}

/** An event costs so much beside its payload, headers and topic; guess. */
const EVENT_OVERHEAD_BYTES = 512;

/** The retained events of one hub. */
export class Keep {
  readonly #limits: KeepLimits;
  readonly #entries = new Map<Topic, Entry>();
  readonly #accounts = new Map<string, Account>();
  /** Topics of deletions, the oldest first. */
  readonly #gone = new Set<Topic>();
  /** All topics in order, made when it is needed. */
  #sorted: Topic[] | undefined;
  #bytes = 0;

  constructor(limits: KeepLimits) {
    this.#limits = limits;
  }

  /** Topics with an event, and the bytes of all. */
  get state(): { readonly topics: number; readonly bytes: number } {
    return { topics: this.#entries.size - this.#gone.size, bytes: this.#bytes };
  }

  /** Events and deletions that are remembered. */
  get size(): number {
    return this.#entries.size;
  }

  /** Takes an event as the last of its topic, unless a later one is kept; or says why not. */
  put(publish: Publish, rights: PeerRights | undefined, now: number): Failure | undefined {
    const { aheadMs, deletedMs } = this.#limits, topic = publish.topic as Topic, stamp = stampOf(publish);
    if (stamp.at > now + aheadMs) {
      const text = `Cannot retain the event on ${topic}: its time is at most ${aheadMs} ms ahead of the hub's clock, ` +
        `got ${Math.round(stamp.at - now)} ms`;
      return { code: "clock_ahead", text };
    }
    this.#forgetGone(now);
    const before = this.#entries.get(topic);
    if (before !== undefined && !isLater(stamp, before.stamp, { inOrder: true })) {
      if (isSame(stamp, before.stamp)) before.account.rights = rights;
      return undefined;
    }
    const isGone = publish.payload.length === 0, bytes = isGone ? 0 : bytesOf(publish);
    const failure = isGone ? undefined : this.#full(publish, bytes, now);
    if (failure !== undefined) return failure;
    this.#remove(topic);
    const account = this.#account(publish, rights);
    const goneUntil = isGone ? now + deletedMs : undefined;
    this.#entries.set(topic, { publish: ownCopy(publish), stamp, bytes, account, goneUntil });
    if (before === undefined) this.#sorted = undefined;
    account.entries++;
    if (isGone) this.#gone.add(topic);
    else account.topics++;
    account.bytes += bytes;
    this.#bytes += bytes;
    // A deletion takes no room from events: what it was for is less likely to matter the older it is.
    while (this.#entries.size > this.#limits.retainedTopicsMax) this.#delete(this.#gone.values().next().value!);
    return undefined;
  }

  /** Another hub has an event: whether it counts. What is kept here of its topic, and is earlier, goes. */
  giveWay(publish: Publish, now: number): boolean {
    const topic = publish.topic as Topic, entry = this.#entries.get(topic), stamp = stampOf(publish);
    if (stamp.at > now + this.#limits.aheadMs) return false;
    if (entry === undefined || isSame(stamp, entry.stamp)) return true;
    if (!isLater(stamp, entry.stamp)) return false;
    this.#delete(topic);
    return true;
  }

  /** A publisher is here with these rights: what it published before rests on them from now on. */
  joined(node: Uint8Array, rights: PeerRights | undefined): void {
    const account = this.#accounts.get(bytesKey(node));
    if (account !== undefined) account.rights = rights;
  }

  /** The next events, and deletions, of the topics that are asked for. */
  page({ wants, only, after }: PageQuery, now: number): Page {
    this.#forgetGone(now);
    const topics = only === undefined ? this.#topics() : [...new Set(only)].sort(), events: Publish[] = [];
    let bytes = 0, last: string | undefined;
    for (let i = after === undefined ? 0 : firstBehind(topics, after); i < topics.length; i++) {
      const topic = topics[i]!, entry = this.#entries.get(topic);
      if (entry === undefined || !wants(topic) || !this.#holds(topic, entry, now)) continue;
      if (events.length >= PAGE_EVENTS_MAX || bytes > 0 && bytes + entry.bytes > PAGE_BYTES_MAX) {
        return { events, more: last };
      }
      events.push(entry.publish);
      bytes += entry.bytes;
      last = topic;
    }
    return { events, more: undefined };
  }

  /** Whether its publisher may still have published it; else it goes. */
  #holds(topic: Topic, { account: { rights } }: Entry, now: number): boolean {
    if (rights === undefined) return true;
    if (rights.holds?.(now) !== false && rights.refusal("publish", topic) === undefined) return true;
    this.#delete(topic);
    return false;
  }

  #full({ topic, publisher }: Publish, bytes: number, now: number): Failure | undefined {
    const { retainedTopicsMax, retainedBytesMax, retainedShare } = this.#limits;
    const account = this.#accounts.get(bytesKey(publisher ?? NOBODY)), before = this.#entries.get(topic as Topic);
    const isOwn = before !== undefined && before.account === account;
    const topicsShare = Math.max(1, Math.floor(retainedTopicsMax * retainedShare));
    const bytesShare = Math.floor(retainedBytesMax * retainedShare);
    const ownTopics = (account?.topics ?? 0) + (isOwn && before.goneUntil === undefined ? 0 : 1);
    const ownBytes = (account?.bytes ?? 0) + bytes - (isOwn ? before.bytes : 0);
    if (ownTopics > topicsShare || ownBytes > bytesShare) {
      const text = `Cannot retain the event on ${topic}: the hub keeps at most ${topicsShare} topics ` +
        `and ${bytesShare} bytes of one publisher`;
      return { code: "retained_share_full", text };
    }
    if (!this.#fits(topic as Topic, bytes)) this.#sweep(now);
    if (this.#fits(topic as Topic, bytes)) return undefined;
    const text = `Cannot retain the event on ${topic}: the hub keeps at most ${retainedTopicsMax} topics ` +
      `and ${retainedBytesMax} bytes`;
    return { code: "retained_full", text };
  }

  /** Whether there is room for an event of so many bytes in the place of what is kept of its topic. */
  #fits(topic: Topic, bytes: number): boolean {
    const { retainedTopicsMax, retainedBytesMax } = this.#limits, before = this.#entries.get(topic);
    const topics = this.state.topics + (before === undefined || before.goneUntil !== undefined ? 1 : 0);
    return topics <= retainedTopicsMax && this.#bytes + bytes - (before?.bytes ?? 0) <= retainedBytesMax;
  }

  /** Lets go of what its publishers have no right to any more. */
  #sweep(now: number): void {
    for (const [topic, entry] of this.#entries) this.#holds(topic, entry, now);
  }

  #forgetGone(now: number): void {
    for (const topic of this.#gone) {
      if (this.#entries.get(topic)!.goneUntil! > now) return;
      this.#delete(topic);
    }
  }

  #account({ publisher = NOBODY }: Publish, rights: PeerRights | undefined): Account {
    const key = bytesKey(publisher);
    let account = this.#accounts.get(key);
    if (account === undefined) this.#accounts.set(key, account = { key, rights, entries: 0, topics: 0, bytes: 0 });
    account.rights = rights;
    return account;
  }

  #delete(topic: Topic): void {
    this.#remove(topic);
    this.#sorted = undefined;
  }

  /** Takes the entry of a topic out, and what it costs off. */
  #remove(topic: Topic): void {
    const entry = this.#entries.get(topic);
    if (entry === undefined) return;
    const { account, bytes } = entry;
    this.#entries.delete(topic);
    if (!this.#gone.delete(topic)) account.topics--;
    account.bytes -= bytes;
    this.#bytes -= bytes;
    if (--account.entries === 0) this.#accounts.delete(account.key);
  }

  #topics(): Topic[] {
    return this.#sorted ??= [...this.#entries.keys()].sort();
  }
}

const NOBODY: Uint8Array = new Uint8Array(0);

function bytesOf({ payload, headers, topic }: Publish): number {
  return EVENT_OVERHEAD_BYTES + payload.length + topic.length + (headers === undefined ? 0 : utf8(headers).length);
}

/** As it is kept and given out: nobody waits for it, and behind its bytes stands the block that it came in. */
export function ownCopy({ frame: _frame, acknowledge: _acknowledge, ...publish }: Publish): Publish {
  const own = Object.entries(publish).map((
    [name, value],
  ) => [name, value instanceof Uint8Array ? value.slice() : value]);
  return { ...Object.fromEntries(own) as Publish, kept: true };
}

/** Where the first topic behind `after` is. */
function firstBehind(topics: readonly Topic[], after: string): number {
  let low = 0, high = topics.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (topics[middle]! > after) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * Events that go on to other hubs. Which hubs want a topic is asked of the mesh with the first event on it, which waits
 * for the answer with those behind it; from then on nothing waits, and the answer is asked for again as it gets old. A
 * hub that is handed an event gives it to its own links and no further.
 *
 *     event ─▶ topic known? ─▶ send to its hubs ─▶ (acknowledged) pubacks ─▶ sum
 *                └─ no: held ─▶ interest ─▶ interested ─▶ send
 *
 * @module
 */

import { bytesKey } from "../base/bytes.ts";
import { Deadlines } from "../base/deadlines.ts";
import type { CommandId, Effect, Peer } from "../base/protocol.ts";
import type { Topic } from "../names/mod.ts";
import type { Puback, Publish } from "../wire/mod.ts";
import type { PubsubEvent, PubsubMessage, PubsubTimer } from "./messages.ts";

type PubsubEffect = Effect<PubsubMessage, PubsubTimer, PubsubEvent>;

/** Bounds of what is remembered and of what waits. */
export interface RelayLimits {
  /** Topics whose hubs are remembered; of more the one that was asked for first goes. */
  readonly topicsMax: number;
  /** Events, and bytes, that wait for answers of the mesh; more do not go on to other hubs. */
  readonly heldMax: number;
  readonly heldBytesMax: number;
  /** Acknowledged events whose hubs have not answered; more are not waited for. */
  readonly pendingMax: number;
  /** How long is waited for the answers of other hubs, ms. */
  readonly answerWithinMs: number;
}

/** The defaults: guesses. */
export const RELAY_LIMITS: RelayLimits = {
  topicsMax: 10_000,
  heldMax: 10_000,
  heldBytesMax: 8 << 20,
  pendingMax: 100_000,
  answerWithinMs: 2_000,
};

/** Who wants to know how many an event was handed to. */
export type Publisher = { readonly command: CommandId } | { readonly peer: Peer };

/** An event on its way; `recipients` got it at this hub, and `publisher` waits to hear of all. */
export interface Passage {
  readonly publish: Publish;
  readonly publisher: Publisher | undefined;
  readonly recipients: number;
}

interface Entry {
  /** Undefined until the mesh has answered for the first time. */
  hubs: readonly Peer[] | undefined;
  /** Until when it need not be asked again, ms. */
  until: number;
  isAsked: boolean;
  held: Passage[];
}

interface Pending {
  readonly publisher: Publisher;
  readonly messageId: Uint8Array;
  readonly waiting: Set<Peer>;
  readonly until: number;
  recipients: number;
}

/** An event costs so much beside its payload; guess. */
const EVENT_OVERHEAD_BYTES = 256;
/** Deadlines of events that are answered, held beside as many as are not. */
const STALE_DEADLINES_MAX = 1_000;

/** Events on their way to other hubs. Effects go to the list that each method is given. */
export class Relays {
  readonly #limits: RelayLimits;
  readonly #topics = new Map<Topic, Entry>();
  readonly #pending = new Map<string, Pending>();
  readonly #deadlines = new Deadlines<string>();
  #timerAt = Infinity;
  #held = 0;
  #heldBytes = 0;
  #dropped = 0;

  constructor(limits: RelayLimits) {
    this.#limits = limits;
  }

  /** Topics that are remembered, events that wait, and events that did not go on as too many waited. */
  get state(): { readonly topics: number; readonly held: number; readonly dropped: number } {
    return { topics: this.#topics.size, held: this.#held, dropped: this.#dropped };
  }

  /** Whether it is known by now that no other hub wants a topic. */
  isNowhere(topic: Topic, now: number): boolean {
    const entry = this.#topics.get(topic);
    return entry?.hubs?.length === 0 && now < entry.until;
  }

  /** Sends an event on, now or when it is known where to. */
  relay(passage: Passage, now: number, out: PubsubEffect[]): void {
    const topic = passage.publish.topic as Topic;
    let entry = this.#topics.get(topic);
    if (entry === undefined) this.#topics.set(topic, entry = this.#newEntry());
    if (entry.hubs !== undefined) this.#send(passage, entry.hubs, now, out);
    else if (!this.#hold(entry, passage)) tell(passage.publisher, passage.publish.messageId, passage.recipients, out);
    if (entry.isAsked || now < entry.until) return;
    entry.isAsked = true;
    out.push({ kind: "event", event: { type: "interest", topic } });
  }

  /** The mesh has answered: these hubs want the topic, which need not be asked again for `forMs`. */
  interested(
    { topic, hubs, forMs }: { readonly topic: Topic; readonly hubs: readonly Peer[]; readonly forMs: number },
    now: number,
    out: PubsubEffect[],
  ): void {
    const entry = this.#topics.get(topic);
    if (entry === undefined) return;
    entry.hubs = hubs;
    entry.until = now + forMs;
    entry.isAsked = false;
    for (const passage of entry.held.splice(0)) {
      this.#held--;
      this.#heldBytes -= bytesOf(passage.publish);
      this.#send(passage, hubs, now, out);
    }
  }

  /** What is wanted of topics at or below `name` has changed: it is asked for anew, and events wait for the answer. */
  outdated(name: string): void {
    const below = name === "" ? "" : `${name}.`;
    for (const [topic, entry] of this.#topics) {
      const isIt = topic === name || topic.startsWith(below);
      if (isIt && entry.held.length === 0) this.#topics.delete(topic); // else the answer is on its way
    }
  }

  /** A hub has handed an event to so many. */
  onPuback(hub: Peer, { messageId, recipients = 0, code }: Puback, out: PubsubEffect[]): void {
    const key = bytesKey(messageId), pending = this.#pending.get(key);
    if (pending?.waiting.has(hub) !== true) return;
    if (code === undefined) pending.recipients += recipients;
    this.#answered(hub, key, pending, out);
  }

  /** A hub is gone, or cannot be reached. */
  lost(hub: Peer, out: PubsubEffect[]): void {
    for (const entry of this.#topics.values()) {
      if (entry.hubs?.includes(hub)) entry.hubs = entry.hubs.filter((one) => one !== hub);
    }
    for (const [key, pending] of [...this.#pending]) {
      if (pending.waiting.has(hub)) this.#answered(hub, key, pending, out);
    }
  }

  /** The time of some events is over: their publishers are told what is known. */
  onTimer(at: number, now: number, out: PubsubEffect[]): void {
    if (at !== this.#timerAt) return;
    this.#timerAt = Infinity;
    for (let key = this.#deadlines.takeDue(now); key !== undefined; key = this.#deadlines.takeDue(now)) {
      const pending = this.#pending.get(key);
      if (pending === undefined || pending.until > now) continue;
      this.#pending.delete(key);
      tell(pending.publisher, pending.messageId, pending.recipients, out);
    }
    this.#arm(now, out);
  }

  #newEntry(): Entry {
    if (this.#topics.size >= this.#limits.topicsMax) {
      for (const [topic, { held }] of this.#topics) {
        if (held.length > 0) continue;
        this.#topics.delete(topic);
        break;
      }
    }
    return { hubs: undefined, until: 0, isAsked: false, held: [] };
  }

  #hold(entry: Entry, passage: Passage): boolean {
    const { heldMax, heldBytesMax } = this.#limits, bytes = bytesOf(passage.publish);
    if (this.#held >= heldMax || this.#heldBytes + bytes > heldBytesMax) {
      this.#dropped++;
      return false;
    }
    this.#held++;
    this.#heldBytes += bytes;
    entry.held.push({ ...passage, publish: withOwnBytes(passage.publish) });
    return true;
  }

  #send({ publish, publisher, recipients }: Passage, hubs: readonly Peer[], now: number, out: PubsubEffect[]): void {
    if (hubs.length > 0) out.push({ kind: "send", to: hubs, message: publish, lane: "events" });
    if (publisher === undefined) return;
    const key = bytesKey(publish.messageId), { pendingMax, answerWithinMs } = this.#limits;
    if (hubs.length === 0 || this.#pending.size >= pendingMax || this.#pending.has(key)) {
      return tell(publisher, publish.messageId, recipients, out);
    }
    if (this.#deadlines.size > 2 * this.#pending.size + STALE_DEADLINES_MAX) {
      this.#deadlines.retain((one) => this.#pending.has(one));
    }
    const messageId = publish.messageId.slice(), until = now + answerWithinMs;
    this.#pending.set(key, { publisher, messageId, recipients, until, waiting: new Set(hubs) });
    this.#deadlines.add(until, key);
    this.#arm(now, out);
  }

  #answered(hub: Peer, key: string, pending: Pending, out: PubsubEffect[]): void {
    pending.waiting.delete(hub);
    if (pending.waiting.size > 0) return;
    this.#pending.delete(key);
    tell(pending.publisher, pending.messageId, pending.recipients, out);
  }

  #arm(now: number, out: PubsubEffect[]): void {
    const at = this.#deadlines.nextAt;
    if (at >= this.#timerAt) return;
    this.#timerAt = at;
    out.push({ kind: "timer", afterMs: Math.max(0, at - now), timer: { type: "relays", at } });
  }
}

/** Tells a publisher how many its event was handed to. */
export function tell(
  publisher: Publisher | undefined,
  messageId: Uint8Array,
  recipients: number,
  out: PubsubEffect[],
): void {
  if (publisher === undefined) return;
  if ("command" in publisher) out.push({ kind: "answer", id: publisher.command, value: { recipients } });
  else {out.push({
      kind: "send",
      to: publisher.peer,
      message: { kind: "puback", messageId, recipients },
      lane: "control",
    });}
}

function bytesOf({ payload }: Publish): number {
  return payload.length + EVENT_OVERHEAD_BYTES;
}

/** What waits does not keep the block that it came in. */
function withOwnBytes(publish: Publish): Publish {
  const { frame, ...rest } = publish;
  if (frame === undefined) return publish;
  const own = Object.entries(rest).map(([name, value]) => [name, value instanceof Uint8Array ? value.slice() : value]);
  return Object.fromEntries(own) as Publish;
}

/**
 * How a hub finds retained events for those who ask: it asks all hubs that keep some, in rounds, one at a time, as one
 * round serves all who wait for the same. Of each topic the latest counts; what is more than a page is asked for again.
 *
 *     ask ─▶ waits ─▶ keepers? ─▶ recall to each ─▶ kept events, recalled (or 2 s) ─▶ the last of each topic ─▶ recalled
 *                                                        └─ silent, or its link broke ─▶ asked again later, for all
 *
 * @module
 */

import type { Effect, Peer } from "../../base/protocol.ts";
import type { Pattern } from "../../names/mod.ts";
import type { Publish, Recalled } from "../../wire/mod.ts";
import type { PubsubEvent, PubsubMessage, PubsubTimer } from "../messages.ts";
import type { Keep } from "./keep.ts";
import { type Asker, Round, type Waiting } from "./round.ts";

type PubsubEffect = Effect<PubsubMessage, PubsubTimer, PubsubEvent>;

/** Bounds of what a hub asks for. */
export interface RecollectionLimits {
  /** Questions that wait, in all and of one link; more are refused. */
  readonly recallsMax: number;
  readonly recallsPerLinkMax: number;
  /** Hubs that are asked in one round, the first by their ids. */
  readonly keepersMax: number;
  /** How long is waited for their answers, ms. */
  readonly recallWithinMs: number;
}

/** The defaults: guesses. */
export const RECOLLECTION_LIMITS: RecollectionLimits = {
  recallsMax: 100_000,
  recallsPerLinkMax: 10_000,
  keepersMax: 256,
  recallWithinMs: 2_000,
};

/** Patterns in one round; a hub that wants more asks for everything. */
const PATTERNS_MAX = 500;
const EVERYTHING: readonly Pattern[] = ["**" as Pattern];
/** Between rounds that look at all topics, ms: so that whoever asks in a loop does not keep the hub busy. */
const ROUND_PAUSE_MS = 20;
/** How long is waited to hear which hubs keep some, ms: a little longer than a look-up may take. */
const KEEPERS_WITHIN_MS = 3_000;
/** A hub that did not answer is asked again after so long, doubling, ms. */
const RETRY_MS = 1_000, RETRY_MS_MAX = 60_000;
/** And no longer than this, ms: a hub that is gone for good has no record any more, one that comes back is a new one. */
const MISSING_MS_MAX = 600_000;

/** What it works with. */
export interface RecollectionOptions {
  readonly limits: RecollectionLimits;
  readonly keep: Keep;
  /** Whether other hubs may keep some. */
  readonly directory: boolean;
  /** What is wanted here now, at most so many patterns; undefined: more. */
  readonly wanted: (patternsMax: number) => readonly Pattern[] | undefined;
  /** Gives an event to those who asked; to all that want it here, where a hub did. */
  readonly deliver: (publish: Publish, askers: readonly Asker[], out: PubsubEffect[]) => void;
}

/** A hub whose answer is missing. */
interface Missing {
  /** Since when, and when it is asked again, ms. */
  readonly since: number;
  at: number;
  readonly delayMs: number;
  /** Whether the question waits, or is on its way. */
  isAsked: boolean;
}

/** Questions for retained events. Effects go to the list that each method is given. */
export class Recollection {
  readonly #options: RecollectionOptions;
  #waiting: Waiting[] = [];
  readonly #perLink = new Map<Peer, number>();
  #round: Round | undefined;
  readonly #missing = new Map<Peer, Missing>();
  /** Hubs that were said to keep some. */
  #known = new Set<Peer>();
  /** Questions of this hub's application that are open. */
  #own = 0;
  #requests = 0;
  #pausedUntil = -Infinity;
  #timerAt = Infinity;

  constructor(options: RecollectionOptions) {
    this.#options = options;
  }

  /** Questions that wait, and hubs whose answers are missing. */
  get state(): { readonly waiting: number; readonly missing: number } {
    return { waiting: this.#waiting.length + (this.#round?.batch.length ?? 0), missing: this.#missing.size };
  }

  /** Whether the application of this hub waits for some. */
  get isAwaited(): boolean {
    return this.#own > 0;
  }

  /** Somebody asks. */
  ask(waiting: Waiting, now: number, out: PubsubEffect[]): void {
    const { recallsMax, recallsPerLinkMax } = this.#options.limits, { asker } = waiting;
    if ("peer" in asker) {
      const held = this.#perLink.get(asker.peer) ?? 0;
      if (held >= recallsPerLinkMax || this.#waiting.length >= recallsMax) {
        const text = `Cannot recall: at most ${recallsPerLinkMax} requests of a link wait, and ${recallsMax} in all`;
        return void out.push(recalled(asker, { code: "too_many_recalls", text }));
      }
      this.#perLink.set(asker.peer, held + 1);
    }
    if ("subscription" in asker) this.#own++;
    this.#waiting.push(waiting);
    this.#next(now, out);
    this.#arm(now, out);
  }

  /** These other hubs keep some. */
  keepers(hubs: readonly Peer[], now: number, out: PubsubEffect[]): void {
    const round = this.#round, listed = new Set([...hubs].sort().slice(0, this.#options.limits.keepersMax));
    const isForRound = round !== undefined && !round.isAsked;
    // Who is new, and was not asked for what is wanted here, may have kept something just before it was known.
    if (!isForRound) { for (const hub of listed) if (!this.#known.has(hub)) this.#miss(hub, now, 0); }
    this.#known = listed;
    if (isForRound) {
      this.#askHubs(round, round.hub === undefined ? [...listed] : [round.hub], now, out);
    }
    this.#arm(now, out);
  }

  /** A hub gives an event; whether it was asked for it. */
  take(hub: Peer, publish: Publish): boolean {
    return this.#round?.take(hub, publish) === true;
  }

  /** A hub has given what it has. */
  onRecalled(hub: Peer, message: Recalled, now: number, out: PubsubEffect[]): void {
    if (this.#round?.answered(hub, message) !== true) return;
    if (message.more === undefined && this.#round.hub === hub) this.#missing.delete(hub);
    if (this.#round.isComplete) this.#finish(now, out);
    this.#next(now, out);
    this.#arm(now, out);
  }

  /** A hub is gone; where its link broke, what it said last may be lost. */
  lost(hub: Peer, isBroken: boolean, now: number, out: PubsubEffect[]): void {
    if (isBroken && this.#known.has(hub)) this.#miss(hub, now);
    if (this.#round?.lost(hub) === true) {
      this.#miss(hub, now);
      if (this.#round.isComplete) this.#finish(now, out);
    }
    this.#next(now, out);
    this.#arm(now, out);
  }

  /** A hub is there again. */
  met(hub: Peer, now: number, out: PubsubEffect[]): void {
    const missing = this.#missing.get(hub);
    if (missing === undefined) return;
    missing.at = now;
    this.#next(now, out);
    this.#arm(now, out);
  }

  /** A link that is served is gone. */
  left(peer: Peer): void {
    if (!this.#perLink.delete(peer)) return;
    this.#waiting = this.#waiting.filter(({ asker }) => !("peer" in asker) || asker.peer !== peer);
  }

  onTimer(at: number, now: number, out: PubsubEffect[]): void {
    if (at !== this.#timerAt) return;
    this.#timerAt = Infinity;
    if (this.#round !== undefined && this.#round.until <= now) this.#finish(now, out);
    this.#next(now, out);
    this.#arm(now, out);
  }

  #next(now: number, out: PubsubEffect[]): void {
    if (this.#round !== undefined || now < this.#pausedUntil) return;
    this.#askAgain(now);
    const batch = this.#batch();
    if (batch.length === 0) return;
    this.#round = new Round(batch, now + KEEPERS_WITHIN_MS);
    if (this.#options.directory) out.push({ kind: "event", event: { type: "keepers" } });
    else this.#askHubs(this.#round, [], now, out);
  }

  /** Those at the front who ask for the same part, as far as their patterns fit into one round. */
  #batch(): Waiting[] {
    const first = this.#waiting[0], batch: Waiting[] = [], rest: Waiting[] = [];
    if (first === undefined) return [];
    let patterns = 0;
    for (const one of this.#waiting.splice(0, PATTERNS_MAX)) { // each has one at least
      const isAlone = "hub" in first.asker || "hub" in one.asker;
      const fits = one === first || !isAlone && one.after === first.after;
      if (fits && (one === first || patterns + one.patterns.length <= PATTERNS_MAX)) {
        batch.push(one);
        patterns += one.patterns.length;
        if ("peer" in one.asker) this.#release(one.asker.peer);
      } else rest.push(one);
    }
    this.#waiting.unshift(...rest);
    return batch;
  }

  #release(peer: Peer): void {
    const held = this.#perLink.get(peer) ?? 0;
    if (held > 1) this.#perLink.set(peer, held - 1);
    else this.#perLink.delete(peer);
  }

  #askHubs(round: Round, hubs: readonly Peer[], now: number, out: PubsubEffect[]): void {
    const requests = new Map(hubs.map((hub) => [hub, ++this.#requests] as const));
    round.ask(requests, now + this.#options.limits.recallWithinMs);
    for (const [hub, requestId] of requests) {
      const head = { kind: "recall", requestId, topics: round.patterns } as const;
      const message = round.after === undefined ? head : { ...head, after: round.after };
      out.push({ kind: "send", to: hub, message, lane: "control" });
    }
    if (hubs.length === 0) this.#finish(now, out);
  }

  /**
   * Ends the round with what there is. The next one is not begun here: where no other hub keeps any, each ends at once,
   * and as many of them as questions wait would be within each other.
   */
  #finish(now: number, out: PubsubEffect[]): void {
    const round = this.#round!;
    for (const hub of round.silent) this.#miss(hub, now);
    this.#round = undefined;
    const { events, more } = round.gather(this.#options.keep, now);
    for (const { publish, askers } of events) this.#options.deliver(publish, askers, out);
    for (const { asker, patterns } of round.batch) {
      if ("peer" in asker) out.push(recalled(asker, more === undefined ? {} : { more }));
      else if (more !== undefined) this.#waiting.push({ asker, patterns, after: more });
      else if ("subscription" in asker) this.#own--;
    }
    if (round.isWide && this.#options.keep.size > 0) this.#pausedUntil = now + ROUND_PAUSE_MS;
  }

  // Hubs whose answers are missing

  #miss(hub: Peer, now: number, delayMs = RETRY_MS): void {
    const before = this.#missing.get(hub);
    if (before === undefined && this.#missing.size >= this.#options.limits.keepersMax) return;
    const next = before === undefined ? delayMs : Math.min(Math.max(RETRY_MS, 2 * before.delayMs), RETRY_MS_MAX);
    const since = before?.since ?? now;
    if (now - since > MISSING_MS_MAX) this.#missing.delete(hub);
    else this.#missing.set(hub, { since, at: now + next, delayMs: next, isAsked: false });
  }

  #askAgain(now: number): void {
    for (const [hub, missing] of this.#missing) {
      if (missing.isAsked || missing.at > now) continue;
      missing.isAsked = true;
      const patterns = this.#options.wanted(PATTERNS_MAX) ?? EVERYTHING;
      if (patterns.length === 0) this.#missing.delete(hub);
      else this.#waiting.push({ asker: { hub }, patterns, after: undefined });
    }
  }

  /** When the next round may begin: now at the earliest, and not before the pause is over. */
  #nextAt(now: number): number {
    let at = this.#waiting.length > 0 ? now : Infinity;
    for (const missing of this.#missing.values()) if (!missing.isAsked) at = Math.min(at, missing.at);
    return Math.max(at, this.#pausedUntil);
  }

  #arm(now: number, out: PubsubEffect[]): void {
    const at = this.#round?.until ?? this.#nextAt(now);
    if (at >= this.#timerAt) return;
    this.#timerAt = at;
    out.push({ kind: "timer", afterMs: Math.max(0, at - now), timer: { type: "retained", at } });
  }
}

/** The answer to a link that asked. */
export function recalled(
  { peer, requestId }: Extract<Asker, { peer: Peer }>,
  more: Pick<Recalled, "more" | "code" | "text">,
): PubsubEffect {
  return { kind: "send", to: peer, message: { kind: "recalled", requestId, ...more }, lane: "events" };
}

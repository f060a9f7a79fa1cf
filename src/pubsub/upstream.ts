/** An edge's interests at its hub: told when wanted, told again when attached again. @module */

import type { Confirmation } from "../base/listing.ts";
import type { CommandId, Effect, Peer } from "../base/protocol.ts";
import { Restoration } from "../base/restoration.ts";
import type { Pattern } from "../names/mod.ts";
import type { Recalled, Suback } from "../wire/mod.ts";
import type { SubscriptionId } from "./interest.ts";
import type { PubsubEvent, PubsubMessage, PubsubTimer } from "./messages.ts";

type PubsubEffect = Effect<PubsubMessage, PubsubTimer, PubsubEvent>;

/** Patterns in one message: 500 of 255 bytes stay well below a frame. */
const PATTERNS_PER_MESSAGE = 500;

/** What this edge wants of the hub it is attached to. */
export class Upstream {
  readonly #own: () => ReadonlyMap<SubscriptionId, Pattern>;
  readonly #confirmed = new Map<Pattern, Confirmation | undefined>();
  /** Requests on their way, each refused or confirmed as a whole. */
  readonly #asked = new Map<number, Set<Pattern>>();
  /** Requests for what is kept, by what they ask for; they have the numbers of those that asked for the interest. */
  readonly #recalling = new Map<number, readonly Pattern[]>();
  readonly #waiting = new Map<Pattern, { readonly command: CommandId; readonly subscription: SubscriptionId }[]>();
  readonly #restoration = new Restoration();
  #hub: Peer | undefined;
  #requests = 0;

  constructor(own: () => ReadonlyMap<SubscriptionId, Pattern>) {
    this.#own = own;
  }

  /** The hub we are attached to. */
  get hub(): Peer | undefined {
    return this.#hub;
  }

  /** Whether retained events may still come for something that is wanted. */
  get isRecalling(): boolean {
    return this.#recalling.size > 0 || this.#asked.size > 0;
  }

  /** Wants `pattern`; the command is answered when the hub has confirmed it. */
  want(command: CommandId, subscription: SubscriptionId, pattern: Pattern): PubsubEffect[] {
    if (this.#confirmed.has(pattern)) {
      const known: PubsubEffect = { kind: "answer", id: command, value: this.#confirmed.get(pattern) };
      return [known, ...this.#recall(++this.#requests, [pattern])];
    }
    const waiting = this.#waiting.get(pattern);
    if (waiting !== undefined) {
      waiting.push({ command, subscription });
      return [];
    }
    this.#waiting.set(pattern, [{ command, subscription }]);
    return this.#hub === undefined ? [] : [this.#ask(this.#hub, [pattern])];
  }

  /** Does not want `pattern` for a subscription that is gone; the hub is told when nobody here wants it. */
  unwant(pattern: Pattern): PubsubEffect[] {
    const own = this.#own();
    for (const wanted of own.values()) if (wanted === pattern) return this.#dropWaiting(pattern);
    this.#confirmed.delete(pattern);
    for (const patterns of this.#asked.values()) patterns.delete(pattern);
    const effects = this.#dropWaiting(pattern);
    if (this.#hub !== undefined) {
      const message: PubsubMessage = { kind: "unsubscribe", topics: [pattern] };
      effects.push({ kind: "send", to: this.#hub, message, lane: "control" });
    }
    return effects;
  }

  /** Attaches to a hub and tells it everything that is wanted. */
  attach(hub: Peer): PubsubEffect[] {
    this.#hub = hub;
    this.#confirmed.clear();
    this.#asked.clear();
    this.#recalling.clear();
    const patterns = [...new Set(this.#own().values())], effects: PubsubEffect[] = [];
    for (let i = 0; i < patterns.length; i += PATTERNS_PER_MESSAGE) {
      effects.push(this.#ask(hub, patterns.slice(i, i + PATTERNS_PER_MESSAGE)));
    }
    this.#restoration.begin(this.#requests);
    return [...effects, ...this.#restored()];
  }

  /** The link to the hub is gone. */
  detach(peer: Peer): void {
    if (this.#hub !== peer) return;
    this.#hub = undefined;
    this.#restoration.end();
    this.#confirmed.clear();
    this.#asked.clear();
    this.#recalling.clear();
  }

  /** The hub has given what is kept, or a part of it. */
  onRecalled({ requestId, more, code }: Recalled): PubsubEffect[] {
    const patterns = this.#recalling.get(requestId);
    this.#recalling.delete(requestId);
    if (patterns === undefined || more === undefined || code !== undefined) return [];
    return this.#recall(requestId, patterns, more);
  }

  /** The hub has answered. */
  onSuback(message: Suback): PubsubEffect[] {
    const asked = this.#asked.get(message.requestId);
    if (asked === undefined) return [];
    this.#asked.delete(message.requestId);
    const { code, text = "", confirmed, asked: holders } = message, effects: PubsubEffect[] = [];
    const value = confirmed === undefined || holders === undefined ? undefined : { confirmed, asked: holders };
    // One that is not allowed must not take the others with it: each is asked for alone.
    if (code !== undefined && asked.size > 1 && this.#hub !== undefined) {
      const again = [...asked].map((pattern) => this.#ask(this.#hub!, [pattern]));
      this.#restoration.extend(message.requestId, this.#requests);
      return again;
    }
    for (const pattern of asked) {
      const waiting = this.#waiting.get(pattern) ?? [];
      this.#waiting.delete(pattern);
      if (code === undefined) {
        this.#confirmed.set(pattern, value);
        for (const { command } of waiting) effects.push({ kind: "answer", id: command, value });
        continue;
      }
      for (const { command } of waiting) effects.push({ kind: "fail", id: command, error: { code, text } });
      for (const [subscription, wanted] of this.#own()) {
        if (wanted !== pattern || waiting.some((one) => one.subscription === subscription)) continue;
        effects.push({ kind: "event", event: { type: "interestRefused", subscription, code, text } });
      }
    }
    const recall = code === undefined ? this.#recall(message.requestId, [...asked]) : [];
    return [...effects, ...recall, ...this.#restored()];
  }

  /** Asks for what is kept, once the interest is known: what is published from then on comes by itself. */
  #recall(requestId: number, patterns: readonly Pattern[], after?: string): PubsubEffect[] {
    if (this.#hub === undefined || patterns.length === 0) return [];
    this.#recalling.set(requestId, patterns);
    const head = { kind: "recall", requestId, topics: patterns } as const;
    const message = after === undefined ? head : { ...head, after };
    return [{ kind: "send", to: this.#hub, message, lane: "control" }];
  }

  /** Tells once that the hub has answered for everything that was wanted when it was attached to. */
  #restored(): PubsubEffect[] {
    if (this.#hub === undefined || !this.#restoration.takeDone(this.#asked)) return [];
    return [{ kind: "event", event: { type: "restored", hub: this.#hub } }];
  }

  #ask(hub: Peer, patterns: readonly Pattern[]): PubsubEffect {
    const requestId = ++this.#requests;
    this.#asked.set(requestId, new Set(patterns));
    return {
      kind: "send",
      to: hub,
      message: { kind: "subscribe", topics: patterns, qos: 0, requestId },
      lane: "control",
    };
  }

  /** Those who wait for a pattern on behalf of a subscription that is gone will not be confirmed. */
  #dropWaiting(pattern: Pattern): PubsubEffect[] {
    const own = this.#own(), waiting = this.#waiting.get(pattern);
    if (waiting === undefined) return [];
    const stay = waiting.filter((one) => own.has(one.subscription));
    if (stay.length > 0) this.#waiting.set(pattern, stay);
    else this.#waiting.delete(pattern);
    const error = { code: "closed", text: `Cannot subscribe to ${pattern}: the subscription was closed` };
    return waiting.filter((one) => !own.has(one.subscription))
      .map((one): PubsubEffect => ({ kind: "fail", id: one.command, error }));
  }
}

/** Events of an edge that its hub has not answered yet. @module */

import { bytesKey } from "../base/bytes.ts";
import { Deadlines } from "../base/deadlines.ts";
import type { CommandId, Effect, Peer } from "../base/protocol.ts";
import type { Puback, Publish } from "../wire/mod.ts";
import type { PubsubEvent, PubsubMessage, PubsubTimer } from "./messages.ts";

type PubsubEffect = Effect<PubsubMessage, PubsubTimer, PubsubEvent>;

/** Bounds of what waits. */
export interface UnacknowledgedLimits {
  /** Acknowledged events that the hub has not answered. */
  readonly unacknowledgedMax: number;
  /** How long an acknowledged publish may take, ms: a lost link is noticed after 15 s, and attached anew. */
  readonly acknowledgeWithinMs: number;
}

interface Waiting {
  readonly command: CommandId;
  readonly publish: Publish;
}

/** Deadlines of events that are answered, held beside as many as are not. */
const STALE_DEADLINES_MAX = 1_000;

/** Events that were sent to the hub and are to be answered by it. */
export class Unacknowledged {
  readonly #limits: UnacknowledgedLimits;
  readonly #waiting = new Map<string, Waiting>();
  readonly #deadlines = new Deadlines<string>();
  #timerAt = Infinity;

  constructor(limits: UnacknowledgedLimits) {
    this.#limits = limits;
  }

  /** Sends an event to the hub and waits for its answer. */
  send(hub: Peer, { command, publish }: Waiting, now: number): PubsubEffect[] {
    const { unacknowledgedMax, acknowledgeWithinMs } = this.#limits;
    if (this.#waiting.size >= unacknowledgedMax) {
      const text = `Cannot publish on ${publish.topic}: at most ${unacknowledgedMax} events wait for the hub's answer`;
      return [{ kind: "fail", id: command, error: { code: "queue_full", text } }];
    }
    const key = bytesKey(publish.messageId);
    if (this.#deadlines.size > 2 * this.#waiting.size + STALE_DEADLINES_MAX) {
      this.#deadlines.retain((one) => this.#waiting.has(one));
    }
    this.#waiting.set(key, { command, publish });
    this.#deadlines.add(now + acknowledgeWithinMs, key);
    return [{ kind: "send", to: hub, message: publish, lane: "events" }, ...this.#arm(now)];
  }

  /** Sends everything that waits to another hub. */
  sendAgain(hub: Peer): PubsubEffect[] {
    return [...this.#waiting.values()].map(({ publish }) => ({
      kind: "send",
      to: hub,
      message: publish,
      lane: "events",
    }));
  }

  /** The hub has answered. */
  onPuback({ messageId, recipients, code, text = "" }: Puback): PubsubEffect[] {
    const key = bytesKey(messageId), waiting = this.#waiting.get(key);
    if (waiting === undefined) return [];
    this.#waiting.delete(key);
    const id = waiting.command;
    if (code !== undefined) return [{ kind: "fail", id, error: { code, text } }];
    return [{ kind: "answer", id, value: { recipients } }];
  }

  /** Nobody waits for the answer to `command` any more. */
  abandon(command: CommandId): void {
    for (const [key, one] of this.#waiting) if (one.command === command) this.#waiting.delete(key);
  }

  /** Fails what is overdue. */
  onTimer(at: number, now: number): PubsubEffect[] {
    if (at !== this.#timerAt) return [];
    this.#timerAt = Infinity;
    const effects: PubsubEffect[] = [];
    for (let key = this.#deadlines.takeDue(now); key !== undefined; key = this.#deadlines.takeDue(now)) {
      const late = this.#waiting.get(key);
      if (late === undefined) continue;
      this.#waiting.delete(key);
      const text = `Cannot confirm the event on ${late.publish.topic}: ` +
        `no answer from the hub within ${this.#limits.acknowledgeWithinMs} ms`;
      effects.push({ kind: "fail", id: late.command, error: { code: "timeout", text } });
    }
    effects.push(...this.#arm(now));
    return effects;
  }

  #arm(now: number): PubsubEffect[] {
    const at = this.#deadlines.nextAt;
    if (at >= this.#timerAt) return [];
    this.#timerAt = at;
    return [{ kind: "timer", afterMs: Math.max(0, at - now), timer: { type: "acknowledgements", at } }];
  }
}

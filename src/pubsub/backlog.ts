/** Events that wait for a link. @module */

import type { CommandId, Failure } from "../base/protocol.ts";
import type { Publish } from "../wire/mod.ts";

/** How much may wait. */
export interface BacklogLimits {
  readonly eventsMax: number;
  readonly bytesMax: number;
}

interface Waiting {
  readonly command: CommandId;
  readonly publish: Publish;
}

/** What an event costs beside its payload; guess. */
const EVENT_OVERHEAD_BYTES = 128;

/** A bounded queue of events, in the order they were published. */
export class Backlog {
  readonly #limits: BacklogLimits;
  #waiting: Waiting[] = [];
  #bytes = 0;

  constructor(limits: BacklogLimits) {
    this.#limits = limits;
  }

  /** Takes an event, or says why not. */
  add(command: CommandId, publish: Publish): Failure | undefined {
    const { eventsMax, bytesMax } = this.#limits, bytes = publish.payload.length + EVENT_OVERHEAD_BYTES;
    if (this.#waiting.length >= eventsMax || this.#bytes + bytes > bytesMax) {
      const text = `Cannot publish on ${publish.topic}: there is no link, and at most ${eventsMax} events ` +
        `or ${bytesMax} bytes wait for one`;
      return { code: "unavailable", text };
    }
    this.#waiting.push({ command, publish });
    this.#bytes += bytes;
    return undefined;
  }

  /** Forgets the event of one command. */
  abandon(command: CommandId): void {
    const at = this.#waiting.findIndex((one) => one.command === command);
    if (at < 0) return;
    const [gone] = this.#waiting.splice(at, 1);
    this.#bytes -= gone!.publish.payload.length + EVENT_OVERHEAD_BYTES;
  }

  /** Hands over everything that waits. */
  take(): readonly Waiting[] {
    const all = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    return all;
  }
}

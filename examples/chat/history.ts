/** The last messages of a room. @module */

import type { Message } from "./vocabulary.ts";

/** Messages that a member keeps of a room. */
export const HISTORY_LENGTH = 10;

/** What was said last, oldest first. */
export class History {
  #messages: Message[] = [];

  /** Adds what is not there yet, in the order of the senders' clocks; keeps the last ten. */
  add(messages: readonly Message[]): void {
    const byId = new Map([...this.#messages, ...messages].map((message) => [message.id, message]));
    this.#messages = [...byId.values()].sort((a, b) => a.at - b.at).slice(-HISTORY_LENGTH);
  }

  /** At most ten messages. */
  get last(): readonly Message[] {
    return this.#messages;
  }
}

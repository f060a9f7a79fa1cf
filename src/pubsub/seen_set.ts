/** Acknowledged events that were taken already, so that a repetition is answered but not delivered again. @module */

/** Bounds; a publisher repeats for at most 15 s. */
const SEEN_MAX = 100_000, SEEN_MS = 60_000;

/** Remembers the answer given for each key, for a while. */
export class SeenSet {
  readonly #answers = new Map<string, { readonly recipients: number; readonly at: number }>();

  /** The answer given for `key` less than a minute ago. */
  recall(key: string, now: number): number | undefined {
    const found = this.#answers.get(key);
    return found !== undefined && now - found.at < SEEN_MS ? found.recipients : undefined;
  }

  /** Keeps an answer; the oldest go when there are too many. */
  remember(key: string, recipients: number, now: number): void {
    this.#answers.delete(key); // so that the map stays in the order of time
    this.#answers.set(key, { recipients, at: now });
    for (const [oldest, { at }] of this.#answers) {
      if (this.#answers.size <= SEEN_MAX && now - at < SEEN_MS) break;
      this.#answers.delete(oldest);
    }
  }
}

/** What has happened: a running hash over all of it, and the latest of it in words. @module */

/** Steps that are remembered for a failure's report. */
const REMEMBERED_STEPS = 64;

/** Mixes numbers into 128 bits: four lanes of MurmurHash3 (Appleby). Not for secrets. */
export class HistoryHash {
  #a = 0x9368e53c | 0;
  #b = 0x586dcd20 | 0;
  #c = 0x1b873593 | 0;
  #d = 0x2c1b3c6d | 0;

  /** Mixes in a number of at most 32 bits. */
  add(value: number): void {
    let k = Math.imul(value, 0xcc9e2d51);
    k = Math.imul(k << 15 | k >>> 17, 0x1b873593);
    const a = this.#a ^ k, turned = (a << 13 | a >>> 19) + this.#b | 0;
    this.#a = this.#b;
    this.#b = this.#c;
    this.#c = this.#d;
    this.#d = Math.imul(turned, 5) + 0xe6546b64 | 0;
  }

  /** Mixes in a whole number below 2^53. */
  addLong(value: number): void {
    this.add(value | 0);
    this.add(value / 0x1_0000_0000 | 0);
  }

  /** Mixes in a text. */
  addText(text: string): void {
    this.add(text.length);
    for (let i = 0; i < text.length; i++) this.add(text.charCodeAt(i));
  }

  /** All that was mixed in, as 32 hex digits. */
  get hex(): string {
    const copy = new HistoryHash();
    [copy.#a, copy.#b, copy.#c, copy.#d] = [this.#a, this.#b, this.#c, this.#d];
    for (let i = 0; i < 16; i++) copy.add(i); // so that the last one reaches every bit
    return [copy.#a, copy.#b, copy.#c, copy.#d].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  }
}

/** The latest steps, to be put into words only where something has gone wrong. */
export class LatestSteps<T> {
  readonly #steps: (T | undefined)[] = new Array(REMEMBERED_STEPS).fill(undefined);
  #next = 0;

  /** Remembers a step, and forgets one. */
  add(step: T): void {
    this.#steps[this.#next] = step;
    this.#next = (this.#next + 1) % REMEMBERED_STEPS;
  }

  /** The earliest first. */
  get all(): T[] {
    const turned = [...this.#steps.slice(this.#next), ...this.#steps.slice(0, this.#next)];
    return turned.filter((step) => step !== undefined);
  }
}

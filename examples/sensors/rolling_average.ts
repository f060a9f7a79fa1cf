/** The mean of the last so many values. @module */

/** A window over a row of numbers. */
export class RollingAverage {
  readonly #window: Float64Array;
  #count = 0;

  /** Over `length` values. */
  constructor(length: number) {
    this.#window = new Float64Array(length);
  }

  /** Takes a value; the oldest goes when the window is full. */
  add(value: number): void {
    this.#window[this.#count++ % this.#window.length] = value;
  }

  /** The mean; NaN before the first value. The window is summed anew: a running sum would gather rounding errors. */
  get mean(): number {
    const values = this.#window.subarray(0, this.#count);
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  }
}

/** What a monitor keeps of one room. @module */

import { RollingAverage } from "./rolling_average.ts";
import type { Reading, RoomReport } from "./vocabulary.ts";

/** Readings that the average is taken of. */
const WINDOW_LENGTH = 20;
/** An alarm ends only so far below the threshold, °C: otherwise it would flutter. */
const HYSTERESIS = 0.5;
/** Sensors that are told apart in one room. */
const SENSORS_MAX = 1_000;
/** Threshold until one is set, °C. */
const THRESHOLD_DEFAULT = 30;

/** One room. */
export class RoomState {
  readonly #room: string;
  readonly #average = new RollingAverage(WINDOW_LENGTH);
  readonly #numbers = new Map<string, number>();
  #celsius = NaN;
  #readings = 0;
  #lost = 0;
  #threshold = THRESHOLD_DEFAULT;
  #alarm = false;

  constructor(room: string) {
    this.#room = room;
  }

  /** Takes a reading; returns whether the alarm changed. */
  add({ sensor, celsius, number }: Reading): boolean {
    const before = this.#numbers.get(sensor);
    if (before !== undefined && number > before) this.#lost += number - before - 1;
    if (before !== undefined || this.#numbers.size < SENSORS_MAX) this.#numbers.set(sensor, number);
    this.#celsius = celsius;
    this.#readings++;
    this.#average.add(celsius);
    return this.#judge();
  }

  /** Sets the threshold, °C; returns whether the alarm changed. */
  setThreshold(celsius: number): boolean {
    this.#threshold = celsius;
    return this.#judge();
  }

  /** Everything about it; undefined before the first reading. */
  get report(): RoomReport | undefined {
    if (this.#readings === 0) return undefined;
    return {
      room: this.#room,
      celsius: this.#celsius,
      average: Math.round(this.#average.mean * 100) / 100,
      readings: this.#readings,
      lost: this.#lost,
      sensors: this.#numbers.size,
      threshold: this.#threshold,
      alarm: this.#alarm,
    };
  }

  #judge(): boolean {
    const { mean } = this.#average, before = this.#alarm;
    if (mean > this.#threshold) this.#alarm = true;
    else if (mean < this.#threshold - HYSTERESIS) this.#alarm = false;
    return this.#alarm !== before;
  }
}

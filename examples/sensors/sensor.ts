/** A simulated sensor: a temperature that wanders, published again and again. @module */

import type { Mesh } from "@macula/mesh";
import { type Reading, readingTopic } from "./vocabulary.ts";

/** Largest change from one reading to the next, °C. */
const STEP = 0.3;
/** How strongly the temperature is drawn back to where it began, of the distance. */
const PULL = 0.05;

/** What a sensor is. */
export interface SensorOptions {
  readonly room: string;
  /** Its id. */
  readonly sensor: string;
  /** Where the temperature begins, °C. */
  readonly celsius: number;
  readonly intervalMs: number;
  /** Readings, then it ends; `Infinity` never does. */
  readonly count: number;
  /** Ends it. */
  readonly signal: AbortSignal;
  readonly onReading: (reading: Reading) => void;
}

/** Measures until the end; resolves with the number of readings. While the mesh is cut off, readings wait or are lost. */
export async function runSensor(mesh: Mesh, options: SensorOptions): Promise<number> {
  const { room, sensor, signal, intervalMs, onReading } = options;
  let celsius = options.celsius, number = 0;
  while (number < options.count && !signal.aborted) {
    const reading = { sensor, celsius: Math.round(celsius * 100) / 100, number: ++number };
    // Nobody waits for one reading, the next one comes soon: QoS 0, no round trip.
    await mesh.publish(readingTopic(room), reading).catch(() => {});
    onReading(reading);
    celsius += (Math.random() * 2 - 1) * STEP + (options.celsius - celsius) * PULL;
    if (number < options.count) await pause(intervalMs, signal);
  }
  return number;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done, { once: true });
  });
}

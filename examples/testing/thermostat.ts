/** A small application: it switches the heating by what the sensors of a room say. @module */

import type { Mesh } from "@macula/mesh";
import type { Timers } from "@macula/mesh/testing";

/** Below it heats, °C. */
const COLD_CELSIUS = 19;
/** After so much silence nobody knows how warm it is, and it stops heating, ms. */
const SILENCE_MS = 60_000;

/** Switches the heating. Time is handed in, so that a test can bring its own. */
export class Thermostat {
  readonly #mesh: Mesh;
  readonly #clock: Timers;
  #heating = false;
  #cancel: () => void = () => {};

  constructor(mesh: Mesh, clock: Timers) {
    this.#mesh = mesh;
    this.#clock = clock;
  }

  /** Whether it heats now. */
  get heating(): boolean {
    return this.#heating;
  }

  /** Listens to the sensors from now on, and tells who asks. */
  async start(): Promise<void> {
    const readings = this.#mesh.subscribe<{ celsius: number }>("sensor.*.measured");
    await this.#mesh.advertise("heating.state", () => ({ heating: this.#heating }));
    await readings.ready;
    void this.#follow(readings);
  }

  async #follow(readings: AsyncIterable<{ readonly data: { celsius: number } }>): Promise<void> {
    for await (const { data } of readings) {
      this.#heating = data.celsius < COLD_CELSIUS;
      this.#cancel();
      this.#cancel = this.#clock.after(SILENCE_MS, () => this.#heating = false);
    }
  }
}

/** What the monitor shows: a table that is drawn anew on a terminal, lines in a pipe, JSON lines with `--json`. @module */

import type { RoomReport } from "./vocabulary.ts";

/** Shortest time between two drawings of the table, ms. */
const REDRAW_MS = 100;
/** °C for one sign of the bar. */
const BAR_STEP = 2;

/** Shows reports. */
export class Dashboard {
  readonly #json: boolean;
  readonly #isTable: boolean;
  #drawnAt = -REDRAW_MS;
  #lines = 0;

  constructor(json: boolean) {
    this.#json = json;
    this.#isTable = !json && Deno.stdout.isTerminal();
  }

  /** A reading came. */
  reading(report: RoomReport, all: () => readonly RoomReport[]): void {
    if (this.#json) console.log(JSON.stringify({ type: "reading", ...report }));
    else if (!this.#isTable) console.log(row(report));
    else if (performance.now() - this.#drawnAt >= REDRAW_MS) this.#draw(all());
  }

  /** An alarm was raised or cleared. */
  alarm(report: RoomReport): void {
    const { room, average, threshold, alarm } = report;
    if (this.#json) return console.log(JSON.stringify({ type: "alarm", ...report }));
    console.log(`${alarm ? "ALARM" : "all clear"}: ${room} has ${average} °C, the threshold is ${threshold} °C`);
    this.#lines = 0; // the table goes on below
  }

  #draw(reports: readonly RoomReport[]): void {
    this.#drawnAt = performance.now();
    const up = this.#lines > 0 ? `\x1b[${this.#lines}A` : "";
    console.log(up + reports.map((report) => `\x1b[K${row(report)}`).join("\n"));
    this.#lines = reports.length;
  }
}

function row({ room, celsius, average, readings, lost, alarm }: RoomReport): string {
  const bar = "#".repeat(Math.min(40, Math.max(0, Math.round(average / BAR_STEP))));
  const numbers = `${celsius.toFixed(2).padStart(7)} °C   average ${average.toFixed(2).padStart(7)} °C`;
  return `${room.padEnd(16)} ${numbers}   ${String(readings).padStart(6)} readings, ${lost} lost  ${bar}${
    alarm ? " !" : ""
  }`;
}

/** The operator: asks the monitor and sets thresholds, by RPC; then follows the alarms if asked to. @module */

import type { Mesh } from "@macula/mesh";
import { ALL_ALARMS, LATEST, parseCelsius, parseRoom, type RoomReport, SET_THRESHOLD } from "./vocabulary.ts";

/** A threshold as it is written: `kitchen=25.5`; throws when it is not. */
export function parseThreshold(text: string): { room: string; celsius: number } {
  const [room, celsius = ""] = text.split("=");
  return { room: parseRoom(room), celsius: parseCelsius(celsius === "" ? undefined : Number(celsius)) };
}

/** What an operator wants. */
export interface OperatorOptions {
  readonly thresholds: readonly { readonly room: string; readonly celsius: number }[];
  /** Alarms to wait for, then it ends. */
  readonly alarms: number;
  /** Ends the waiting. */
  readonly signal: AbortSignal;
  readonly tell: (what: string, data: object) => void;
}

/** Sets, asks, and waits for alarms. */
export async function runOperator(mesh: Mesh, options: OperatorOptions): Promise<void> {
  const { thresholds, alarms, signal, tell } = options;
  await using raised = mesh.subscribe<RoomReport>(ALL_ALARMS);
  await raised.ready; // before the first threshold: the alarm that it sets off must not be missed
  for (const threshold of thresholds) tell("threshold", await mesh.call(SET_THRESHOLD, threshold, { signal }));
  for (const report of await mesh.call<RoomReport[]>(LATEST, {}, { signal })) tell("latest", report);
  let left = alarms;
  const stop = () => void raised.close();
  signal.addEventListener("abort", stop, { once: true });
  if (left === 0 || signal.aborted) return;
  for await (const event of raised) {
    tell("alarm", { topic: event.topic, ...event.data });
    if (--left === 0) break;
  }
}

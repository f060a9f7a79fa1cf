/**
 * What sensors and monitors say: topics, procedures, and what a payload must look like. A topic names a kind of event
 * and the room that it is about; which sensor it was is in the payload.
 *
 * | name | what |
 * |---|---|
 * | topic `sensor.<room>.measured` | a reading |
 * | topic `alarm.<room>.raised`, `alarm.<room>.cleared` | the room's average went over its threshold, or back |
 * | procedure `sensors.latest` | the newest numbers of one room or of all |
 * | procedure `sensors.threshold.set` | above which average an alarm is raised |
 *
 * @module
 */

/** Every reading of every room. */
export const ALL_READINGS = "sensor.*.measured";
/** Every alarm of every room. */
export const ALL_ALARMS = "alarm.*.*";
/** The newest numbers: `{ room? }` → `RoomReport[]`. */
export const LATEST = "sensors.latest";
/** `{ room, celsius }` → `{ room, celsius }`. */
export const SET_THRESHOLD = "sensors.threshold.set";

/** One measurement. */
export interface Reading {
  /** Which sensor. */
  readonly sensor: string;
  readonly celsius: number;
  /** The sensor's readings are counted from 1: a gap shows that one was lost. */
  readonly number: number;
}

/** What a monitor knows of a room. */
export interface RoomReport {
  readonly room: string;
  /** The newest reading. */
  readonly celsius: number;
  /** Mean of the last readings, °C. */
  readonly average: number;
  /** Readings since the start. */
  readonly readings: number;
  /** Readings that never came. */
  readonly lost: number;
  /** Sensors that were heard. */
  readonly sensors: number;
  /** Average above which an alarm is raised, °C. */
  readonly threshold: number;
  readonly alarm: boolean;
}

/** The topic of a room's readings. */
export function readingTopic(room: string): string {
  return `sensor.${room}.measured`;
}

/** The topic of a room's alarms. */
export function alarmTopic(room: string, alarm: boolean): string {
  return `alarm.${room}.${alarm ? "raised" : "cleared"}`;
}

/** The room in a topic. */
export function roomOf(topic: string): string {
  return topic.split(".")[1] ?? "";
}

/** A room's name; throws when it cannot be a segment of a topic. */
export function parseRoom(text: unknown): string {
  if (typeof text === "string" && /^[A-Za-z0-9_-]{1,32}$/.test(text)) return text;
  throw new Error(`Cannot use as a room: 1 to 32 letters, digits, - and _ are expected, got ${JSON.stringify(text)}`);
}

/** A temperature; throws when there is no such one. */
export function parseCelsius(value: unknown): number {
  if (typeof value === "number" && value >= -273.15 && value <= 10_000) return value;
  throw new Error(`Cannot use as a temperature: -273.15 to 10000 °C is expected, got ${value}`);
}

/** A reading; undefined when it is none. */
export function readReading(data: unknown): Reading | undefined {
  if (typeof data !== "object" || data === null) return undefined;
  const { sensor, celsius, number } = data as Record<string, unknown>;
  if (typeof sensor !== "string" || !/^[A-Za-z0-9_-]{1,64}$/.test(sensor)) return undefined;
  if (typeof celsius !== "number" || !(celsius >= -273.15 && celsius <= 10_000)) return undefined;
  return Number.isSafeInteger(number) ? { sensor, celsius, number: number as number } : undefined;
}

/** The monitor: gathers the readings of all rooms, raises alarms, and answers questions about them. @module */

import type { Mesh, Service, Subscription } from "@macula/mesh";
import { RoomState } from "./room_state.ts";
import {
  alarmTopic,
  ALL_READINGS,
  LATEST,
  parseCelsius,
  parseRoom,
  readReading,
  roomOf,
  type RoomReport,
  SET_THRESHOLD,
} from "./vocabulary.ts";

/** Rooms that are kept. */
const ROOMS_MAX = 1_000;
/** Readings that wait to be counted. */
const BUFFER = 10_000;

/** Hears of what the monitor finds. */
export interface MonitorListener {
  onReading(report: RoomReport): void;
  onAlarm(report: RoomReport): void;
}

/** Watches all rooms. */
export class Monitor implements AsyncDisposable {
  readonly #mesh: Mesh;
  readonly #listener: MonitorListener;
  readonly #rooms = new Map<string, RoomState>();
  readonly #readings: Subscription;
  #services: Service[] = [];

  private constructor(mesh: Mesh, listener: MonitorListener) {
    this.#mesh = mesh;
    this.#listener = listener;
    this.#readings = mesh.subscribe(ALL_READINGS, { buffer: BUFFER });
  }

  /** Starts; resolves when everything published from now on is counted, and questions are answered. */
  static async open(mesh: Mesh, listener: MonitorListener): Promise<Monitor> {
    const monitor = new Monitor(mesh, listener);
    monitor.#services = await Promise.all([
      mesh.advertise(LATEST, (args) => monitor.latest(args?.room)),
      mesh.advertise(SET_THRESHOLD, (args) => monitor.setThreshold(args?.room, args?.celsius)),
    ]);
    await monitor.#readings.ready;
    return monitor;
  }

  /** Readings that were lost because they came faster than they were counted. */
  get missed(): number {
    return this.#readings.missed;
  }

  /** Counts readings until it is closed. */
  async run(): Promise<void> {
    for await (const { topic, data } of this.#readings) {
      const reading = readReading(data), room = this.#room(roomOf(topic));
      if (reading === undefined || room === undefined) continue;
      const changed = room.add(reading);
      this.#listener.onReading(room.report!);
      if (changed) this.#alarm(room);
    }
  }

  /** The numbers of one room or of all. */
  latest(room?: unknown): RoomReport[] {
    const rooms = room === undefined || room === null ? [...this.#rooms.values()] : [this.#rooms.get(parseRoom(room))];
    return rooms.flatMap((one) => one?.report ?? []).sort((a, b) => a.room.localeCompare(b.room));
  }

  /** Sets a room's threshold, °C; the caller gets the error's sentence when it makes no sense. */
  setThreshold(name: unknown, celsius: unknown): { room: string; celsius: number } {
    const answer = { room: parseRoom(name), celsius: parseCelsius(celsius) }, room = this.#room(answer.room);
    if (room === undefined) throw new Error(`Cannot set a threshold: at most ${ROOMS_MAX} rooms are watched`);
    if (room.setThreshold(answer.celsius)) this.#alarm(room);
    return answer;
  }

  /** Stops. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#readings.close(), ...this.#services.map((service) => service.close())]);
  }

  #room(name: string): RoomState | undefined {
    const known = this.#rooms.get(name);
    if (known !== undefined || this.#rooms.size >= ROOMS_MAX) return known;
    const room = new RoomState(name);
    this.#rooms.set(name, room);
    return room;
  }

  #alarm(room: RoomState): void {
    const report = room.report;
    if (report === undefined) return;
    this.#listener.onAlarm(report);
    // An alarm must not get lost: it is repeated until the hub has it.
    this.#mesh.publish(alarmTopic(report.room, report.alarm), report, { qos: 1 }).catch(() => {});
  }
}

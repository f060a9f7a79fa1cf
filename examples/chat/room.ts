/**
 * A room that the user is in. Nobody runs it: each member listens to the room's events, tells every few seconds that it
 * is still here, and answers who else is and what was said last.
 *
 * A member that stops without a word is gone from the list after three missed signs of life. A member hears its own,
 * too: as long as it does not, it is the one that is cut off, and nobody is gone.
 *
 * @module
 */

import type { Mesh, MeshEvent, Service, Subscription } from "@macula/mesh";
import { askSome } from "./ask.ts";
import type { Tell } from "./chat_event.ts";
import { History } from "./history.ts";
import { Roster } from "./roster.ts";
import {
  type Message,
  type NoticeKind,
  type Offer,
  type Presence,
  procedureOf,
  readMessages,
  readNotice,
  readPresences,
  topicOf,
  type User,
} from "./vocabulary.ts";

/** Signs of life that may be missed; a killed user is out of the list at most one beat later. */
const BEATS_MISSED_MAX = 3;
/** How long the last word may take, ms. */
const FAREWELL_MS = 1_000;

/** What a room needs of its chat. */
export interface RoomOptions {
  readonly mesh: Mesh;
  /** The user's name. */
  readonly name: string;
  /** Time between two signs of life, ms. */
  readonly beatMs: number;
  readonly tell: Tell;
  /** A file is offered. */
  readonly onOffer: (offer: Offer, from: User) => void;
}

/** A room, from `join` to `leave`. */
export class Room {
  readonly room: string;
  readonly roster: Roster;
  readonly #options: RoomOptions;
  readonly #history = new History();
  readonly #events: Subscription;
  #services: Service[] = [];
  #beat: ReturnType<typeof setInterval> | undefined;
  /** When the hub last passed on a sign of life of our own: without these, silence says nothing about the others. */
  #echoAt = 0;

  private constructor(room: string, options: RoomOptions) {
    this.room = room;
    this.#options = options;
    this.roster = new Roster(options.beatMs * BEATS_MISSED_MAX);
    this.#events = options.mesh.subscribe(topicOf(room, "*"));
  }

  /** Joins: listens first, then learns from the others, then says so. Rejects when the hub refuses. */
  static async join(name: string, options: RoomOptions): Promise<Room> {
    const room = new Room(name, options);
    try {
      await room.#open();
    } catch (error) {
      await room.#close();
      throw error;
    }
    return room;
  }

  /** Everybody here. */
  who(): Presence[] {
    return this.roster.list(performance.now());
  }

  /** The last messages, with those that only others have. */
  async history(): Promise<readonly Message[]> {
    await this.#learnHistory();
    return this.#history.last;
  }

  /** Says something. It is taken by the hub, and repeated until it is. */
  async say(text: string): Promise<void> {
    await this.#publish("message", { text }, 1);
  }

  /** Tells that the user is writing. Nobody minds if it gets lost. */
  async typing(): Promise<void> {
    await this.#publish("typing", {}, 0);
  }

  /** Offers a file. */
  async offer(offer: Offer): Promise<void> {
    await this.#publish("file", { ...offer }, 1);
  }

  /** The way to the hub was lost and is back. */
  async returned(): Promise<void> {
    await this.#announce("here");
    await this.#learn();
  }

  /** Leaves with a word, when there is time for one. */
  async leave(): Promise<void> {
    clearInterval(this.#beat);
    const data = { name: this.#options.name, change: "leave" }, signal = AbortSignal.timeout(FAREWELL_MS);
    await this.#options.mesh.publish(topicOf(this.room, "presence"), data, { acknowledge: true, signal }).catch(
      () => {},
    );
    await this.#close();
  }

  async #open(): Promise<void> {
    const { mesh, name, beatMs } = this.#options, metadata = { since: Date.now() };
    await this.#events.ready;
    this.roster.hear({ name, node: mesh.id }, performance.now());
    void this.#listen();
    const serve = (what: "who" | "history", handler: () => unknown) =>
      mesh.advertise(procedureOf(this.room, what), handler, { metadata });
    this.#services = await Promise.all([serve("who", () => this.who()), serve("history", () => this.#history.last)]);
    await this.#learn();
    await this.#announce("join");
    this.#beat = setInterval(() => this.#onBeat(), beatMs);
  }

  async #close(): Promise<void> {
    clearInterval(this.#beat);
    await Promise.allSettled([this.#events.close(), ...this.#services.map((service) => service.close())]);
  }

  async #listen(): Promise<void> {
    const { tell } = this.#options;
    try {
      for await (const event of this.#events) this.#onEvent(event);
    } catch (error) {
      tell({ type: "error", text: `#${this.room} is not heard any more: ${(error as Error).message}` });
    }
  }

  #onEvent(event: MeshEvent): void {
    const { mesh, tell, onOffer } = this.#options, { room } = this, node = event.publisher;
    const notice = readNotice(event.topic, event.data);
    if (notice === undefined || node === undefined) return;
    const user = { name: notice.name, node }, own = node === mesh.id, now = performance.now();
    const change = notice.kind === "presence" ? notice.change : "here";
    if (own) this.#echoAt = now;
    if (change === "leave") {
      if (!own && this.roster.leave(node, now)) tell({ type: "presence", room, change, ...user });
      return;
    }
    if (this.roster.hear(user, now, change)) tell({ type: "presence", room, change: "join", ...user });
    switch (notice.kind) {
      case "message": {
        const message = { ...user, id: event.id, text: notice.text, at: event.at ?? Date.now() };
        this.#history.add([message]);
        return tell({ type: "message", room, own, ...message });
      }
      case "typing":
        return own ? undefined : tell({ type: "typing", room, ...user });
      case "file":
        tell({ type: "offer", room, own, ...user, ...notice.offer });
        return own ? undefined : onOffer(notice.offer, user);
    }
  }

  #onBeat(): void {
    const { beatMs, mesh, name, tell } = this.#options, { room, roster } = this, now = performance.now();
    roster.hear({ name, node: mesh.id }, now);
    if (now - this.#echoAt > 2 * beatMs) roster.renew(now);
    for (const user of roster.expire(now)) tell({ type: "presence", room, change: "gone", ...user });
    // In the backlog of a lost link, signs of life would only crowd out what was said.
    if (mesh.status === "connected") this.#announce("here").catch(() => {}); // the next beat tries again
  }

  async #learn(): Promise<void> {
    const { mesh } = this.#options;
    const [answers] = await Promise.all([askSome(mesh, procedureOf(this.room, "who"), null), this.#learnHistory()]);
    for (const answer of answers) this.roster.merge(readPresences(answer), performance.now());
  }

  async #learnHistory(): Promise<void> {
    const answers = await askSome(this.#options.mesh, procedureOf(this.room, "history"), null);
    for (const answer of answers) this.#history.add(readMessages(answer));
  }

  #announce(change: "join" | "here"): Promise<void> {
    return this.#publish("presence", { change }, change === "join" ? 1 : 0);
  }

  async #publish(kind: NoticeKind, fields: Readonly<Record<string, unknown>>, qos: 0 | 1): Promise<void> {
    const { mesh, name } = this.#options;
    await mesh.publish(topicOf(this.room, kind), { name, ...fields }, { qos });
  }
}

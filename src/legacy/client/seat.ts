/** A client of the original at a gateway: its streams on one side, its link into the node on the other. @module */

import type { Link, LinkEnd, LinkOwner } from "../../link/link.ts";
import type { Message } from "../../wire/mod.ts";
import type { Guest, GuestEffect, StreamId } from "./guest.ts";
import type { LegacyStream } from "../stream.ts";

/** What a seat tells its gate. */
export interface SeatOwner {
  /** Effects that are not for the seat alone. */
  onEffect(seat: Seat, effect: GuestEffect): void;
  /** The node has ended its link, or the client has gone. */
  onLeft(seat: Seat, end: LinkEnd): void;
  /** The stream with this id, if it has not ended; it may be one without CONNECT. */
  stream(id: StreamId): LegacyStream | undefined;
  /** Gives the node a message of the client, at once: what comes after it finds it done. */
  give(seat: Seat, message: Message): void;
  /** A promise if the node wants to be given less of a seat for a moment. */
  pause(seat: Seat): Promise<void> | undefined;
  now(): number;
}

/** One client. Its newest stream gets what is pushed; when its last stream has ended, it is gone. */
export class Seat implements LinkOwner {
  readonly guest: Guest;
  /** `https://host:port` as it says, or empty. */
  endpoint: string;
  /** When something came from it last, ms. */
  lastSeen: number;
  /** Resolves when its link is up. */
  up: Promise<void> = Promise.resolve();
  /** Procedures that its records were found to stand for, and topics likewise. */
  readonly offers: Set<string> = new Set();
  readonly topicsByRecord: Set<string> = new Set();
  readonly #owner: SeatOwner;
  readonly #streams: LegacyStream[] = [];
  #far: Link | undefined;
  #near: Link | undefined;
  #gone = false;
  #leaving = false;

  constructor(guest: Guest, endpoint: string, owner: SeatOwner) {
    this.guest = guest;
    this.endpoint = endpoint;
    this.#owner = owner;
    this.lastSeen = owner.now();
  }

  /** The node's end of its link; undefined before it is up. */
  get near(): Link | undefined {
    return this.#near;
  }

  /** Whether it has no stream any more; its link ends then, and nobody takes the seat again. */
  get leaving(): boolean {
    return this.#leaving;
  }

  /** Its streams, the newest last. */
  get streams(): readonly LegacyStream[] {
    return this.#streams;
  }

  /** Its link is up. */
  open(far: Link, near: Link): void {
    this.#far = far;
    this.#near = near;
    far.start();
    if (this.#leaving) void far.close("peer left");
  }

  /** Another stream of it; it is the newest now. */
  join(stream: LegacyStream): void {
    const index = this.#streams.indexOf(stream);
    if (index >= 0) this.#streams.splice(index, 1);
    this.#streams.push(stream);
  }

  /** A stream has ended. */
  leave(stream: LegacyStream): void {
    const index = this.#streams.indexOf(stream);
    if (index >= 0) this.#streams.splice(index, 1);
    if (this.#streams.length > 0) return;
    this.#leaving = true;
    void this.#far?.close("peer left");
  }

  /** A message of the client; a promise if it should be read more slowly. */
  fromClient(stream: LegacyStream, message: Message): Promise<void> | undefined {
    this.lastSeen = this.#owner.now();
    this.perform(this.guest.fromClient(stream.id, message, this.lastSeen));
    return this.#owner.pause(this);
  }

  /** Carries out what the translation wants. */
  perform(effects: readonly GuestEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === "mesh") this.#owner.give(this, effect.message);
      else if (effect.kind === "write") this.push(effect.message, effect.stream);
      this.#owner.onEffect(this, effect);
    }
  }

  /** Writes to a stream of the client if that is still there, else to the newest; false where too much waits there. */
  push(message: Message, stream?: StreamId): boolean {
    const asked = stream === undefined ? undefined : this.#owner.stream(stream);
    return (asked ?? this.#streams.at(-1))?.write(message) ?? false;
  }

  /** Ends its link at once. */
  dismiss(code: string, text: string): void {
    this.#near?.breakOff(code, text);
  }

  // From the far end of its link

  received(_: Link, message: Message): void {
    this.perform(this.guest.fromMesh(message, this.#owner.now()));
  }

  pause(): Promise<void> | undefined {
    return this.#streams.at(-1)?.writable();
  }

  ended(_: Link, end: LinkEnd): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#owner.onLeft(this, end);
  }

  drained(): void {}
  closing(): void {}
  goingAway(): void {}
}

/** Who is in a room, as one member knows it from what was heard. Time is handed in, ms. @module */

import type { Presence, User } from "./vocabulary.ts";

/** Users that are remembered in one room; more can talk, but are not listed. */
const USERS_MAX = 1_000;

/** How a newcomer was heard of: only who joins comes back after a leave. */
export type HeardAs = "join" | "here";

/** The users of a room. */
export class Roster {
  readonly #expiryMs: number;
  readonly #users = new Map<string, { name: string; heardAt: number }>();
  /** When somebody left: an event that was on its way must not bring them back. */
  readonly #left = new Map<string, number>();

  /** Who is not heard of for `expiryMs` is gone. */
  constructor(expiryMs: number) {
    this.#expiryMs = expiryMs;
  }

  has(node: string): boolean {
    return this.#users.has(node);
  }

  /** Something was heard of a user; returns whether they are new. */
  hear({ node, name }: User, heardAt: number, as: HeardAs = "here"): boolean {
    const known = this.#users.get(node);
    if (as === "join") this.#left.delete(node);
    if (known !== undefined) {
      known.name = name;
      known.heardAt = Math.max(known.heardAt, heardAt);
      return false;
    }
    if (this.#left.has(node) || this.#users.size >= USERS_MAX) return false;
    this.#users.set(node, { name, heardAt });
    return true;
  }

  /** What another member knows; returns who is new. */
  merge(presences: readonly Presence[], now: number): User[] {
    return presences.filter((one) => one.age < this.#expiryMs && this.hear(one, now - one.age));
  }

  /** A user left; returns whether they were here. */
  leave(node: string, now: number): boolean {
    this.#left.set(node, now);
    return this.#users.delete(node);
  }

  /** Takes out who was not heard of for too long, and returns them. */
  expire(now: number): User[] {
    for (const [node, at] of this.#left) if (now - at > this.#expiryMs) this.#left.delete(node);
    const gone = [...this.#users].filter(([, { heardAt }]) => now - heardAt > this.#expiryMs);
    for (const [node] of gone) this.#users.delete(node);
    return gone.map(([node, { name }]) => ({ node, name }));
  }

  /** Nothing could be heard for a while (we were cut off): everybody gets a new term. */
  renew(now: number): void {
    for (const user of this.#users.values()) user.heardAt = now;
  }

  /** Everybody, by name. */
  list(now: number): Presence[] {
    return [...this.#users]
      .map(([node, { name, heardAt }]) => ({ name, node, age: Math.max(0, Math.round(now - heardAt)) }))
      .sort((a, b) => a.name.localeCompare(b.name) || a.node.localeCompare(b.node));
  }
}

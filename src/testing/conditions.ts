/** How long things take between the hosts of a world, by the profile of each host and its own slowness. @module */

import type { Clock } from "../base/clock.ts";
import { ValidationError } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import { LINK_PROFILES, LinkPath, type LinkProfile, type LinkProfileName } from "../simulation/link_profile.ts";
import type { History } from "./history.ts";

interface Host {
  readonly number: number;
  readonly profile: LinkProfile;
  slowMs: number;
  isTaken: boolean;
}

/** The conditions between hosts. */
export class Conditions {
  readonly #random: Random;
  readonly #clock: Clock;
  readonly #history: History;
  readonly #hosts = new Map<string, Host>();
  readonly #paths = new Map<string, LinkPath>();

  /** Draws from `random`, and notes in `history` what is sent. */
  constructor({ random, clock, history }: { random: Random; clock: Clock; history: History }) {
    this.#random = random;
    this.#clock = clock;
    this.#history = history;
  }

  /** A host is connected to the network like that. */
  join(name: string, profile: LinkProfile): void {
    if (this.#hosts.get(name)?.isTaken) {
      throw new ValidationError(`Cannot add a host: its name must be new, got ${name}`);
    }
    this.#hosts.set(name, { number: this.#hosts.size, profile, slowMs: 0, isTaken: true });
  }

  /** Nothing came to run on a host: its name may be used again. */
  leave(name: string): void {
    this.#hosts.get(name)!.isTaken = false;
  }

  /** A host takes so much longer for everything, ms. */
  slow(name: string, ms: number): void {
    this.#hosts.get(name)!.slowMs = ms;
  }

  /** How long a part of a stream takes, ms. */
  latencyMs(from: string, to: string, chunk?: Uint8Array): number {
    const delayMs = this.#slowness(from, to) + this.#path(from, to).stream(chunk?.length);
    this.#note(from, to, delayMs, chunk);
    return delayMs;
  }

  /** When the copies of a datagram arrive, ms from now. */
  datagramMs(from: string, to: string, datagram: Uint8Array): readonly number[] {
    const slowMs = this.#slowness(from, to);
    const delaysMs = this.#path(from, to).datagram(datagram.length).map((ms) => ms + slowMs);
    this.#note(from, to, delaysMs.length, datagram);
    return delaysMs;
  }

  #slowness(from: string, to: string): number {
    return this.#hosts.get(from)!.slowMs + this.#hosts.get(to)!.slowMs;
  }

  /** The slower connection of the two decides. */
  #path(from: string, to: string): LinkPath {
    const key = `${from}\n${to}`;
    let path = this.#paths.get(key);
    if (path === undefined) {
      const [a, b] = [this.#hosts.get(from)!.profile, this.#hosts.get(to)!.profile];
      path = new LinkPath(a.latencyMs[1] > b.latencyMs[1] ? a : b, this.#random.fork(key));
      this.#paths.set(key, path);
    }
    return path;
  }

  #note(from: string, to: string, what: number, bytes: Uint8Array | undefined): void {
    const a = this.#hosts.get(from)!.number, b = this.#hosts.get(to)!.number;
    this.#history.note([this.#clock.now(), a, b, what], bytes);
  }
}

/** The profile of that name, or the profile itself; throws `ValidationError`. */
export function linkProfile(profile: LinkProfileName | LinkProfile): LinkProfile {
  if (typeof profile !== "string") return profile;
  if (!Object.hasOwn(LINK_PROFILES, profile)) {
    const names = Object.keys(LINK_PROFILES).join(", ");
    throw new ValidationError(`Cannot simulate a network: profile is one of ${names}, got ${JSON.stringify(profile)}`);
  }
  return LINK_PROFILES[profile];
}

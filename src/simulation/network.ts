/**
 * The network between simulated nodes: how long a message takes, and who reaches whom. Each node has an access of its
 * own, with a profile's latency and loss, and a message crosses that of its sender and that of its receiver.
 *
 * @module
 */

import type { Random } from "../base/random.ts";
import { quantised } from "./clock.ts";
import { LinkPath, type LinkProfile } from "./link_profile.ts";

/** What the network knows of a node. */
export interface Attached {
  readonly access: LinkPath;
  /** What the node takes for each message, ms. */
  slowMs: number;
}

/** A cut: nothing gets from one side to the other. */
export interface Cut {
  readonly from: ReadonlySet<Attached>;
  readonly to: ReadonlySet<Attached>;
}

/** Latencies and cuts. */
export class Network {
  readonly #random: Random;
  readonly #profiles: readonly LinkProfile[];
  readonly #cuts = new Set<Cut>();
  #joined = 0;

  /** New nodes get the profiles in turn. */
  constructor(random: Random, profiles: readonly LinkProfile[]) {
    this.#random = random;
    this.#profiles = profiles;
  }

  /** How many cuts there are now. */
  get cuts(): number {
    return this.#cuts.size;
  }

  /** A new node's access. */
  newAccess(): LinkPath {
    const profile = this.#profiles[this.#joined++ % this.#profiles.length]!;
    return new LinkPath(profile, this.#random.fork("access"));
  }

  /** How long a message on a stream takes, ms. */
  delayMs(from: Attached, to: Attached, bytes: number): number {
    return quantised(from.access.stream(bytes) + to.access.stream(bytes) + to.slowMs);
  }

  /** When copies of a message without a stream arrive, ms from now. */
  arrivalsMs(from: Attached, to: Attached, bytes: number): number[] {
    return from.access.datagram(bytes).flatMap((up) =>
      to.access.datagram(bytes).map((down) => quantised(up + down + to.slowMs))
    );
  }

  /** How long a dial takes until the other end is asked for admission: QUIC's handshake and ours, ms. */
  handshakeMs(from: Attached, to: Attached): number {
    return this.delayMs(from, to, 0) + this.delayMs(to, from, 0) + this.delayMs(from, to, 0);
  }

  /** Cuts one side off from the other, in that direction only. */
  cut(from: Iterable<Attached>, to: Iterable<Attached>): Cut {
    const cut: Cut = { from: new Set(from), to: new Set(to) };
    this.#cuts.add(cut);
    return cut;
  }

  /** Whether it has not healed. */
  has(cut: Cut): boolean {
    return this.#cuts.has(cut);
  }

  heal(cut: Cut): void {
    this.#cuts.delete(cut);
  }

  /** Whether nothing gets from one to the other. */
  isCut(from: Attached, to: Attached): boolean {
    if (this.#cuts.size === 0) return false;
    for (const cut of this.#cuts) if (cut.from.has(from) && cut.to.has(to)) return true;
    return false;
  }
}

/**
 * What a way through the network does to messages, by name: how long they take, and what becomes of them on the way.
 *
 * Only `+`, `-`, `*`, `/` and comparisons: the same random numbers give the same delays on every machine.
 *
 * @module
 */

import type { Random } from "../base/random.ts";

/** Numbers at the quantiles 0, 0.5, 0.9, 0.99 and 1; between them straight lines. */
export type Quantiles = readonly [least: number, median: number, p90: number, p99: number, most: number];

/** One kind of network; all times one way. */
export interface LinkProfile {
  /** Of a way: drawn once, ms. */
  readonly latencyMs: Quantiles;
  /** Of a message, beyond the latency of its way: drawn for each, ms. */
  readonly jitterMs: Quantiles;
  /** Part of the datagrams that are lost, 0 to 1; on a stream they are sent again. */
  readonly loss: number;
  /** Part of the datagrams that arrive twice. */
  readonly duplication: number;
  /** Part of the datagrams that others overtake. */
  readonly reordering: number;
  readonly bytesPerSecond: number;
}

/** Names of the profiles. */
export type LinkProfileName = "lan" | "wifi" | "cellular" | "satellite" | "lossy";

/** Guesses after common measurements: a wired office, a home, LTE, low earth orbit, and a bad day. */
export const LINK_PROFILES: Readonly<Record<LinkProfileName, LinkProfile>> = {
  lan: {
    latencyMs: [0.2, 0.5, 1, 2, 5],
    jitterMs: [0, 0.05, 0.2, 1, 3],
    loss: 0,
    duplication: 0,
    reordering: 0,
    bytesPerSecond: 125_000_000,
  },
  wifi: {
    latencyMs: [4, 12, 30, 60, 120],
    jitterMs: [0, 1, 6, 30, 120],
    loss: 0.002,
    duplication: 0.0005,
    reordering: 0.002,
    bytesPerSecond: 6_000_000,
  },
  cellular: {
    latencyMs: [20, 40, 80, 150, 250],
    jitterMs: [0, 8, 30, 120, 400],
    loss: 0.01,
    duplication: 0.001,
    reordering: 0.01,
    bytesPerSecond: 1_500_000,
  },
  satellite: {
    latencyMs: [25, 45, 300, 320, 350],
    jitterMs: [0, 5, 25, 80, 250],
    loss: 0.01,
    duplication: 0.001,
    reordering: 0.005,
    bytesPerSecond: 2_500_000,
  },
  lossy: {
    latencyMs: [30, 80, 160, 300, 500],
    jitterMs: [0, 20, 100, 400, 1_000],
    loss: 0.1,
    duplication: 0.02,
    reordering: 0.1,
    bytesPerSecond: 250_000,
  },
};

/** Where the lines of {@link Quantiles} meet. */
const STEPS = [0, 0.5, 0.9, 0.99, 1] as const;
/** Silence after which a sender takes a packet for lost, beyond a round trip (RFC 9002 §6.2: max_ack_delay), ms. */
const RETRANSMIT_AFTER_MS = 25;
/** A stream that lost as many times in a row is as good as cut; its link will time out. */
const RETRANSMISSIONS_MAX = 10;

/** A number of that distribution. */
export function sampleQuantiles(quantiles: Quantiles, random: Random): number {
  return quantile(quantiles, random.number());
}

/** What so large a part of the distribution is below of, 0 to 1. */
function quantile(quantiles: Quantiles, part: number): number {
  if (part < 0.5) return quantiles[0] + (quantiles[1] - quantiles[0]) * part * 2;
  let i = 2;
  while (part >= STEPS[i]! && i < STEPS.length - 1) i++;
  const from = quantiles[i - 1]!, start = STEPS[i - 1]!;
  return from + (quantiles[i]! - from) * (part - start) / (STEPS[i]! - start);
}

/** One way from one host to another, with a latency of its own. */
export class LinkPath {
  /** One way, ms; what each message at least takes. */
  readonly latencyMs: number;
  readonly #profile: LinkProfile;
  readonly #random: Random;

  constructor(profile: LinkProfile, random: Random) {
    this.#profile = profile;
    this.#random = random;
    this.latencyMs = sampleQuantiles(profile.latencyMs, random);
  }

  /** How long a message on a stream takes, ms: what is lost is sent again. Its order is the caller's to keep. */
  stream(bytes = 0): number {
    const { loss } = this.#profile, part = this.#random.number();
    if (part >= loss) return this.#once(bytes, (part - loss) / (1 - loss)); // one draw for most messages
    let delayMs = this.#once(bytes, this.#random.number());
    let waitMs = 2 * this.latencyMs + RETRANSMIT_AFTER_MS;
    for (let i = 0; i < RETRANSMISSIONS_MAX; i++) {
      delayMs += waitMs;
      waitMs *= 2; // RFC 9002 §6.2.1: the probe timeout doubles
      if (this.#random.number() >= loss) break;
    }
    return delayMs;
  }

  /** When the copies of a datagram arrive, ms from now: none where it is lost, two where it is doubled. */
  datagram(bytes = 0): readonly number[] {
    const { loss, duplication, reordering } = this.#profile, random = this.#random;
    if (loss > 0 && random.number() < loss) return [];
    const isOvertaken = reordering > 0 && random.number() < reordering;
    const delayMs = this.#once(bytes, random.number()) + (isOvertaken ? this.latencyMs : 0);
    return duplication > 0 && random.number() < duplication
      ? [delayMs, delayMs + this.#once(bytes, random.number())]
      : [delayMs];
  }

  #once(bytes: number, part: number): number {
    const { jitterMs, bytesPerSecond } = this.#profile;
    return this.latencyMs + quantile(jitterMs, part) + bytes * 1_000 / bytesPerSecond;
  }
}

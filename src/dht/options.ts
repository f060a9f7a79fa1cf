/** Settings of the hash table: Kademlia's (Maymounkov and Mazières, 2002) and the bounds. @module */

import type { Random } from "../base/random.ts";

/** How lookups go. */
export interface LookupOptions {
  /** How many of the closest nodes must have answered. */
  readonly closestCount: number;
  /** Queries in flight. */
  readonly parallel: number;
  /** Ways that do not hear of each other, so that nodes that name only one another take over one of them at most. */
  readonly paths: number;
  /** How many of the closest that a path knows must have answered for it to end. */
  readonly pathClosestCount: number;
  /** Nodes that are further than so many links away are not asked. */
  readonly roundsMax: number;
  /** A bound for nodes that make up others. */
  readonly queriesMax: number;
}

/** What a holder keeps at most. */
export interface HolderLimits {
  readonly recordsPerKeyMax: number;
  readonly recordsPerNodeMax: number;
  readonly recordsMax: number;
  readonly recordBytesMax: number;
  readonly replyBytesMax: number;
}

/** Settings of a core. */
export interface DhtOptions extends LookupOptions, HolderLimits {
  /** This node's id, 32 bytes. */
  readonly node: Uint8Array;
  readonly random: Random;
  readonly queryTimeoutMs: number;
  /** A node that has not answered so long does not hold up others any more. */
  readonly slowAfterMs: number;
  /** The whole of a lookup: so many rounds of nodes that do not answer. */
  readonly lookupTimeoutMs: number;
  /** How long an edge waits for what its hub finds out. */
  readonly hubTimeoutMs: number;
  readonly upkeepEveryMs: number;
  /** The oldest of a bucket is probed where nothing was heard of it, and none of the bucket probed, for so long. */
  readonly probeEveryMs: number;
  /** A bucket in whose range nothing was looked for so long is refreshed. */
  readonly refreshAfterMs: number;
  /** After the join our neighbours are looked for again: after so long, then four times as long, and so on. */
  readonly rejoinAfterMs: number;
  /** Paths of a lookup for ourselves: who is led astray then stays unknown to its neighbours. */
  readonly joinPaths: number;
  /** How many of the closest must have answered in the lookups that only fill buckets. */
  readonly refreshClosestCount: number;
  /** A bucket with so many nodes is not filled after a join: it fills as time goes by. */
  readonly refreshEnough: number;
  /** At once; others wait. */
  readonly lookupsMax: number;
  readonly lookupsWaitingMax: number;
  /** For one edge, at once. */
  readonly lookupsPerLinkMax: number;
  readonly publicationsMax: number;
  /** Pages asked of one holder: 16 of 64 KiB is what the records of one key take. */
  readonly pagesMax: number;
  /** Records handed to one newcomer; what is left comes by renewal. */
  readonly handOverMax: number;
  /** Of the holders behind a newcomer so many hand over, so that one may fail. */
  readonly handOverRanks: number;
  /** Records that one lookup collects. */
  readonly recordsFoundMax: number;
}

/** Of DESIGN sections 8 and 9 and Kademlia's paper; the others are guesses to be measured. */
export const DHT_DEFAULTS: Omit<DhtOptions, "node" | "random"> = {
  closestCount: 20, // k, paper section 2.2
  parallel: 3, // alpha, paper section 2.3
  paths: 5, // with 10 % liars in 2,000 nodes, 3 paths of 3 lose 9 % of the lookups, 5 of 6 less than 1 %
  pathClosestCount: 6,
  roundsMax: 20,
  queriesMax: 160,
  queryTimeoutMs: 2_000,
  slowAfterMs: 500, // most answer within a round trip; with half of the nodes dead, lookups take a third of the time
  lookupTimeoutMs: 40_000,
  hubTimeoutMs: 10_000,
  upkeepEveryMs: 60_000,
  probeEveryMs: 300_000,
  refreshAfterMs: 3_600_000, // paper section 2.3
  rejoinAfterMs: 10_000, // without it, 20 hubs that join within 4 s over slow links know a third of each other
  joinPaths: 8,
  refreshClosestCount: 3,
  refreshEnough: 8,
  lookupsMax: 64,
  lookupsWaitingMax: 20_000,
  lookupsPerLinkMax: 64,
  publicationsMax: 20_000,
  pagesMax: 16,
  handOverMax: 1_000,
  handOverRanks: 3,
  recordsPerKeyMax: 1_000,
  recordsPerNodeMax: 10_000,
  recordsMax: 200_000,
  recordBytesMax: 128 << 20,
  replyBytesMax: 64 << 10,
  recordsFoundMax: 4_000,
};

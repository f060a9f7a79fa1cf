/** What a simulation is made with, and the drawing of settings from a seed. @module */

import { type Random, randomInteger } from "../base/random.ts";
import type { DhtOptions } from "../dht/mod.ts";
import type { CoreMakers } from "./nodes/cores.ts";
import { LINK_PROFILES, type LinkProfile, type LinkProfileName } from "./link_profile.ts";
import type { Checker } from "./checkers/checker.ts";
import type { CoreName } from "./nodes/passage.ts";

/** What a simulation is made with. All is optional but nothing is drawn from the clock: no seed is the seed "0". */
export interface SimulationOptions {
  /** The same seed and options give the same history. Default "0". */
  readonly seed?: string;
  /** Hubs that are there when `simulate` returns. Default 8. */
  readonly nodes?: number;
  /** Edges that are there, each attached to a hub. Default 0. */
  readonly edges?: number;
  /** How the nodes are connected; several are given out in turn. Default `wifi`. */
  readonly profile?: LinkProfileName | LinkProfile | readonly (LinkProfileName | LinkProfile)[];
  /** Clocks are wrong by at most so much, ms. Default 0. */
  readonly skewMs?: number;
  /** Clocks are too fast or too slow by at most so much, parts per million. Default 0. */
  readonly driftPpm?: number;
  /** Between two hubs that join, ms of virtual time. Default 200. */
  readonly joinEveryMs?: number;
  /** Links that a node has at once. Default 1,000. */
  readonly linksMax?: number;
  /** Which protocols the nodes run. Default all. */
  readonly cores?: readonly CoreName[];
  /**
   * `wire`: messages are encoded and decoded, records really signed and verified. `objects`: messages are handed over,
   * and records come from a list: some ten times as fast. Default `wire`.
   */
  readonly fidelity?: "wire" | "objects";
  /** Messages of the hash table get lost, doubled and overtaken, as if there were no streams. Default false. */
  readonly unreliable?: boolean;
  /** Links have ids of their own instead of those of their nodes. Default true; false saves memory. */
  readonly linkIds?: boolean;
  /** Settings of the hash table. */
  readonly dht?: Partial<DhtOptions>;
  /** What must always hold; default: all rules of `checkers.ts`. */
  readonly checkers?: readonly Checker[];
  /** Other cores in the place of those of production. */
  readonly make?: CoreMakers;
}

/** Bounds of what is asked for. */
const NODES_MAX = 100_000;

/** All options with their values. */
export interface Settings extends Required<Omit<SimulationOptions, "profile" | "checkers">> {
  readonly profiles: readonly LinkProfile[];
}

/** The options with their defaults; throws `RangeError` for what cannot be. */
export function settingsOf(options: SimulationOptions): Settings {
  const { nodes = 8, edges = 0, profile = "wifi" } = options;
  for (const [name, value] of [["nodes", nodes], ["edges", edges]] as const) {
    if (Number.isInteger(value) && value >= 0 && value <= NODES_MAX) continue;
    throw new RangeError(`Cannot simulate: ${name} must be a whole number up to ${NODES_MAX}, got ${value}`);
  }
  if (edges > 0 && nodes === 0) {
    throw new RangeError(`Cannot simulate: ${edges} edges need a hub, got 0 nodes`);
  }
  const profiles = (Array.isArray(profile) ? profile : [profile]) as (LinkProfileName | LinkProfile)[];
  return {
    seed: options.seed ?? "0",
    nodes,
    edges,
    profiles: profiles.map(profileOf),
    skewMs: options.skewMs ?? 0,
    driftPpm: options.driftPpm ?? 0,
    joinEveryMs: options.joinEveryMs ?? 200,
    linksMax: options.linksMax ?? 1_000,
    cores: options.cores ?? ["dht", "pubsub", "rpc"] as const,
    fidelity: options.fidelity ?? "wire",
    unreliable: options.unreliable ?? false,
    linkIds: options.linkIds ?? true,
    dht: options.dht ?? {},
    make: options.make ?? {},
  };
}

function profileOf(profile: LinkProfileName | LinkProfile): LinkProfile {
  if (typeof profile !== "string") return profile;
  if (Object.hasOwn(LINK_PROFILES, profile)) return LINK_PROFILES[profile];
  const names = Object.keys(LINK_PROFILES).join(", ");
  throw new RangeError(`Cannot simulate: a profile is one of ${names}, got ${JSON.stringify(profile)}`);
}

/** Settings drawn from a stream, to try what nobody has thought of. */
export function drawSettings(random: Random): Required<
  Pick<
    SimulationOptions,
    "nodes" | "edges" | "profile" | "skewMs" | "driftPpm" | "fidelity" | "unreliable" | "linkIds" | "linksMax" | "dht"
  >
> {
  const names = Object.keys(LINK_PROFILES) as LinkProfileName[];
  const oneOf = <T>(...values: readonly T[]) => values[randomInteger(random, values.length)]!;
  const profile = oneOf<LinkProfileName[]>(...names.map((name) => [name]), names, ["lan", "lossy"]);
  return {
    nodes: 3 + randomInteger(random, 30),
    edges: 1 + randomInteger(random, 12),
    profile,
    skewMs: oneOf(0, 0, 100, 2_000),
    driftPpm: oneOf(0, 0, 50, 500),
    fidelity: oneOf("wire", "objects", "objects"),
    unreliable: oneOf(false, true),
    linkIds: oneOf(false, true),
    linksMax: oneOf(16, 64, 1_000), // with fewer than the queries in flight, links end that are waited on
    dht: {
      closestCount: oneOf(4, 8, 20),
      paths: oneOf(1, 3, 5),
      parallel: oneOf(1, 3, 5),
      upkeepEveryMs: oneOf(10_000, 60_000),
      refreshAfterMs: oneOf(60_000, 3_600_000),
    },
  };
}

/** Settings of the RPC core. @module */

import type { Random } from "../base/random.ts";
import type { ProcedureLimits } from "./announcements.ts";

/** How often a call is passed on from hub to hub at most, unless its caller allows less. */
export const HOPS_MAX = 10;

/** Settings of the core. */
export interface RpcOptions extends ProcedureLimits {
  /** Whether this node passes on calls between its links. */
  readonly hub: boolean;
  /** This node's id, 32 bytes. */
  readonly node: Uint8Array;
  readonly random: Random;
  /** Whether somebody answers this hub's questions about the mesh; without, it knows only its own links. */
  readonly directory: boolean;
  /** Casts that wait for a provider to be found; more are lost. */
  readonly castsWaitingMax: number;
  /** How often a call is passed on from hub to hub at most. */
  readonly hopsMax: number;
  readonly callsPerLinkMax: number;
  /** How much longer than the caller a hub remembers a call, ms. */
  readonly relayGraceMs: number;
}

/** The defaults. */
export const RPC_DEFAULTS: Omit<RpcOptions, "hub" | "node" | "random"> = {
  proceduresPerLinkMax: 1_000,
  proceduresMax: 1_000_000,
  metadataBytesMax: 4_096,
  callsPerLinkMax: 10_000,
  relayGraceMs: 1_000,
  directory: false,
  castsWaitingMax: 1_000,
  hopsMax: HOPS_MAX,
};

/** Settings of the RPC core. @module */

import type { Random } from "../base/random.ts";
import type { ProcedureLimits } from "./announcements.ts";

/** Settings of the core. */
export interface RpcOptions extends ProcedureLimits {
  /** Whether this node passes on calls between its links. */
  readonly hub: boolean;
  /** This node's id, 32 bytes. */
  readonly node: Uint8Array;
  readonly random: Random;
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
};

/** The options of a world. @module */

import type { ConnectOptions } from "../edge/connect.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { StartGatewayOptions } from "../gateway/start.ts";
import type { Logger } from "../mesh/options.ts";
import type { GatewayLimits } from "../node/limits.ts";
import type { LinkProfile, LinkProfileName } from "../simulation/link_profile.ts";

/** Options of `simulateMesh`. */
export interface SimulateMeshOptions {
  /** Everything that is drawn is drawn from it: the same seed, the same run. Default 1. */
  readonly seed?: number | string | undefined;
  /** Gateways that are there from the start. Default 1. */
  readonly gateways?: number | undefined;
  /** The network of every node that has none of its own. Default `lan`. */
  readonly profile?: LinkProfileName | LinkProfile | undefined;
  /** Default `org.example.test`. */
  readonly realm?: string | undefined;
  /** Who may join. Default `open`. */
  readonly admission?: StartGatewayOptions["admission"];
  /** Bounds of the gateways that differ from the defaults. */
  readonly limits?: Partial<GatewayLimits> | undefined;
  /** Takes what the nodes have to say; default nobody. */
  readonly logger?: Logger | undefined;
  /** What may happen in one `advance`, `until` or `run`, at most: a program that never rests is told so. Default 10,000,000. */
  readonly eventsMax?: number | undefined;
}

/** What every node of a world may be given. */
export interface PlaceOptions {
  /** Its host's name, new in this world. Default `gateway-0`, `edge-0`, … */
  readonly name?: string | undefined;
  /** How its host is connected. Default that of the world. */
  readonly profile?: LinkProfileName | LinkProfile | undefined;
  /** How far its clock is ahead of the others', ms; negative: behind. Default 0. */
  readonly skew?: number | undefined;
}

/** Options of `World.connect`: those of `connect`, and where the edge is. */
export interface WorldConnectOptions extends PlaceOptions, Omit<ConnectOptions, "runtime"> {
  /** Whom it attaches to, the first that answers. Default the first gateway. */
  readonly to?: Gateway | readonly Gateway[] | undefined;
}

/** Options of `World.startGateway`: those of `startGateway` that make sense in memory. */
export interface WorldGatewayOptions
  extends PlaceOptions, Partial<Omit<StartGatewayOptions, "runtime" | "listen" | "hostname" | "http" | "tls">> {}

/** Options of `until` and `run`. */
export interface WaitOptions {
  /** Virtual milliseconds after which it rejects. */
  readonly within?: number | undefined;
  /** What is waited for, for the error. Default the function's own text. */
  readonly what?: string | undefined;
}

/** Options of `World.partition`. */
export interface PartitionOptions {
  /** Nothing gets from the first to the others, while the way back is open. Default both ways. */
  readonly oneWay?: boolean | undefined;
}

/** Options of `World.restart`. */
export interface RestartOptions {
  /** Whether what the node had kept beside its key is still there. Default `kept`. */
  readonly state?: "kept" | "lost" | undefined;
}

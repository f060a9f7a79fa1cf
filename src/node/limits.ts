/** The bounds of a node and their defaults (DESIGN section 9). @module */

import { DHT_DEFAULTS } from "../dht/options.ts";
import type { LinkLimits } from "../link/link_table.ts";
import { PUBSUB_DEFAULTS } from "../pubsub/core.ts";
import { RPC_DEFAULTS } from "../rpc/options.ts";
import { FRAME_BYTES_DEFAULT } from "../wire/mod.ts";

/** Bounds that a gateway's operator may change. */
export interface GatewayLimits {
  /** Edges that are served at once. Default 10,000. */
  readonly clientsMax: number;
  /** Largest frame, header included, bytes. Default 1 MiB, at most 16 MiB. */
  readonly frameBytesMax: number;
  /** Patterns of one edge. Default 10,000. */
  readonly subscriptionsPerClientMax: number;
  /** Frames that one edge may send in a second on average; over it reading from it pauses. Default 1,000,000. */
  readonly framesPerClientPerSecond: number;
  /** Bytes that one edge may send in a second on average, likewise. Default 1 GiB. */
  readonly bytesPerClientPerSecond: number;
  /** Patterns of all edges. Default 1,000,000. */
  readonly subscriptionsMax: number;
  /** Connections without welcome. Default 1,000. */
  readonly unwelcomedMax: number;
  /** Bytes that wait for one slow edge before QoS 0 events for it are dropped. Default 8 MiB. */
  readonly queueBytesMax: number;
  /** New connections of one address per second, on average. Default 50. */
  readonly perAddressPerSecond: number;
  /** New connections of one address at once. Default 2,000. */
  readonly perAddressBurst: number;
}

/** The defaults of a gateway. */
export const GATEWAY_LIMITS: GatewayLimits = {
  clientsMax: 10_000,
  frameBytesMax: FRAME_BYTES_DEFAULT,
  subscriptionsPerClientMax: PUBSUB_DEFAULTS.subscriptionsPerLinkMax,
  framesPerClientPerSecond: 1_000_000,
  bytesPerClientPerSecond: 1 << 30,
  subscriptionsMax: PUBSUB_DEFAULTS.subscriptionsMax,
  unwelcomedMax: 1_000,
  queueBytesMax: 8 << 20,
  perAddressPerSecond: 50,
  perAddressBurst: 2_000,
};

/** Over so many bytes in one queue, those who can wait do. */
const WAIT_BYTES = 256 << 10;

/** The settings of a hub's links and cores. */
export function hubSettings(limits: GatewayLimits) {
  const { queueBytesMax, subscriptionsPerClientMax, subscriptionsMax } = limits;
  const queue = {
    waitBytes: Math.min(WAIT_BYTES, queueBytesMax),
    dropBytes: queueBytesMax,
    closeBytes: 2 * queueBytesMax,
  };
  return {
    limits: { ...limits, queue } satisfies LinkLimits,
    pubsub: { ...PUBSUB_DEFAULTS, subscriptionsPerLinkMax: subscriptionsPerClientMax, subscriptionsMax },
    rpc: RPC_DEFAULTS,
    dht: DHT_DEFAULTS,
  };
}

/** The settings of an edge: nothing that it was given is dropped; who publishes waits. */
export function edgeSettings() {
  const queue = { waitBytes: WAIT_BYTES, dropBytes: Infinity, closeBytes: Infinity };
  const limits: LinkLimits = { ...GATEWAY_LIMITS, clientsMax: 0, queue };
  return { limits, pubsub: PUBSUB_DEFAULTS, rpc: RPC_DEFAULTS, dht: DHT_DEFAULTS };
}

/** What a node is made with, what it tells, and the defaults of its bounds (DESIGN section 9). @module */

import type { Failure } from "../base/protocol.ts";
import type { RecordEvent } from "../dht/messages.ts";
import type { DhtOptions } from "../dht/options.ts";
import type { AuditSink } from "../link/admission/audit.ts";
import type { OutgoingBudget } from "../link/budget.ts";
import type { Self } from "../link/handshake.ts";
import type { Link, LinkEnd } from "../link/link.ts";
import type { ReachOptions } from "../link/reach/reach.ts";
import type { PubsubOptions } from "../pubsub/core.ts";
import type { PubsubEvent, RoomFor } from "../pubsub/messages.ts";
import type { RpcEvent } from "../rpc/messages.ts";
import type { RpcOptions } from "../rpc/options.ts";
import type { DirectoryLimits } from "./directory/directory.ts";
import type { Runtime } from "./runtime.ts";
import type { Strangers } from "./strangers.ts";
import { DHT_DEFAULTS } from "../dht/options.ts";
import type { LinkLimits } from "../link/link_table.ts";
import { PUBSUB_DEFAULTS } from "../pubsub/core.ts";
import { RPC_DEFAULTS } from "../rpc/options.ts";
import { FRAME_BYTES_DEFAULT, type Message } from "../wire/mod.ts";

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
  /** Topics of which the hub keeps a retained event; one publisher may have a quarter. Default 10,000. */
  readonly retainedTopicsMax: number;
  /** Bytes of retained events, likewise. Default 16 MiB. */
  readonly retainedBytesMax: number;
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
  retainedTopicsMax: PUBSUB_DEFAULTS.retained.retainedTopicsMax,
  retainedBytesMax: PUBSUB_DEFAULTS.retained.retainedBytesMax,
  unwelcomedMax: 1_000,
  queueBytesMax: 8 << 20,
  perAddressPerSecond: 50,
  perAddressBurst: 2_000,
};

/** How long a call that others may serve, too, waits for one hub to be dialled, ms, and which part of its own time. */
const CALL_DIAL_MS_MAX = 1_000, CALL_DIAL_PART = 1 / 4;

/** How long a message may wait for a dial before it is taken back, ms; undefined: as long as that takes. */
export function dialPatienceMs(message: Message): number | undefined {
  if (message.kind !== "rpcRequest" || (message.targetHub ?? message.targetNode) !== undefined) return undefined;
  return Math.min(CALL_DIAL_MS_MAX, CALL_DIAL_PART * (message.deadlineMs ?? Infinity));
}

/** Over so many bytes in one queue, those who can wait do. */
const WAIT_BYTES = 256 << 10;

/** The settings of a hub's links and cores. */
export function hubSettings(limits: GatewayLimits) {
  const { queueBytesMax, subscriptionsPerClientMax, subscriptionsMax, retainedTopicsMax, retainedBytesMax } = limits;
  const retained = { ...PUBSUB_DEFAULTS.retained, retainedTopicsMax, retainedBytesMax };
  const queue = {
    waitBytes: Math.min(WAIT_BYTES, queueBytesMax),
    dropBytes: queueBytesMax,
    closeBytes: 2 * queueBytesMax,
  };
  return {
    limits: { ...limits, queue } satisfies LinkLimits,
    pubsub: { ...PUBSUB_DEFAULTS, subscriptionsPerLinkMax: subscriptionsPerClientMax, subscriptionsMax, retained },
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

/** What the application above a node hears of. */
export interface NodeListener {
  pubsub(event: PubsubEvent): void;
  /** Absent: always. */
  readonly hasRoom?: RoomFor;
  rpc(event: RpcEvent): void;
  dht(event: RecordEvent): void;
  linkUp(link: Link): void;
  linkDown(link: Link, end: LinkEnd): void;
  goingAway(link: Link, reason: string): void;
  /** The hub refused something for which nobody waits. */
  refused(failure: Failure): void;
}

/** What a node is made with. */
export interface NodeOptions {
  readonly self: Self;
  readonly runtime: Runtime;
  readonly limits: LinkLimits;
  readonly budget: OutgoingBudget;
  readonly pubsub: Omit<PubsubOptions, "hub" | "node" | "directory">;
  readonly rpc: Omit<RpcOptions, "hub" | "node" | "random" | "directory">;
  readonly dht: Omit<DhtOptions, "node" | "random">;
  /** How nodes are reached that we have no link to. */
  readonly reach?: Pick<ReachOptions<unknown>, "caCerts" | "limits" | "pool">;
  readonly audit?: AuditSink | undefined;
  /** Bounds of what a hub states in the hash table and remembers of it. */
  readonly directory?: Partial<DirectoryLimits>;
  readonly listener: NodeListener;
  /** Serves nodes that do not speak `mesh/1`; absent: nobody does. */
  readonly strangers?: Strangers | undefined;
}

/** The options and answers of the public handle. @module */

import type { Labels, NodeId } from "../identity/mod.ts";
import type { Link } from "../link/link.ts";
import type { Node } from "../node/node.ts";
import { formatEndpoint } from "../names/mod.ts";
import type { Strategy } from "../rpc/selection.ts";

/** Where a mesh stands with the network. */
export type Status = "connecting" | "connected" | "degraded" | "draining" | "closed";

/** Takes what a mesh has to say; a library never prints. */
export interface Logger {
  /** What helps to find a fault. */
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** What an operator wants to know. */
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** What is not as it should be, and goes on. */
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** What has failed. */
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** Says nothing. */
export const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** What every operation takes. */
export interface CommonOptions {
  /** Gives up; the operation rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of `publish`. */
export interface PublishOptions extends CommonOptions {
  /** 0: handed to the link. 1 or 2: taken by the hub, and repeated after a reconnect until it is. Default 0. */
  readonly qos?: 0 | 1 | 2 | undefined;
  /** Wait for the hub's answer also at QoS 0. */
  readonly acknowledge?: boolean | undefined;
  /**
   * The hub keeps it as the last event of its topic, for subscriptions that begin later (`event.retained`). One without
   * data, `undefined` or no bytes, deletes it.
   */
  readonly retain?: boolean | undefined;
  /**
   * Adds this node's own signature, for receivers that trust no hub (`event.proof` is then `signature`): 13 microseconds
   * here, 25 at each receiver, and 96 bytes.
   */
  readonly sign?: boolean | undefined;
  /** Goes beside the payload: texts. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** What `publish` resolves with. */
export interface Published {
  /** 32 hexadecimal digits. */
  readonly id: string;
  /** The subscribing links that the hub handed the event to; undefined where no answer was asked for. */
  readonly recipients: number | undefined;
}

/** Options of `call`. */
export interface CallOptions extends CommonOptions {
  /** How long to wait for the answer, ms. Default 5,000. */
  readonly timeout?: number | undefined;
  /** Which of several providers is chosen. Default `local_first`. */
  readonly strategy?: Strategy | undefined;
  /** How often the call may be passed on from hub to hub: 0 is no further than the hub of this node. Default 10. */
  readonly hops?: number | undefined;
}

/** Options of `drain`. */
export interface DrainOptions extends CommonOptions {
  /** How long to wait for what runs, ms. Default 10,000. */
  readonly timeout?: number | undefined;
}

/** Default of `timeout` of `drain`, ms. */
export const DRAIN_MS = 10_000;

/** Options of `discover` and `discoverSubscribers`. */
export interface DiscoverOptions extends CallOptions {
  /** Ask all who may know, instead of remembering for up to a minute who they named. */
  readonly fresh?: boolean | undefined;
}

/** A provider of a procedure, as `discover` tells. */
export interface ProviderInfo {
  /** The provider's id. */
  readonly node: NodeId;
  /** The hub that it is attached to, or that it is. */
  readonly hub?: NodeId;
  /** What it advertised beside the name. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /** What it says of itself (`labels` of `connect`); absent where that is nothing. */
  readonly labels?: Labels;
}

/** A member of the realm, as the hub sees it. */
export interface MemberInfo {
  /** Its id. */
  readonly node: NodeId;
  /** Whether it serves others. */
  readonly role: "hub" | "edge";
  /** What it says of itself (`labels` of `connect`); absent where that is nothing. */
  readonly labels?: Labels;
}

/** A link of this node. */
export interface LinkInfo {
  /** Names the link at this node. */
  readonly id: string;
  /** The proven id of the other end. */
  readonly node: NodeId;
  /** What the other end is. */
  readonly role: "hub" | "edge";
  /** `host:port` where it was seen. */
  readonly remote: string;
  /** Last measured round trip, ms. */
  readonly rtt: number | undefined;
  /** Outgoing bytes that wait. */
  readonly queued: number;
  /** When it was established, ms. */
  readonly since: number;
}

/** Counters since the start. */
export interface Stats {
  /**
   * Frames `sent` and `received`. Events that a hub `dropped`: for edges that read too slowly, and those that waited for
   * one whose link was lost. Events of an edge that are `unconfirmed`: acknowledged ones that no hub confirmed, those
   * that waited for a link that was lost, or for one when the mesh was closed.
   */
  readonly messages: {
    readonly sent: number;
    readonly received: number;
    readonly dropped: number;
    readonly unconfirmed: number;
  };
  /** Bytes of frames. */
  readonly bytes: { readonly sent: number; readonly received: number };
  /** Links now. */
  readonly links: number;
  /** Links that others dialled. */
  readonly clients: number;
  /** Newcomers turned away, and what was refused to others or to us, by code. */
  readonly refused: Readonly<Record<string, number>>;
  /** Interests held, for links and this node together. */
  readonly subscriptions: number;
  /** Procedures that this node serves. */
  readonly services: number;
  /** Calls made or passed on, and not answered. */
  readonly pendingCalls: number;
  /** Records that a hub holds for the mesh; absent at an edge. */
  readonly records?: number;
  /** Hubs that a hub knows; absent at an edge. */
  readonly routingTable?: number;
  /** Messages for the hash table that a hub dropped, as too many waited to be verified; absent at an edge. */
  readonly unverified?: number;
  /** What a hub remembers of others' records; absent at an edge. */
  readonly caches?: { readonly size: number; readonly hits: number; readonly misses: number };
  /** Topics of which a hub keeps the last retained event, and bytes of all; absent at an edge. */
  readonly retained?: { readonly topics: number; readonly bytes: number };
  /** ms. */
  readonly uptime: number;
}

/** Default of `timeout` of a call, ms. */
export const CALL_TIMEOUT_MS = 5_000;

/** The counters of a node, with those that its application's handle keeps. */
export function statsOf(
  node: Node,
  { unconfirmed, services, uptime }: Pick<Stats, "services" | "uptime"> & { readonly unconfirmed: number },
): Stats {
  const { sent, received, dropped, lost, bytesSent, bytesReceived } = node.traffic();
  const { subscriptions, retained } = node.events, directory = node.directory?.state;
  // A hub's own events reach their hub: itself. What it loses was for others.
  const [lostForOthers, lostOfOurs] = directory === undefined ? [0, lost] : [lost, 0];
  return {
    messages: { sent, received, dropped: dropped + lostForOthers, unconfirmed: unconfirmed + lostOfOurs },
    bytes: { sent: bytesSent, received: bytesReceived },
    links: node.links.size,
    clients: node.links.clients,
    refused: Object.fromEntries(node.trust.refused),
    subscriptions,
    services,
    pendingCalls: node.pendingCalls,
    ...node.hashTable,
    ...retained === undefined ? {} : { retained },
    ...directory === undefined ? {} : { caches: directory.cache },
    uptime,
  };
}

/** What is told of a link. */
export function linkInfo(link: Link): LinkInfo {
  return {
    id: link.id,
    node: link.peer.node,
    role: link.peer.role,
    remote: formatEndpoint(link.remote),
    rtt: link.rttMs,
    queued: link.queuedBytes,
    since: link.since,
  };
}

/** The options and answers of the public handle. @module */

import type { NodeId } from "../identity/mod.ts";
import type { Strategy } from "../rpc/selection.ts";

/** Where a mesh stands with the network. */
export type Status = "connecting" | "connected" | "degraded" | "draining" | "closed";

/** Takes what a mesh has to say; a library never prints. */
export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

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
}

/** A provider of a procedure, as `discover` tells. */
export interface ProviderInfo {
  readonly node: NodeId;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

/** A member of the realm, as the hub sees it. */
export interface MemberInfo {
  readonly node: NodeId;
  readonly role: "hub" | "edge";
}

/** A link of this node. */
export interface LinkInfo {
  readonly id: string;
  readonly node: NodeId;
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
  readonly messages: {
    readonly sent: number;
    readonly received: number;
    readonly dropped: number;
    readonly unconfirmed: number;
  };
  readonly bytes: { readonly sent: number; readonly received: number };
  readonly links: number;
  readonly clients: number;
  /** Newcomers turned away, by code. */
  readonly refused: Readonly<Record<string, number>>;
  /** Interests held, for links and this node together. */
  readonly subscriptions: number;
  readonly services: number;
  readonly pendingCalls: number;
  /** ms. */
  readonly uptime: number;
}

/** Default of `timeout` of a call, ms. */
export const CALL_TIMEOUT_MS = 5_000;

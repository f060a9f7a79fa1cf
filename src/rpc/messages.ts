/** What the RPC core is told and what it tells. @module */

import type { CommandId, Failure, Peer } from "../base/protocol.ts";
import type { Procedure } from "../names/mod.ts";
import type { Advertise, AdvertiseAck, Cast, RpcCancel, RpcReply, RpcRequest, Unadvertise } from "../wire/mod.ts";
import type { Strategy } from "./selection.ts";

/** The wire messages of this core. */
export type RpcMessage = RpcRequest | RpcReply | RpcCancel | Cast | Advertise | Unadvertise | AdvertiseAck;

/** A handler of this node's own application. */
export type RegistrationId = number;

/** One run of a handler. */
export type InvocationId = number;

/** What the application asks for. */
export type RpcCommand =
  /** Answered when the mesh knows. */
  | {
    readonly type: "advertise";
    readonly registration: RegistrationId;
    readonly procedure: Procedure;
    /** Calls that this handler runs at once; more are refused as `overloaded`. */
    readonly concurrency: number;
    /** JSON. */
    readonly metadata?: string;
  }
  | { readonly type: "unadvertise"; readonly registration: RegistrationId }
  /** Answered with an `Outcome`. */
  | { readonly type: "call"; readonly request: RpcRequest; readonly timeoutMs: number; readonly strategy: Strategy }
  /** Answered when it was handed over. */
  | { readonly type: "cast"; readonly cast: Cast }
  /** The application gave up waiting for `command`. */
  | { readonly type: "cancel"; readonly command: CommandId; readonly reason: string }
  /** A handler has finished. */
  | { readonly type: "handled"; readonly invocation: InvocationId; readonly outcome: Outcome | Failure }
  /** Answered with a `Provider[]`. */
  | { readonly type: "providers"; readonly procedure: string };

/** The result of a call: JSON text or plain bytes. */
export interface Outcome {
  readonly result: Uint8Array;
  readonly encoding: string;
}

/** Who serves a procedure: a link, or this node where `peer` is undefined. */
export interface Provider {
  readonly peer: Peer | undefined;
  readonly node: Uint8Array;
  readonly metadata?: string;
}

/** Look for calls that are overdue. Another `at` than that of the latest such timer: it is out of date. */
export interface RpcTimer {
  readonly type: "deadlines";
  /** When it is due, ms. */
  readonly at: number;
}

/** What the application gets to know. */
export type RpcEvent =
  /** Run a handler. A cast has no answer, but is told `handled` all the same. */
  | {
    readonly type: "invoke";
    readonly invocation: InvocationId;
    readonly registration: RegistrationId;
    readonly procedure: string;
    readonly args: Uint8Array;
    readonly encoding: string | undefined;
    readonly caller: Uint8Array;
    readonly deadlineMs: number | undefined;
  }
  /** Nobody waits for this run any more. */
  | { readonly type: "abort"; readonly invocation: InvocationId; readonly reason: string }
  /** The hub does not take this registration (any more). */
  | {
    readonly type: "registrationRefused";
    readonly registration: RegistrationId;
    readonly code: string;
    readonly text: string;
  };

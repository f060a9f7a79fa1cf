/** What the RPC core is told and what it tells. @module */

import type { Confirmation } from "../base/listing.ts";
import type { CommandId, Failure, Peer, Refusal } from "../base/protocol.ts";
import type { Procedure } from "../names/mod.ts";
import type {
  Advertise,
  AdvertiseAck,
  Cast,
  ErrorMessage,
  RpcCancel,
  RpcReply,
  RpcRequest,
  Unadvertise,
} from "../wire/mod.ts";
import type { Strategy } from "./selection.ts";

/** The wire messages of this core. */
export type RpcMessage =
  | RpcRequest
  | RpcReply
  | RpcCancel
  | Cast
  | Advertise
  | Unadvertise
  | AdvertiseAck
  | ErrorMessage;

/** A handler of this node's own application. */
export type RegistrationId = number;

/** Names a question for providers, so that its answer finds those who wait. */
export type SeekId = string;

/** One run of a handler. */
export type InvocationId = number;

/** What the application asks for. */
export type RpcCommand =
  /** Answered when the mesh knows: with a `Confirmation`, or nothing where nobody has told. */
  | {
    readonly type: "advertise";
    readonly registration: RegistrationId;
    readonly procedure: Procedure;
    /** Calls that this handler runs at once; more are refused as `overloaded`. */
    readonly concurrency: number;
    /** JSON. */
    readonly metadata?: string;
    /** How long the record of it holds unless it is renewed, ms; absent: 300 s. */
    readonly ttlMs?: number;
    /** Served to who asks this hub, and not told to others. */
    readonly unlisted?: boolean;
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
  | { readonly type: "providers"; readonly procedure: string }
  /** The hubs that serve a procedure, after `seek`; a remembered answer may be asked for afresh. No answer. */
  | {
    readonly type: "found";
    readonly seek: SeekId;
    /** Ids of hubs; this one's is passed over. */
    readonly hubs: readonly Uint8Array[];
    readonly remembered: boolean;
    /** Whether enough of those who may know have answered; else that there are none is not to be believed. */
    readonly complete: boolean;
  }
  /** Another hub takes long to dial: requests that wait for it have been taken back. No answer. */
  | { readonly type: "late"; readonly hub: Peer }
  /** How many keep the record that this hub serves a procedure, after `provided`. No answer. */
  | { readonly type: "recorded"; readonly procedure: string; readonly confirmation: Confirmation };

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

/** What a hub wants to know of the mesh, or the mesh to know of it. */
export type RpcQuestion =
  /** Which hubs serve this? Answered by `found`. */
  | {
    readonly type: "seek";
    readonly seek: SeekId;
    readonly procedure: string;
    /** What is remembered will not do. */
    readonly fresh: boolean;
    /** Somebody here could serve the call as well: it does not wait long. */
    readonly brief: boolean;
  }
  /** The hub was said to serve this, and does not, or is not there. */
  | { readonly type: "stale"; readonly procedure: string; readonly hub: Peer }
  /** Somebody here serves this from now on, or the record of it is to hold so long, ms. Answered by `recorded`. */
  | { readonly type: "provided"; readonly procedure: string; readonly ttlMs?: number }
  /** And nobody any more. */
  | { readonly type: "unprovided"; readonly procedure: string };

/** What the application gets to know. */
export type RpcEvent =
  | RpcQuestion
  /** Run a handler. A cast has no answer, but is told `handled` all the same. */
  | {
    readonly type: "invoke";
    readonly invocation: InvocationId;
    readonly registration: RegistrationId;
    readonly procedure: string;
    readonly args: Uint8Array;
    readonly encoding: string | undefined;
    readonly caller: Uint8Array;
    /** Nobody has proven that it is the caller. */
    readonly claimed?: boolean;
    /** Who brought it: a link, or a hub by its id; undefined for our own. */
    readonly from: Peer | undefined;
    /** By what it is known who calls; the node says. */
    proof?: "claimed" | "link" | "hub";
    readonly deadlineMs: number | undefined;
  }
  /** A peer called, cast or advertised what it may not. */
  | Refusal
  /** Nobody waits for this run any more. */
  | { readonly type: "abort"; readonly invocation: InvocationId; readonly reason: string }
  /** The hub has answered for every procedure that there was when we attached to it. */
  | { readonly type: "restored"; readonly hub: Peer }
  /** The hub does not take this registration (any more). */
  | {
    readonly type: "registrationRefused";
    readonly registration: RegistrationId;
    readonly code: string;
    readonly text: string;
  };

/** Lookups that run, and what they are for. @module */

import type { CommandId, Failure, Peer } from "../../base/protocol.ts";
import type { VerifiedRecord } from "../../identity/record.ts";
import type { Findings } from "./findings.ts";
import type { Lookup } from "../lookup.ts";
import type { Contact } from "../messages.ts";

/** Who waits for the outcome. */
export type Asker =
  | { readonly kind: "own"; readonly command: CommandId }
  /** An edge that asks through us. */
  | { readonly kind: "link"; readonly peer: Peer; readonly requestId: number | undefined; readonly page: number }
  | { readonly kind: "nobody" };

/** What a lookup is for. `fill`: only to get to know nodes. */
export type Purpose =
  | { readonly type: "findNode" | "join" | "fill" }
  | { readonly type: "findValue"; readonly quorum: number; readonly findings: Findings }
  | { readonly type: "store"; readonly record: VerifiedRecord };

/** A lookup and, for a store, what comes after it. */
export interface Query {
  readonly target: Uint8Array;
  readonly purpose: Purpose;
  asker: Asker;
  /** Undefined as long as it waits for others to end. */
  lookup: Lookup<Contact> | undefined;
  /** Undefined until the lookup has ended. */
  storing: Storing | undefined;
  done: boolean;
}

/** How far a store is. */
export interface Storing {
  asked: number;
  confirmed: number;
  /** Holders that have yet to answer, and those of them that take their time. */
  waiting: number;
  slow: number;
  /** Why the latest that refused did. */
  refusal: Failure | undefined;
}

/** A query that has not begun. */
export function newQuery(target: Uint8Array, purpose: Purpose, asker: Asker): Query {
  return { target, purpose, asker, lookup: undefined, storing: undefined, done: false };
}

/** A question to one node that was not answered yet. */
export interface Request {
  readonly contact: Contact;
  /** The link, or the node's id where there was none. */
  readonly sentTo: Peer;
  /** Undefined: only to see whether the node is alive. */
  readonly query: Query | undefined;
  /** For a store its key. */
  readonly storeKey: Uint8Array | undefined;
  /** For the values under a key: which page. */
  readonly page: number;
  /** It was not answered for a while. */
  isSlow: boolean;
}

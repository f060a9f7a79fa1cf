/** What a gate is made with, and the node behind it. @module */

import type { Timers } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import type { NodeId, Rights } from "../identity/mod.ts";
import type { ThrottleLimits } from "../link/admission/throttle.ts";
import type { PeerIdentity } from "../link/handshake.ts";
import type { Link } from "../link/link.ts";
import type { LinkTable } from "../link/link_table.ts";
import type { Address } from "../transport/transport.ts";
import type { Message, Publish, RpcReply, RpcRequest } from "../wire/mod.ts";

/** The node behind the gate. */
export interface GateNode {
  readonly links: LinkTable;
  /** Where it says that it is reached. */
  readonly address: () => Address;
  received(link: Link, message: Message): void;
  /**
   * Says it in the gateway's own name, where the realm asks for credentials and a client of the original has none; a call's
   * answer comes later.
   */
  readonly speak?: ((message: Publish | RpcRequest, by: NodeId) => Promise<RpcReply> | undefined) | undefined;
  /** A promise if it wants to be given less of a link for a moment; undefined: of what is said in its own name. */
  pause(filler: Link | undefined): Promise<void> | undefined;
  /** The nodes here that serve a procedure, clients of the original among them. */
  providers(procedure: string): Promise<readonly Uint8Array[]>;
  /** Whether anybody here wants events of a topic. */
  isWanted(topic: string): Promise<boolean>;
  /** What the records of other gateways say of a name. */
  recorded(name: string): Promise<Known>;
  /** The other gateways that serve such peers and know something: records say nothing of a key. Never rejects. */
  others(question: Question): Promise<readonly { readonly hub: Uint8Array; readonly known: Known }[]>;
}

/** What a gate is made with. */
export interface GateOptions {
  readonly self: PeerIdentity;
  readonly realm: string;
  readonly rights: Rights;
  readonly timers: Timers;
  readonly random: Random;
  readonly frameBytesMax: number;
  readonly throttle: ThrottleLimits;
  /** Takes what is worth a line in a log. */
  readonly log: (text: string, details: Readonly<Record<string, unknown>>) => void;
}

/** What gateways that serve peers of the original ask each other: about a procedure, or about a key, 64 hexadecimal digits. */
export interface Question {
  readonly procedure?: string | undefined;
  readonly key?: string | undefined;
}

/** The answer: whether the procedure is served there, and whether somebody wants the topic. */
export interface Known {
  readonly serves: boolean;
  readonly wants: boolean;
}

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
  /** A promise if it wants to be given less for a moment. */
  pause(): Promise<void> | undefined;
  /** The nodes here that serve a procedure, clients of the original among them; the gateway itself where only others do. */
  providers(procedure: string): Promise<readonly Uint8Array[]>;
  /** Whether anybody in the mesh wants events of a topic. */
  isWanted(topic: string): Promise<boolean>;
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

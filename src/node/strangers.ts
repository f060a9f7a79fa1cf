/** Nodes that do not speak `mesh/1`, where somebody serves them: the node tells what they need to know. @module */

import type { Door } from "../link/establish.ts";
import type { Link } from "../link/link.ts";
import type { PubsubCommand } from "../pubsub/messages.ts";
import type { RpcCommand } from "../rpc/messages.ts";
import type { Message } from "../wire/mod.ts";

/** Who serves such nodes; each is told before the core that it is for. */
export interface Strangers extends Door {
  /** A message of a link, or an event of this node. */
  heard(message: Message): void;
  /** A command of this node's application. */
  asked(command: RpcCommand | PubsubCommand): void;
  /** Hubs at which such a node serves a procedure, as none has a record of it; never rejects. */
  elsewhere(procedure: string): Promise<readonly Uint8Array[]>;
  /** A link is up. */
  linkUp(link: Link): void;
}

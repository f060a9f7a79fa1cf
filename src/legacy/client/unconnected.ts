/** Frames on streams that never sent CONNECT: whom they say they are from. @module */

import type { Message } from "../../wire/mod.ts";
import { aboutOf } from "../records/shelf.ts";
import { readWireId, type WireId } from "../wire_id.ts";

/**
 * The client that a frame says it is from: of those that nodes of the original send to each other's gateways on
 * connections of their own. A frame of another realm, and one that says nothing, names nobody.
 */
export function namedBy(message: Message, realm: string, hub: WireId): WireId | undefined {
  switch (message.kind) {
    case "store":
      return aboutOf(message.value);
    case "rpcRequest":
      return message.realm === realm ? readWireId(message.fromNode) : undefined;
    case "rpcReply":
      return readWireId(message.fromNode);
    case "rpcRoute":
      return readWireId(message.sourceNodeId);
    case "pubsubRoute":
      return readWireId(message.destinationNodeId)?.node === hub.node ? readWireId(message.sourceNodeId) : undefined;
    default:
      return undefined;
  }
}

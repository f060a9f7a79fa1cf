/**
 * Frames on streams that never sent CONNECT, as nodes of the original send them to each other's gateways on connections
 * of their own. They count as of the client that they name, if it is there, from the same host; else two of them are
 * taken from a node that is a client for as long as its stream lasts:
 *
 *     rpc_request of our realm ─────────────────────────────────▶ seated as from_node
 *     pubsub_route to us or to a client of ours, from the host of a client ─▶ seated as source_node_id
 *
 * @module
 */

import type { NodeId } from "../../identity/mod.ts";
import type { Message, PubsubRoute, RpcRequest } from "../../wire/mod.ts";
import { refusedReply } from "../records/questions.ts";
import { aboutOf } from "../records/shelf.ts";
import type { LegacyStream } from "../stream.ts";
import { readWireId, type WireId } from "../wire_id.ts";
import type { Seat } from "./seat.ts";

/** What is needed of a gate. */
export interface UnconnectedOptions {
  readonly realm: string;
  readonly hub: WireId;
  readonly seat: (node: NodeId) => Seat | undefined;
  /** The host of a stream, and whether a client is served from there. */
  readonly hostOf: (stream: LegacyStream) => string;
  readonly knows: (host: string) => boolean;
  /** Whether a node has proven that this id is its own. */
  readonly isProven: (node: NodeId) => boolean;
  /** Seats a node on a stream, without a greeting. */
  readonly admit: (stream: LegacyStream, id: WireId) => Promise<Seat | undefined>;
  readonly now: () => number;
  readonly refused: (code: string, about: string) => void;
}

/** Deals with them. */
export class Unconnected {
  readonly #options: UnconnectedOptions;

  constructor(options: UnconnectedOptions) {
    this.#options = options;
  }

  /** A frame that is no question to the gateway itself. */
  handle(stream: LegacyStream, message: Message): Promise<void> | undefined {
    const seat = this.near(stream, message);
    if (seat !== undefined) return seat.fromClient(stream, message);
    switch (message.kind) {
      case "rpcRequest":
        return this.#request(stream, message);
      case "pubsubRoute":
        return this.#route(stream, message);
      case "unknown":
      case "pong":
      case "disconnect":
        return undefined;
      default:
        this.#options.refused("no_connect", message.kind);
        return undefined;
    }
  }

  /** The client that a frame names, if it is there, and from this host. */
  near(stream: LegacyStream, message: Message): Seat | undefined {
    const { seat: seatOf, hostOf } = this.#options, id = this.#namedBy(message), host = hostOf(stream);
    const seat = id === undefined ? undefined : seatOf(id.node);
    return seat?.streams.some((one) => hostOf(one) === host) ? seat : undefined;
  }

  /** Whether an event on its way has come to where it is wanted, or will: else it goes no further. */
  isForUs({ destinationNodeId, hopCount, maxHops, topic }: PubsubRoute): boolean {
    const { hub, seat, refused } = this.#options, to = readWireId(destinationNodeId)?.node;
    const isHere = to !== undefined && (to === hub.node || seat(to) !== undefined);
    if (!isHere) refused("not_for_us", topic);
    else if (hopCount >= maxHops) refused("too_many_hops", topic);
    return isHere && hopCount < maxHops;
  }

  /** The client that a frame says it is from; a frame of another realm, and one that says nothing, names nobody. */
  #namedBy(message: Message): WireId | undefined {
    switch (message.kind) {
      case "store":
        return aboutOf(message.value);
      case "rpcRequest":
        return message.realm === this.#options.realm ? readWireId(message.fromNode) : undefined;
      case "rpcReply":
        return readWireId(message.fromNode);
      case "rpcRoute":
      case "pubsubRoute":
        return readWireId(message.sourceNodeId);
      default:
        return undefined;
    }
  }

  #request(stream: LegacyStream, request: RpcRequest): Promise<void> | undefined {
    const { realm, hub, refused, now } = this.#options,
      id = readWireId(request.fromNode),
      isOurs = request.realm === realm;
    if (isOurs && this.#isFree(id)) return this.#passing(stream, id, request);
    refused(isOurs ? "bad_identity" : "wrong_realm", request.procedure);
    stream.write(refusedReply(request, isOurs ? "unauthorized" : "wrong_realm", { gateway: hub, now: now() }));
    return undefined;
  }

  /** The original's gateways send their own id, which is no client's; and no realm, so a client has to vouch for the host. */
  #route(stream: LegacyStream, route: PubsubRoute): Promise<void> | undefined {
    const { knows, hostOf, refused } = this.#options, id = readWireId(route.sourceNodeId);
    const code = !knows(hostOf(stream)) ? "no_connect" : this.#isFree(id) ? undefined : "bad_identity";
    if (code === undefined) return this.#passing(stream, id!, route);
    refused(code, route.topic);
    return undefined;
  }

  async #passing(stream: LegacyStream, id: WireId, message: Message): Promise<void> {
    const seat = await this.#options.admit(stream, id);
    await seat?.fromClient(stream, message);
  }

  /** Whether an id is nobody's whom we know. */
  #isFree(id: WireId | undefined): id is WireId {
    const { hub, isProven, seat } = this.#options;
    return id !== undefined && id.node !== hub.node && !isProven(id.node) && seat(id.node) === undefined;
  }
}

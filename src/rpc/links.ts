/** The links of a node, by who is at their other end. @module */

import { bytesKey, toHex } from "../base/bytes.ts";
import type { Action, Peer, PeerRights, Refusal } from "../base/protocol.ts";
import { isForEverybody } from "../names/mod.ts";

/** Names with this prefix are answered by the node that is asked, and cannot be advertised over a link. */
export const RESERVED_PREFIX = "_mesh.";

/** Who is at the other end of each link. Several links may lead to one node. */
export class Links {
  readonly #clients = new Map<Peer, Uint8Array>();
  readonly #rights = new Map<Peer, PeerRights>();
  readonly #hubs = new Map<Peer, Peer>();
  readonly #keys = new Map<Peer, string>();
  readonly #byNode = new Map<string, Peer[]>();
  readonly #byHub = new Map<Peer, Peer[]>();

  /** Adds a link to a node that is served by this one; `rights` is what it may do. */
  addClient(peer: Peer, node: Uint8Array, rights?: PeerRights): void {
    if (rights !== undefined) this.#rights.set(peer, rights);
    this.#clients.set(peer, node);
    this.addNode(peer, node);
  }

  /** Adds a link to another hub, which passes on what its edges ask for. */
  addHub(peer: Peer, node: Uint8Array): void {
    const hub = toHex(node);
    this.#hubs.set(peer, hub);
    this.#byHub.set(hub, [...this.#byHub.get(hub) ?? [], peer]);
    this.addNode(peer, node);
  }

  /** Adds a link to a node that serves this one. */
  addNode(peer: Peer, node: Uint8Array): void {
    const key = bytesKey(node), siblings = this.#byNode.get(key);
    this.#keys.set(peer, key);
    if (siblings === undefined) this.#byNode.set(key, [peer]);
    else siblings.push(peer);
  }

  /** Forgets a link; whether there was one. */
  delete(peer: Peer): boolean {
    const key = this.#keys.get(peer), hub = this.#hubs.get(peer);
    if (key === undefined) return false;
    this.#keys.delete(peer);
    this.#clients.delete(peer);
    this.#rights.delete(peer);
    this.#hubs.delete(peer);
    without(this.#byNode, key, peer);
    if (hub !== undefined) without(this.#byHub, hub, peer);
    return true;
  }

  /** The node that a link serves; undefined for a link to a hub. */
  client(peer: Peer): Uint8Array | undefined {
    return this.#clients.get(peer);
  }

  /** Why a link may not do something; undefined where it may. */
  refusal(peer: Peer, action: Action, name: string): Refusal | undefined {
    const failure = this.#rights.get(peer)?.refusal(action, name);
    return failure === undefined ? undefined : { type: "refused", peer, action, name, ...failure };
  }

  /** Why a link may not call a procedure; by some of the mesh itself everybody is found. */
  callRefusal(peer: Peer, procedure: string): Refusal | undefined {
    return isForEverybody(procedure) ? undefined : this.refusal(peer, "call", procedure);
  }

  /** The newest link to a node. */
  to(node: Uint8Array): Peer | undefined {
    return this.#byNode.get(bytesKey(node))?.at(-1);
  }

  /** Who is at the other end: a hub by its id, whichever of its links it is; others by their link. */
  name(peer: Peer): Peer {
    return this.#hubs.get(peer) ?? peer;
  }

  /** Whether it is the name of a hub that we have a link to. */
  isHub(name: Peer): boolean {
    return this.#byHub.has(name);
  }
}

function without(map: Map<string, Peer[]>, key: string, peer: Peer): void {
  const left = map.get(key)!.filter((one) => one !== peer);
  if (left.length > 0) map.set(key, left);
  else map.delete(key);
}

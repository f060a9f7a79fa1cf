/** Which links lead to which nodes. @module */

import { toHex } from "../base/bytes.ts";
import type { Peer, Role } from "../base/protocol.ts";
import { prefixOf } from "../names/distance.ts";

/** A link and who is at its other end. */
export interface Link {
  /** The node's id as hex digits. */
  readonly node: string;
  /** The same as 32 bytes. */
  readonly nodeBytes: Uint8Array;
  /** The first 32 bits of that. */
  readonly prefix: number;
  readonly role: Role;
  /** Lookups that run for the node at its other end. */
  lookups: number;
}

/** The links of a node. Two of them may lead to one node. */
export class Links {
  /** Links to hubs and to edges apart: hubs are gone through often, and a gateway has ten thousand edges. */
  readonly #hubs = new Map<Peer, Link>();
  readonly #edges = new Map<Peer, Link>();
  /** The latest link to a node; a link whose id is the node's own is not in it. */
  readonly #ofNode = new Map<string, Peer>();

  get(peer: Peer): Link | undefined {
    return this.#hubs.get(peer) ?? (this.#edges.size === 0 ? undefined : this.#edges.get(peer));
  }

  /** A link to the node, or undefined. */
  to(node: string): Peer | undefined {
    const latest = this.#ofNode.size === 0 ? undefined : this.#ofNode.get(node);
    return latest ?? (this.get(node) === undefined ? undefined : node);
  }

  add(peer: Peer, nodeBytes: Uint8Array, role: Role): void {
    const text = toHex(nodeBytes), node = text === peer ? peer : text; // one string, not two
    if (this.get(peer) !== undefined) this.remove(peer);
    const links = role === "hub" ? this.#hubs : this.#edges;
    links.set(peer, { node, nodeBytes, prefix: prefixOf(nodeBytes), role, lookups: 0 });
    if (node !== peer) this.#ofNode.set(node, peer);
  }

  /** Forgets a link; an older one to the same node takes its place. */
  remove(peer: Peer): void {
    const link = this.get(peer);
    if (link === undefined) return;
    (link.role === "hub" ? this.#hubs : this.#edges).delete(peer);
    if (this.#ofNode.size === 0 || this.#ofNode.get(link.node) !== peer) return;
    this.#ofNode.delete(link.node);
    for (const links of [this.#hubs, this.#edges]) {
      for (const [other, { node }] of links) if (node === link.node) this.#ofNode.set(node, other);
    }
  }

  /** The links to hubs. */
  get hubs(): ReadonlyMap<Peer, Link> {
    return this.#hubs;
  }
}

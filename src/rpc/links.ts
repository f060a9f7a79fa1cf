/** The links of a node, by who is at their other end. @module */

import { bytesKey } from "../base/bytes.ts";
import type { Peer } from "../base/protocol.ts";

/** Who is at the other end of each link. Several links may lead to one node. */
export class Links {
  readonly #clients = new Map<Peer, Uint8Array>();
  readonly #keys = new Map<Peer, string>();
  readonly #byNode = new Map<string, Peer[]>();

  /** Adds a link; `client` says whether its node is served by this one. */
  add(peer: Peer, node: Uint8Array, { client }: { readonly client: boolean }): void {
    const key = bytesKey(node), siblings = this.#byNode.get(key);
    if (client) this.#clients.set(peer, node);
    this.#keys.set(peer, key);
    if (siblings === undefined) this.#byNode.set(key, [peer]);
    else siblings.push(peer);
  }

  /** Forgets a link. */
  delete(peer: Peer): void {
    const key = this.#keys.get(peer);
    if (key === undefined) return;
    this.#keys.delete(peer);
    this.#clients.delete(peer);
    const left = this.#byNode.get(key)!.filter((one) => one !== peer);
    if (left.length > 0) this.#byNode.set(key, left);
    else this.#byNode.delete(key);
  }

  /** The node that a link serves; undefined for a link to a hub of ours. */
  client(peer: Peer): Uint8Array | undefined {
    return this.#clients.get(peer);
  }

  /** The newest link to a node. */
  to(node: Uint8Array): Peer | undefined {
    return this.#byNode.get(bytesKey(node))?.at(-1);
  }
}

/** The statements of many nodes, kept by node and then by hub, within bounds. @module */

import { equalBytes, toHex } from "../../../base/bytes.ts";
import { LruMap } from "../../../base/lru.ts";

/** Hubs of one sender whose statements count at a time, the latest used; it has one, or two while it moves. */
export const HUBS_PER_SENDER_MAX = 4;

/** What is kept of a statement. */
export interface Kept {
  /** The id of the credential in it. */
  readonly id: string;
}

/**
 * Statements by node, then by hub, both as hexadecimal ids: who has moved counts at both, so what one hub passes on
 * takes nothing from what another has. The node that was not heard of for longest goes first.
 */
export class Statements<K extends Kept> {
  readonly #nodes: LruMap<string, LruMap<string, K>>;
  #last: { readonly node: Uint8Array; readonly hub: string; readonly kept: K | undefined } | undefined;

  constructor(nodesMax: number) {
    this.#nodes = new LruMap(nodesMax);
  }

  /** Nodes of which something is kept. */
  get size(): number {
    return this.#nodes.size;
  }

  /** Keeps what `node` has stated of `hub`, in the place of what it stated of it before. */
  set(node: string, hub: string, kept: K): void {
    this.#last = undefined;
    let hubs = this.#nodes.get(node);
    if (hubs === undefined) this.#nodes.set(node, hubs = new LruMap(HUBS_PER_SENDER_MAX));
    hubs.set(hub, kept);
  }

  /** What `node` has stated of `hub`. */
  get(node: string, hub: string): K | undefined {
    return this.#nodes.get(node)?.get(hub);
  }

  /** The same by the bytes of the node's id: what one sender says comes in series, so the last answer is kept. */
  find(node: Uint8Array, hub: string): K | undefined {
    const last = this.#last;
    if (last !== undefined && last.hub === hub && equalBytes(last.node, node)) return last.kept;
    const kept = this.get(toHex(node), hub);
    this.#last = { node: node.slice(), hub, kept };
    return kept;
  }

  /** All that `node` has stated, the one used last at the end. */
  of(node: string): K[] {
    return [...this.#nodes.get(node)?.entries() ?? []].map(([, kept]) => kept);
  }

  /** Forgets what rests on credentials that have been revoked. */
  forgetRevoked(isRevoked: (id: string) => boolean): void {
    this.#last = undefined;
    for (const [node, hubs] of this.#nodes.entries()) {
      for (const [hub, { id }] of hubs.entries()) if (isRevoked(id)) hubs.delete(hub);
      if (hubs.size === 0) this.#nodes.delete(node);
    }
  }
}

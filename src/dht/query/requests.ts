/** Questions to nodes that were not answered yet. @module */

import { equalBytes } from "../../base/bytes.ts";
import type { Peer } from "../../base/protocol.ts";
import type { Request } from "./query.ts";

/** Which question an answer belongs to. */
export class Requests {
  /** By number, the earliest first. */
  readonly #open = new Map<number, Request>();
  #last = 0;

  /** Holds a request and returns its number. */
  add(request: Request): number {
    this.#open.set(++this.#last, request);
    return this.#last;
  }

  /** Takes out a request that the node has answered; undefined where it was not asked that, or too long ago. */
  take(id: number | undefined, node: string): Request | undefined {
    const request = id === undefined ? undefined : this.#open.get(id);
    if (request === undefined || request.contact.node !== node) return undefined;
    this.#open.delete(id!);
    return request;
  }

  /** The same for a store; without a number the earliest under the key: a lane keeps the order. */
  takeStore(id: number | undefined, key: Uint8Array, node: string): Request | undefined {
    if (id !== undefined) {
      return this.#open.get(id)?.storeKey === undefined ? undefined : this.take(id, node);
    }
    for (const [one, { contact, storeKey }] of this.#open) {
      if (contact.node === node && storeKey !== undefined && equalBytes(storeKey, key)) return this.take(one, node);
    }
    return undefined;
  }

  /** A request that is still open. */
  get(id: number): Request | undefined {
    return this.#open.get(id);
  }

  /** Forgets a request. */
  delete(id: number): void {
    this.#open.delete(id);
  }

  /** Takes out what was sent over a link that is gone. */
  takeLost(peer: Peer): Request[] {
    const lost: Request[] = [];
    for (const [id, request] of this.#open) {
      if (request.sentTo !== peer) continue;
      this.#open.delete(id);
      lost.push(request);
    }
    return lost;
  }
}

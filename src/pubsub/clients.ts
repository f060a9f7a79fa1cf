/** The links that a hub serves: who is there, and what it may do. @module */

import type { Action, Failure, Peer, PeerRights } from "../base/protocol.ts";

/** Notices of refused events that one link is sent in a second; more are only counted. */
export const NOTICES_PER_SECOND_MAX = 100;

/** One link that is served. */
interface Client {
  readonly node: Uint8Array;
  readonly rights: PeerRights | undefined;
  noticesSince: number;
  notices: number;
}

/** Links that are served. */
export class Clients {
  readonly #clients = new Map<Peer, Client>();

  /** Adds a link. */
  add(peer: Peer, node: Uint8Array, rights: PeerRights | undefined): void {
    this.#clients.set(peer, { node, rights, noticesSince: -Infinity, notices: 0 });
  }

  /** Forgets a link; whether it was there. */
  delete(peer: Peer): boolean {
    return this.#clients.delete(peer);
  }

  has(peer: Peer): boolean {
    return this.#clients.has(peer);
  }

  /** The node at the other end of a link that is served. */
  node(peer: Peer): Uint8Array {
    return this.#clients.get(peer)!.node;
  }

  /** What a link may do; undefined: everything. */
  rights(peer: Peer): PeerRights | undefined {
    return this.#clients.get(peer)!.rights;
  }

  /** Why a link may not do something; undefined where it may. */
  refusal(peer: Peer, action: Action, name: string): Failure | undefined {
    return this.#clients.get(peer)!.rights?.refusal(action, name);
  }

  /** Whether a link may be told now that an event of its was refused; counts this time. */
  mayNotify(peer: Peer, now: number): boolean {
    const client = this.#clients.get(peer)!;
    if (now - client.noticesSince >= 1_000) {
      client.noticesSince = now;
      client.notices = 0;
    }
    return client.notices++ < NOTICES_PER_SECOND_MAX;
  }
}

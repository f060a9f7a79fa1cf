/** What a mesh handle tells as DOM events, and of which type each is. @module */

import type { NodeId } from "../identity/mod.ts";
import type { Status } from "./options.ts";

/** The `detail` of each event. */
export interface MeshEventMap {
  /** Where the mesh stands with the network has changed. */
  readonly statuschange: { readonly from: Status; readonly to: Status };
  /** A link of this node is up. An edge has links to hubs only: this is not about other members. */
  readonly peerup: { readonly node: NodeId };
  /** A link of this node has ended; `reason` is a code: `closed`, `timeout`, `connection_lost`, … */
  readonly peerdown: { readonly node: NodeId; readonly reason: string };
  /**
   * The hub refused something for which nobody waits: an event published at QoS 0, a cast, or a fresh credential. Of
   * events it says so for at most 100 a second.
   */
  readonly refused: { readonly code: string; readonly text: string };
  /**
   * The hub does not let this edge in again, as its credential has expired or was revoked, or the token is another one.
   * It goes on trying, at once when its credential changes; told once for each reason.
   */
  readonly turnedaway: { readonly code: string; readonly text: string };
  /** Events were lost: by one subscription that is read too slowly, or `missed` of them at the hub for this node. */
  readonly slowconsumer: { readonly pattern?: string; readonly missed?: number };
}

/**
 * An `EventTarget` whose events are known.
 *
 * @example Where the mesh stands
 * ```ts
 * import { connect, startGateway } from "@macula/mesh";
 * import assert from "node:assert/strict";
 *
 * await using gateway = await startGateway({ realm: "org.example.home", listen: { port: 0 } });
 * const mesh = await connect(gateway.ticket), seen: string[] = [];
 * mesh.addEventListener("statuschange", ({ detail }) => void seen.push(detail.to));
 * await mesh.close();
 * assert.deepEqual(seen, ["draining", "closed"]);
 * ```
 */
export class MeshEvents extends EventTarget {
  /** Listens to one kind of event; its data is in `event.detail`. */
  override addEventListener<Type extends keyof MeshEventMap>(
    type: Type,
    listener: (event: CustomEvent<MeshEventMap[Type]>) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  /** Listens to any event. */
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  override addEventListener(type: string, listener: unknown, options?: boolean | AddEventListenerOptions): void {
    super.addEventListener(type, listener as EventListener, options);
  }

  /** Listens no longer. */
  override removeEventListener<Type extends keyof MeshEventMap>(
    type: Type,
    listener: (event: CustomEvent<MeshEventMap[Type]>) => void,
    options?: boolean | EventListenerOptions,
  ): void;
  /** Listens to any event no longer. */
  override removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;
  override removeEventListener(type: string, listener: unknown, options?: boolean | EventListenerOptions): void {
    super.removeEventListener(type, listener as EventListener, options);
  }

  /** Tells those who listen. */
  protected tell<Type extends keyof MeshEventMap>(type: Type, detail: MeshEventMap[Type]): void {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

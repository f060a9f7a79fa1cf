/**
 * Two links back to back in this process: one as the node knows all its links, the other for the translation. So a peer
 * of the original is an edge (or a hub) like every other, with the same queues, order and orderly end, and nothing else
 * knows of it.
 *
 * @module
 */

import type { Timers } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import type { Rights } from "../identity/mod.ts";
import { OutgoingBudget } from "../link/budget.ts";
import type { Deputy, Established } from "../link/establish.ts";
import { FrameSource } from "../link/frame_source.ts";
import type { PeerIdentity } from "../link/handshake.ts";
import { Link, type LinkOwner } from "../link/link.ts";
import { MemoryConnection } from "../transport/memory/connection.ts";
import { Path } from "../transport/memory/path.ts";
import { type Address, type Connection, TRANSPORT_LIMITS } from "../transport/transport.ts";
import type { WireId } from "./wire_id.ts";
import { type Decoder, encodeFrame } from "../wire/mod.ts";

/** Both ends of the way into the node. */
export interface LocalLink {
  /** For the node: the other end is `peer`. */
  readonly established: Established;
  /** For the translation; `start()` it when the node has its own end. */
  readonly far: Link;
}

/** What the two ends are made with. */
export interface LocalLinkOptions {
  /** Who the node has at the other end. */
  readonly peer: PeerIdentity;
  /** Who the translation has at its other end: the node. */
  readonly self: PeerIdentity;
  /** Whether the node dialled. */
  readonly dialled: boolean;
  /** Where the peer was seen. */
  readonly remote: Address;
  readonly owner: LinkOwner;
  readonly timers: Timers;
  readonly random: Random;
  readonly decoder: Decoder;
  readonly frameBytesMax: number;
  /** Who hands on in its own time what the node says: both ends wait while it does. */
  readonly deputy?: Deputy;
}

/** Over so many bytes the translation waits before it reads on; what one message becomes is never dropped. */
const QUEUE = { waitBytes: 256 << 10, dropBytes: Infinity, closeBytes: Infinity };

/** Makes both ends. */
export async function localLink(options: LocalLinkOptions): Promise<LocalLink> {
  const { peer, self, dialled, remote, owner, timers, random, decoder, frameBytesMax, deputy } = options;
  const end = () => {
    const path = new Path({ timers, latencyMs: () => 0, isCut: () => false });
    return { remote, limits: TRANSPORT_LIMITS, path, datagramMs: () => [] };
  };
  const [near, distant] = MemoryConnection.pair(end(), end());
  const first = distant.incomingBidi.getReader(), nearStream = await near.openBidi();
  const writer = nearStream.writable.getWriter(), serverTime = Math.floor(timers.now());
  // A stream shows itself at its first byte; so this one begins with a welcome, as after any handshake.
  const limits = { frameBytesMax, subscriptionsMax: Number.MAX_SAFE_INTEGER };
  await writer.write(encodeFrame({ kind: "welcome", session: random.bytes(16), serverTime, ...limits }));
  const { value: farStream } = await first.read();
  first.releaseLock();
  const source = new FrameSource(farStream!.readable, frameBytesMax);
  await source.next();
  const far = new Link({
    id: "local",
    established: {
      ...ends(distant, frameBytesMax),
      peer: self,
      dialled: !dialled,
      control: source,
      controlWriter: farStream!.writable.getWriter(),
      ...deputy === undefined ? {} : { deputy: { took() {}, progress: () => deputy.progress() } },
    },
    owner,
    timers,
    decoder,
    queue: QUEUE,
    budget: new OutgoingBudget(Infinity),
  });
  const control = new FrameSource(nearStream.readable, frameBytesMax);
  const established = { ...ends(near, frameBytesMax), peer, dialled, control, controlWriter: writer };
  return { established: { ...established, ...deputy === undefined ? {} : { deputy } }, far };
}

function ends(connection: Connection, frameBytesMax: number): Pick<Established, "connection" | "frameBytesMax"> {
  return { connection, frameBytesMax };
}

/** A node of the original as ours knows its peers: it has proven nothing. */
export function peerOf({ node, bytes }: WireId, endpoint: string): PeerIdentity {
  const capabilities = ["pubsub", "rpc"];
  return { node, nodeBytes: bytes, publicKey: new Uint8Array(0), role: "edge", capabilities, endpoint };
}

/** The id of what stands in for the credentials of all clients of the original: a revocation list may name it. */
export const LEGACY_CREDENTIAL = "legacy";

/** A client of a gateway, with what the gateway lets it do: in a realm that asks for credentials others may do nothing. */
export function clientOf(id: WireId, endpoint: string, realm: string, rights: Rights): PeerIdentity {
  const { node } = id, held = { id: LEGACY_CREDENTIAL, node, realm, role: "edge", token: "" } as const;
  const credential = { ...held, notBefore: 0, expires: Number.MAX_SAFE_INTEGER, rights };
  return { ...peerOf(id, endpoint), credential };
}

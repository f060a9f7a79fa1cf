/** A node whose links go nowhere: what they would write is counted and gone. @module */

import { seededRandom } from "../../src/base/random.ts";
import { createIdentity } from "../../src/identity/mod.ts";
import { OutgoingBudget } from "../../src/link/budget.ts";
import { FrameSource } from "../../src/link/frame_source.ts";
import type { Link } from "../../src/link/link.ts";
import { edgeSettings, GATEWAY_LIMITS, hubSettings, type NodeOptions } from "../../src/node/limits.ts";
import { Node } from "../../src/node/node.ts";
import { systemTimers } from "../../src/node/runtime.ts";
import { createQuicTransport } from "../../src/transport/quic/mod.ts";
import type { Connection } from "../../src/transport/transport.ts";

const REALM = "org.example.bench", FRAME_BYTES_MAX = 1 << 20;

/** What a node is made with that is never on a network. */
export function lonelySettings(role: "hub" | "edge"): Omit<NodeOptions, "listener"> {
  const identity = createIdentity(new Uint8Array(32).fill(9));
  return {
    ...role === "hub" ? hubSettings(GATEWAY_LIMITS) : edgeSettings(),
    self: { identity, realm: REALM, role, endpoint: "" },
    runtime: { timers: systemTimers(), random: seededRandom("bench"), transport: createQuicTransport() },
    budget: new OutgoingBudget(1 << 30),
  };
}

/** A hub that is never on a network. */
export function lonelyHub(): Node {
  const ignore = () => {};
  return new Node({
    ...lonelySettings("hub"),
    listener: {
      pubsub: ignore,
      rpc: ignore,
      dht: ignore,
      linkUp: ignore,
      linkDown: ignore,
      goingAway: ignore,
      refused: ignore,
    },
  });
}

/** Attaches a peer with the key of `number`, an edge unless it is a hub, which reads everything; what it says is given. */
export function attachFake(
  node: Node,
  number: number,
  { hub = false, says = [] }: { readonly hub?: boolean; readonly says?: readonly ReadableStream<Uint8Array>[] } = {},
): { readonly link: Link; readonly nodeBytes: Uint8Array } {
  const { publicKey, id, idBytes: nodeBytes } = createIdentity(new Uint8Array(32).fill(number));
  const link = node.links.add({
    connection: silentConnection(says),
    dialled: hub,
    peer: { node: id, nodeBytes, publicKey, role: hub ? "hub" : "edge", capabilities: [], endpoint: "" },
    control: new FrameSource(new ReadableStream(), FRAME_BYTES_MAX),
    controlWriter: new WritableStream().getWriter(),
    frameBytesMax: FRAME_BYTES_MAX,
  });
  return { link, nodeBytes };
}

function silentConnection(says: readonly ReadableStream<Uint8Array>[]): Connection {
  return {
    remote: { hostname: "127.0.0.1", port: 9 },
    openBidi: () => Promise.reject(new Error("Cannot open a stream: this connection goes nowhere")),
    openSend: () => Promise.resolve(new WritableStream()),
    incomingBidi: new ReadableStream(),
    incomingSend: ReadableStream.from(says),
    datagramBytesMax: 0,
    sendDatagram: () => Promise.resolve(),
    receiveDatagram: () => new Promise(() => {}),
    close: () => {},
    closed: new Promise(() => {}),
  };
}

/** A node whose links go nowhere: what they would write is counted and gone. @module */

import { seededRandom } from "../../src/base/random.ts";
import { createIdentity } from "../../src/identity/mod.ts";
import { OutgoingBudget } from "../../src/link/budget.ts";
import { FrameSource } from "../../src/link/frame_source.ts";
import type { Link } from "../../src/link/link.ts";
import { GATEWAY_LIMITS, hubSettings } from "../../src/node/limits.ts";
import { Node } from "../../src/node/node.ts";
import { systemTimers } from "../../src/node/runtime.ts";
import { createQuicTransport } from "../../src/transport/quic/mod.ts";
import type { Connection } from "../../src/transport/transport.ts";

const REALM = "org.example.bench", FRAME_BYTES_MAX = 1 << 20;

/** A hub that is never on a network. */
export function lonelyHub(): Node {
  const identity = createIdentity(new Uint8Array(32).fill(9));
  const ignore = () => {};
  return new Node({
    ...hubSettings(GATEWAY_LIMITS),
    self: { identity, realm: REALM, role: "hub", endpoint: "" },
    runtime: { timers: systemTimers(), random: seededRandom("bench"), transport: createQuicTransport() },
    budget: new OutgoingBudget(1 << 30),
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

/** Attaches edge number `number`, which reads everything and says nothing by itself. */
export function attachFake(node: Node, number: number): { readonly link: Link; readonly nodeBytes: Uint8Array } {
  const { publicKey, id, idBytes: nodeBytes } = createIdentity(new Uint8Array(32).fill(number));
  const link = node.links.add({
    connection: silentConnection(),
    dialled: false,
    peer: { node: id, nodeBytes, publicKey, role: "edge", capabilities: [], endpoint: "" },
    control: new FrameSource(new ReadableStream(), FRAME_BYTES_MAX),
    controlWriter: new WritableStream().getWriter(),
    frameBytesMax: FRAME_BYTES_MAX,
  });
  return { link, nodeBytes };
}

function silentConnection(): Connection {
  return {
    remote: { hostname: "127.0.0.1", port: 9 },
    openBidi: () => Promise.reject(new Error("Cannot open a stream: this connection goes nowhere")),
    openSend: () => Promise.resolve(new WritableStream()),
    incomingBidi: new ReadableStream(),
    incomingSend: new ReadableStream(),
    datagramBytesMax: 0,
    sendDatagram: () => Promise.resolve(),
    receiveDatagram: () => new Promise(() => {}),
    close: () => {},
    closed: new Promise(() => {}),
  };
}

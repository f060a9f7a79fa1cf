/**
 * js-libp2p over TCP, noise and yamux: gossipsub for events (signed, its default), one long-lived stream with a number per
 * request for calls, which is its fastest way. There is no broker: publishers and responders listen.
 *
 * @module
 */

import { imported } from "./packages.ts";
import type { Adapter, Client, Hub } from "./system.ts";

interface Chunk {
  subarray(): Uint8Array;
}
interface Stream extends EventTarget {
  send(bytes: Uint8Array): unknown;
}
interface PubSub extends EventTarget {
  subscribe(topic: string): void;
  publish(topic: string, body: Uint8Array): Promise<unknown>;
}
interface Connection {
  newStream(protocol: string): Promise<Stream>;
}
interface Libp2p {
  readonly services: { readonly pubsub: PubSub };
  getMultiaddrs(): { toString(): string }[];
  dial(address: unknown): Promise<Connection>;
  handle(protocol: string, handler: (stream: Stream) => void): Promise<void>;
}
type Factory = (options?: unknown) => unknown;

const CONNECTIONS_MAX = 1_000;
const PROTOCOL = "/bench/call/1";

/** js-libp2p. */
export const libp2p: Adapter = {
  async connect(address) {
    const node = await create([]), { multiaddr } = await imported<{ multiaddr: Factory }>("@multiformats/multiaddr");
    const connection = await node.dial(multiaddr(address));
    return clientOf(node, connection);
  },
  async listen(): Promise<Hub> {
    const node = await create(["/ip4/127.0.0.1/tcp/0"]);
    return { address: node.getMultiaddrs()[0]!.toString(), ...clientOf(node, undefined) };
  },
};

async function create(listen: readonly string[]): Promise<Libp2p> {
  const { createLibp2p } = await imported<{ createLibp2p(options: unknown): Promise<Libp2p> }>("libp2p");
  const { tcp } = await imported<{ tcp: Factory }>("@libp2p/tcp");
  const { noise } = await imported<{ noise: Factory }>("@chainsafe/libp2p-noise");
  const { yamux } = await imported<{ yamux: Factory }>("@chainsafe/libp2p-yamux");
  const { identify } = await imported<{ identify: Factory }>("@libp2p/identify");
  const { gossipsub } = await imported<{ gossipsub: Factory }>("@libp2p/gossipsub");
  return await createLibp2p({
    addresses: { listen },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    // By default a node takes five newcomers a second: here ten come at once.
    connectionManager: { inboundConnectionThreshold: CONNECTIONS_MAX, maxIncomingPendingConnections: CONNECTIONS_MAX },
    services: { identify: identify(), pubsub: gossipsub({ allowPublishToZeroTopicPeers: true }) },
  });
}

function clientOf(node: Libp2p, connection: Connection | undefined): Client {
  const { pubsub } = node.services;
  let calling: Promise<(request: Uint8Array) => Promise<Uint8Array>> | undefined;
  return {
    subscribe(topic, on) {
      pubsub.addEventListener("message", (event) => {
        const { detail } = event as CustomEvent<{ topic: string; data: Uint8Array }>;
        if (detail.topic === topic) on(detail.data);
      });
      pubsub.subscribe(topic);
      return Promise.resolve();
    },
    async pump(topic, payloads, count) {
      for (let i = 0; i < count; i++) await pubsub.publish(topic, payloads(i));
    },
    publish: (topic, payload) => void pubsub.publish(topic, payload),
    serve: (_procedure, handler) =>
      node.handle(PROTOCOL, (stream) => {
        onFrames(stream, (call, body) => stream.send(frameOf(call, handler(body))));
      }),
    async call(_procedure, request) {
      calling ??= connection!.newStream(PROTOCOL).then(callsOver);
      return await (await calling)(request);
    },
  };
}

function callsOver(stream: Stream): (request: Uint8Array) => Promise<Uint8Array> {
  const pending = new Map<number, (body: Uint8Array) => void>();
  let calls = 0;
  onFrames(stream, (call, body) => {
    pending.get(call)?.(body.slice());
    pending.delete(call);
  });
  return (request) =>
    new Promise((resolve) => {
      pending.set(++calls, resolve);
      stream.send(frameOf(calls, request));
    });
}

/** A frame is u32 length, u32 number of the call, body. */
function frameOf(call: number, body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(8 + body.length), view = new DataView(frame.buffer);
  view.setUint32(0, 4 + body.length);
  view.setUint32(4, call);
  frame.set(body, 8);
  return frame;
}

function onFrames(stream: Stream, on: (call: number, body: Uint8Array) => void): void {
  let rest: Uint8Array = new Uint8Array(0);
  stream.addEventListener("message", (event) => {
    const { data } = event as MessageEvent<Chunk>, chunk = data.subarray();
    const bytes = new Uint8Array(rest.length + chunk.length);
    bytes.set(rest);
    bytes.set(chunk, rest.length);
    const view = new DataView(bytes.buffer);
    let at = 0;
    while (bytes.length - at >= 4 && bytes.length - at - 4 >= view.getUint32(at)) {
      const end = at + 4 + view.getUint32(at);
      on(view.getUint32(at + 4), bytes.subarray(at + 8, end));
      at = end;
    }
    rest = bytes.slice(at);
  });
}

/**
 * The limit: the smallest hub and client on Deno's QUIC that route by exact topic. One two-way stream per connection,
 * no codec, no identity, no bounds. What this cannot do, no gateway on Deno can.
 *
 * @module
 */

import { relayCertificate } from "./relay_certificate.ts";
import { ECHO, EVENT, FrameWriter, readFrames, type Sink, SUBSCRIBE } from "./relay_frames.ts";
import type { Adapter, Client, Handshaken, Hub, Place } from "./system.ts";

const ALPN = ["bench"];
/** Bytes that wait before a publisher does. */
const PUBLISHER_QUEUE_BYTES = 1 << 16;
/** Bytes that wait for one subscriber before the hub reads no further. */
const HUB_QUEUE_BYTES = 4 << 20;
const NOTHING = new Uint8Array(0);

/** The bare relay. */
export const relay: Adapter = {
  async connect(address, place) {
    const stream = await (await dial(address, place)).createBidirectionalStream();
    const writer = new FrameWriter(stream.writable), acknowledged: (() => void)[] = [];
    const handlers = new Map<string, (body: Uint8Array) => void>();
    const ask = (type: number, topic: string) =>
      new Promise<void>((resolve) => {
        acknowledged.push(resolve);
        writer.push(type, encode(topic), NOTHING);
      });
    const decode = textDecoder();
    readFrames(stream.readable, (type, topic, body) => {
      if (type === EVENT) handlers.get(decode(topic))?.(body);
      else acknowledged.shift()?.();
    }).catch(() => {});
    await ask(ECHO, "hello");
    return clientOver({
      push: (topic, body) => writer.push(EVENT, topic, body),
      room: () => writer.queuedBytes > PUBLISHER_QUEUE_BYTES ? writer.idle : undefined,
      subscribe: async (topic, on) => {
        handlers.set(topic, on);
        await ask(SUBSCRIBE, topic);
      },
      drained: () => ask(ECHO, "drained"),
    });
  },

  async listen({ folder }): Promise<Hub> {
    const routes = new Routes();
    const endpoint = new Deno.QuicEndpoint({ hostname: "127.0.0.1", port: 0 });
    const listener = endpoint.listen({ ...await relayCertificate(folder), alpnProtocols: ALPN });
    void (async () => {
      for await (const incoming of listener) serveConnection(incoming, routes).catch(() => {});
    })();
    return {
      address: String(endpoint.addr.port),
      ...clientOver({
        push: (topic, body) => routes.route(topic, body),
        room: () => routes.room(PUBLISHER_QUEUE_BYTES),
        subscribe: (topic, on) => {
          routes.add(topic, { push: (_type, _topic, body) => on(body) });
          return Promise.resolve();
        },
        drained: () => routes.room(0) ?? Promise.resolve(),
      }),
    };
  },

  async dial(address, place): Promise<Handshaken> {
    const connection = await dial(address, place);
    return { close: () => connection.close({ closeCode: 0, reason: "" }) };
  },
};

// All connections of a process leave from one port, as ours do.
let sharedEndpoint: Deno.QuicEndpoint | undefined;

async function dial(address: string, { folder }: Place): Promise<Deno.QuicConn> {
  const endpoint = sharedEndpoint ??= new Deno.QuicEndpoint({ hostname: "127.0.0.1", port: 0 });
  const { cert } = await relayCertificate(folder);
  const connection = await Deno.connectQuic({
    hostname: "127.0.0.1",
    port: Number(address),
    serverName: "localhost",
    alpnProtocols: ALPN,
    caCerts: [cert],
    endpoint,
  });
  connection.closed.catch(() => {});
  return connection;
}

/** Who wants which topic. */
class Routes {
  readonly #sinks = new Map<string, Set<Sink>>();
  readonly #decode = textDecoder();
  readonly #touched = new Set<FrameWriter>();

  add(topic: string, sink: Sink): void {
    const sinks = this.#sinks.get(topic);
    if (sinks === undefined) this.#sinks.set(topic, new Set([sink]));
    else sinks.add(sink);
  }

  route(topic: Uint8Array, body: Uint8Array): void {
    const sinks = this.#sinks.get(this.#decode(topic));
    if (sinks === undefined) return;
    for (const sink of sinks) {
      sink.push(EVENT, topic, body);
      if (!(sink instanceof FrameWriter)) continue;
      if (sink.dead) sinks.delete(sink);
      else this.#touched.add(sink);
    }
  }

  /** What to wait for while one of the queues filled since the last call is over `bytes`. */
  room(bytes: number): Promise<void> | undefined {
    let full: Promise<void> | undefined;
    for (const writer of this.#touched) if (!writer.dead && writer.queuedBytes > bytes) full = writer.idle;
    this.#touched.clear();
    return full;
  }
}

async function serveConnection(incoming: Deno.QuicIncoming, routes: Routes): Promise<void> {
  const connection = await incoming.accept();
  connection.closed.catch(() => {});
  for await (const stream of connection.incomingBidirectionalStreams) {
    const writer = new FrameWriter(stream.writable), decode = textDecoder();
    const onFrame = (type: number, topic: Uint8Array, body: Uint8Array) => {
      if (type === EVENT) return routes.route(topic, body);
      if (type === SUBSCRIBE) routes.add(decode(topic), writer);
      writer.push(type, topic, NOTHING);
    };
    readFrames(stream.readable, onFrame, async () => {
      const full = routes.room(HUB_QUEUE_BYTES);
      if (full !== undefined) await full;
    }).catch(() => {});
  }
}

/** What differs between a client and a hub's own application. */
interface Ends {
  push(topic: Uint8Array, body: Uint8Array): void;
  /** A promise to wait for before more is pushed, or undefined. */
  room(): Promise<void> | undefined;
  subscribe(topic: string, on: (body: Uint8Array) => void): Promise<void>;
  drained(): Promise<void>;
}

/** Calls are events with a topic for the answer: u8 length of that topic, topic, u32 number, body. */
function clientOver(ends: Ends): Client {
  const pending = new Map<number, (body: Uint8Array) => void>();
  const replyTopic = encode(`reply/${crypto.randomUUID()}`);
  let calls = 0, listening: Promise<void> | undefined;
  const onReply = (body: Uint8Array) => {
    const call = viewOf(body).getUint32(0), resolve = pending.get(call);
    pending.delete(call);
    resolve?.(body.subarray(4));
  };
  return {
    subscribe: (topic, on) => ends.subscribe(topic, on),
    async pump(topic, payloads, count) {
      const name = encode(topic);
      for (let i = 0; i < count; i++) {
        ends.push(name, payloads(i));
        const full = ends.room();
        if (full !== undefined) await full;
      }
      await ends.drained();
    },
    publish: (topic, payload) => ends.push(encode(topic), payload),
    serve: (procedure, handler) =>
      ends.subscribe(procedure, (body) => {
        const topicEnd = 1 + body[0]!, result = handler(body.subarray(topicEnd + 4));
        const reply = new Uint8Array(4 + result.length);
        reply.set(body.subarray(topicEnd, topicEnd + 4));
        reply.set(result, 4);
        ends.push(body.subarray(1, topicEnd), reply);
      }),
    async call(procedure, request) {
      await (listening ??= ends.subscribe(new TextDecoder().decode(replyTopic), onReply));
      const call = ++calls, bodyAt = 5 + replyTopic.length, body = new Uint8Array(bodyAt + request.length);
      body[0] = replyTopic.length;
      body.set(replyTopic, 1);
      viewOf(body).setUint32(1 + replyTopic.length, call);
      body.set(request, bodyAt);
      return await new Promise((resolve) => {
        pending.set(call, resolve);
        ends.push(encode(procedure), body);
      });
    },
  };
}

function textDecoder(): (bytes: Uint8Array) => string {
  const decoder = new TextDecoder();
  return (bytes) => decoder.decode(bytes);
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

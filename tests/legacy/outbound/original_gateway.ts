/** A gateway of the original as scripted from the recorded facts, over real QUIC: what it answers, and what it never does. @module */

import { toHex, utf8 } from "../../../src/base/bytes.ts";
import { createQuicTransport } from "../../../src/transport/quic/mod.ts";
import type { BidiStream, Listener, TlsIdentity, Transport } from "../../../src/transport/transport.ts";
import {
  decodeFrame,
  encodeFrame,
  FrameReader,
  type Message,
  type Publish,
  type Value,
} from "../../../src/wire/mod.ts";
import { isPattern, matches, type Topic } from "../../../src/names/mod.ts";
import { idOf, REALM } from "../world.ts";

/** A stream that has sent CONNECT or something else. */
export interface GatewayStream {
  node: string | undefined;
  readonly topics: Set<string>;
  write(message: Message): Promise<void>;
  finish(): Promise<void>;
  close(): void;
}

/** The gateway. It keeps what it heard, by kind. */
export class OriginalGateway implements AsyncDisposable {
  readonly id = idOf("original gateway");
  readonly heard: Message[] = [];
  readonly streams: GatewayStream[] = [];
  /** Does not answer these kinds any more. */
  readonly deafTo = new Set<Message["kind"]>();
  /** Takes each chunk for one frame, as the original does: what comes behind it in a chunk is lost. */
  isStrict = false;
  /** What it loses so. */
  lostBytes = 0;
  readonly #transport: Transport;
  readonly #records = new Map<string, Value[]>();
  #listener!: Listener;
  #counter = 1_000;

  private constructor() {
    this.#transport = createQuicTransport();
  }

  /** Listens on a port of its own. */
  static async open(tls: TlsIdentity, hostname = "127.0.0.1"): Promise<OriginalGateway> {
    const gateway = new OriginalGateway();
    gateway.#listener = await gateway.#transport.listen({
      address: { hostname, port: 0 },
      tls,
      onConnection: (connection) => {
        const serve = (stream: BidiStream) =>
          void gateway.#serve(stream, () => connection.close(0, "")).catch(() => {});
        connection.incomingBidi.pipeTo(new WritableStream({ write: serve })).catch(() => {}); // it ends with an error
      },
    });
    return gateway;
  }

  get port(): number {
    return this.#listener.address.port;
  }

  /** All that was heard of a kind. */
  of<K extends Message["kind"]>(kind: K): (Message & { readonly kind: K })[] {
    return this.heard.filter((one): one is Message & { readonly kind: K } => one.kind === kind);
  }

  /** The newest stream of each node that is connected. */
  get clients(): GatewayStream[] {
    return this.streams.filter(({ node }) => node !== undefined);
  }

  /** An event of some other client; its ids count up. */
  publish(topic: string, data: unknown, fields: Partial<Publish> = {}): Publish {
    const messageId = new Uint8Array(16);
    messageId[15] = ++this.#counter % 256;
    messageId[14] = this.#counter >> 8;
    const payload = utf8(JSON.stringify(data));
    const event: Publish = { kind: "publish", topic, payload, qos: 0, retain: false, messageId, ...fields };
    this.#deliver(event);
    return event;
  }

  /** A record in its hash table. */
  store(key: Uint8Array, value: Value): void {
    this.#records.set(toHex(key), [...this.#records.get(toHex(key)) ?? [], value]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#listener.close();
    await this.#transport.close();
  }

  async #serve({ readable, writable }: BidiStream, close: () => void): Promise<void> {
    const writer = writable.getWriter(), frames = new FrameReader({});
    const stream: GatewayStream = {
      node: undefined,
      topics: new Set(),
      close,
      write: (message) => writer.write(encodeFrame(message)).catch(() => {}),
      finish: () => writer.close().catch(() => {}),
    };
    this.streams.push(stream);
    try {
      for await (const chunk of readable) {
        frames.push(this.isStrict ? this.#first(chunk) : chunk);
        for (let frame = frames.next(); frame !== undefined; frame = frames.next()) {
          const message = decodeFrame(frame.slice());
          this.heard.push(message);
          if (!this.deafTo.has(message.kind)) this.#handle(stream, message);
        }
      }
    } finally {
      this.streams.splice(this.streams.indexOf(stream), 1); // it does not answer a FIN
    }
  }

  #first(chunk: Uint8Array): Uint8Array {
    const { buffer, byteOffset } = chunk, length = 8 + new DataView(buffer, byteOffset).getUint32(4);
    this.lostBytes += Math.max(0, chunk.length - length);
    return chunk.subarray(0, length);
  }

  #handle(stream: GatewayStream, message: Message): void {
    const now = 1735689600123;
    switch (message.kind) {
      case "connect": {
        if (message.realmId !== REALM) return void stream.finish(); // and is frozen from now on
        stream.node = toHex(message.nodeId);
        const endpoint = `https://localhost:${this.port}`;
        return void stream.write({ kind: "pong", timestamp: now, serverTime: now, nodeId: this.id, endpoint });
      }
      case "ping":
        return void stream.write({ kind: "pong", timestamp: message.timestamp, serverTime: now });
      case "subscribe":
        return message.topics.forEach((topic) => stream.topics.add(topic));
      case "unsubscribe":
        return message.topics.forEach((topic) => stream.topics.delete(topic));
      case "publish":
        return this.#deliver({ ...message, frame: undefined as never });
      case "store":
        return this.store(message.key, message.value);
      case "findValue": {
        const value = this.#records.get(toHex(message.key));
        const head = { kind: "findValueReply", type: "find_value_reply" } as const;
        return void stream.write(
          value === undefined ? { ...head, result: "nodes", nodes: [] } : { ...head, result: "value", value },
        );
      }
      case "rpcRequest": {
        const target = this.#streamOf(message.targetNode), { requestId, fromNode } = message;
        if (target !== undefined) return void target.write(message);
        const error = "target_peer_not_found",
          head = { kind: "rpcReply", type: "rpc_reply", requestId, error } as const;
        return void this.#streamOf(fromNode)?.write({ ...head, fromNode: this.id, timestamp: now });
      }
      case "rpcReply":
        return void this.#streamOf(message.toNode)?.write(message);
    }
  }

  #streamOf(node: Uint8Array | undefined): GatewayStream | undefined {
    return this.streams.findLast((stream) => node !== undefined && stream.node === toHex(node));
  }

  /** To every stream with a pattern that matches, the publisher's included. */
  #deliver(event: Publish): void {
    const wants = (topic: string) => isPattern(topic) && matches(topic, event.topic as Topic);
    for (const stream of this.streams) if ([...stream.topics].some(wants)) void stream.write(event);
  }
}

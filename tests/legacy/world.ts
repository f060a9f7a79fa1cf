/** A gateway that serves the original's peers, over real QUIC, and such peers as scripted from the recorded facts. @module */

import assert from "node:assert/strict";
import { equalBytes, fromUtf8, utf8 } from "../../src/base/bytes.ts";
import { connect, type ConnectOptions } from "../../src/edge/connect.ts";
import type { Gateway } from "../../src/gateway/gateway.ts";
import { startGateway, type StartGatewayOptions } from "../../src/gateway/start.ts";
import { sha256 } from "../../src/identity/mod.ts";
import type { Mesh } from "../../src/mesh/mesh.ts";
import { createQuicTransport } from "../../src/transport/quic/mod.ts";
import type { BidiStream, Connection, Transport } from "../../src/transport/transport.ts";
import { decodeFrame, encodeFrame, FrameReader, type Message, type Value, type ValueMap } from "../../src/wire/mod.ts";
import { soon, until } from "../conformance/deadline.ts";

export const REALM = "io.macula.demo";

/** Everything of one test; disposing it ends it all. */
export class LegacyWorld implements AsyncDisposable {
  readonly #transports: Transport[] = [];
  readonly #meshes: Mesh[] = [];
  readonly log: string[] = [];

  /** A gateway; peers of the original may do everything unless told otherwise. */
  async gateway(options: Partial<StartGatewayOptions> = {}): Promise<Gateway> {
    const take = (text: string) => void this.log.push(text);
    const logger = { debug: take, info: take, warn: take, error: take };
    const listen = { hostname: "127.0.0.1", port: 0 };
    const gateway = await startGateway({ realm: REALM, listen, legacy: {}, logger, ...options });
    this.#meshes.push(gateway);
    return gateway;
  }

  /** An edge of ours. */
  async edge(gateway: Gateway, options: ConnectOptions = {}): Promise<Mesh> {
    const mesh = await connect(gateway.ticket, options);
    this.#meshes.push(mesh);
    return mesh;
  }

  /** A connection as the original makes one: to whoever answers there. */
  async dial(gateway: Gateway): Promise<Connection> {
    const transport = createQuicTransport();
    this.#transports.push(transport);
    const { publicKey } = gateway["self"].identity;
    return await transport.dial({ address: gateway.address, expect: { kind: "key", publicKey } });
  }

  /** A peer of the original, connected; its id is 32 bytes made from its name. */
  async peer(gateway: Gateway, name: string, options: { id?: Uint8Array; realm?: string } = {}): Promise<OriginalPeer> {
    const peer = await OriginalPeer.open(await this.dial(gateway), options.id ?? idOf(name));
    await peer.connect(options.realm);
    await peer.expect("pong");
    return peer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#transports.map((transport) => transport.close())); // a gateway waits for its peers to leave
    await Promise.all(this.#meshes.map((mesh) => mesh.close()));
  }
}

/** A raw node id. */
export function idOf(name: string): Uint8Array {
  return sha256(utf8(`node ${name}`));
}

/** The key under which the original stores what is about a name. */
export function keyOfName(name: string): Uint8Array {
  return sha256(utf8(name));
}

/** A value with text fields as the original writes them. */
export function record(fields: Readonly<Record<string, string | number | Uint8Array | ValueMap>>): Value {
  return new Map(Object.entries(fields).map(([key, value]) => [key, typeof value === "string" ? utf8(value) : value]));
}

/** One stream of a peer of the original. It counts its message ids from 1, as each of them does. */
export class OriginalPeer {
  readonly id: Uint8Array;
  readonly connection: Connection;
  /** All that came and was not taken. */
  readonly heard: Message[] = [];
  /** Whether the gateway has finished its side. */
  isFinished = false;
  /** What must not have come. */
  #fault: unknown;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #counter = 0;

  private constructor(connection: Connection, { readable, writable }: BidiStream, id: Uint8Array) {
    this.connection = connection;
    this.id = id;
    this.#writer = writable.getWriter();
    this.#read(readable).catch((error) => {
      this.isFinished = true;
      if (error instanceof assert.AssertionError) this.#fault = error;
    });
  }

  /** Opens a stream, and says nothing yet. */
  static async open(connection: Connection, id: Uint8Array): Promise<OriginalPeer> {
    return new OriginalPeer(connection, await connection.openBidi(), id);
  }

  /** CONNECT with the realm's name and an endpoint. */
  async connect(realm = REALM): Promise<void> {
    const capabilities = ["pubsub", "rpc"], endpoint = "https://peer.example:9443";
    await this.send({ kind: "connect", version: "1.0", nodeId: this.id, realmId: realm, capabilities, endpoint });
  }

  /** The next of its counted ids, 16 bytes. */
  nextId(): Uint8Array {
    const id = new Uint8Array(16);
    new DataView(id.buffer).setUint32(12, ++this.#counter);
    return id;
  }

  async send(message: Message): Promise<void> {
    await this.#writer.write(encodeFrame(message));
  }

  async bytes(bytes: Uint8Array): Promise<void> {
    await this.#writer.write(bytes);
  }

  /** FIN. */
  async finish(): Promise<void> {
    await this.#writer.close();
  }

  async subscribe(...topics: string[]): Promise<void> {
    await this.send({ kind: "subscribe", topics, qos: 0 });
    await this.settle();
  }

  /** An event with a JSON payload; returns its message id. */
  async publish(topic: string, data: unknown, { qos = 0, messageId = this.nextId() } = {}): Promise<Uint8Array> {
    const payload = utf8(JSON.stringify(data));
    await this.send({ kind: "publish", topic, payload, qos, retain: false, messageId });
    return messageId;
  }

  /** Says by a record that it serves a procedure. */
  async advertise(procedure: string, ttl = 300): Promise<void> {
    const value = record({ node_id: this.id, endpoint: "https://gw.example:9443", metadata: new Map(), ttl });
    await this.send({ kind: "store", type: "store", key: keyOfName(procedure), value });
    await this.settle();
  }

  /** A call by rpc_request; returns its id. */
  async request(
    procedure: string,
    args: unknown,
    options: { target?: Uint8Array; realm?: string; from?: Uint8Array } = {},
  ): Promise<Uint8Array> {
    const { target, realm = REALM, from = this.id } = options, requestId = this.nextId();
    await this.send({
      kind: "rpcRequest",
      type: "rpc_request",
      requestId,
      procedure,
      args: utf8(JSON.stringify(args)),
      fromNode: from,
      fromEndpoint: "peer.example:4433",
      realm,
      timestamp: 1735689600123,
      ...target === undefined ? {} : { targetNode: target },
    });
    return requestId;
  }

  /** Answers the next rpc_request with what `handler` gives, as the original's provider does. */
  async serve(handler: (args: never, request: Message & { kind: "rpcRequest" }) => unknown): Promise<void> {
    const request = await this.expect("rpcRequest");
    const result = utf8(JSON.stringify(handler(JSON.parse(fromUtf8(request.args)) as never, request)));
    const { requestId, fromNode: toNode } = request;
    await this.send({ kind: "rpcReply", type: "rpc_reply", requestId, result, fromNode: this.id, toNode });
  }

  /** What was sent before has been dealt with once its PING is answered; nothing that is pushed is taken. */
  async settle(): Promise<void> {
    const timestamp = 5_000_000 + ++this.#counter;
    await this.send({ kind: "ping", timestamp });
    await this.expect("pong", (pong) => pong.timestamp === timestamp);
  }

  /** The next message of a kind; others stay. */
  async expect<K extends Message["kind"]>(
    kind: K,
    where: (message: Message & { readonly kind: K }) => boolean = () => true,
  ): Promise<Message & { readonly kind: K }> {
    const matching = (one: Message) => one.kind === kind && where(one as Message & { readonly kind: K });
    await until(() => this.#fault !== undefined || this.heard.some(matching), `a ${kind} for the peer`);
    if (this.#fault !== undefined) throw this.#fault;
    return this.heard.splice(this.heard.findIndex(matching), 1)[0] as Message & { readonly kind: K };
  }

  /** The events that came so far, as topic and JSON value. */
  events(): [string, unknown][] {
    const events: [string, unknown][] = [];
    for (const message of this.heard) {
      if (message.kind === "publish") events.push([message.topic, JSON.parse(fromUtf8(message.payload))]);
    }
    return events;
  }

  /** The answer to a request of its own. */
  async reply(requestId: Uint8Array): Promise<unknown> {
    const reply = await this.expect("rpcReply", (one) => equalBytes(one.requestId, requestId));
    if (reply.result === undefined) throw new Error(reply.error);
    return JSON.parse(fromUtf8(reply.result));
  }

  /** Waits for the gateway's FIN, or the end of the connection. */
  async ended(): Promise<void> {
    await until(() => this.isFinished, "the gateway's end of the stream");
  }

  async gone(): Promise<{ readonly text: string }> {
    return await soon(this.connection.closed, "the end of the connection");
  }

  async #read(readable: ReadableStream<Uint8Array>): Promise<void> {
    const frames = new FrameReader({ frameBytesMax: 1 << 24 });
    for await (const chunk of readable) {
      frames.push(chunk);
      for (let frame = frames.next(); frame !== undefined; frame = frames.next()) {
        const message = decodeFrame(frame.slice());
        assert.notEqual(message.kind, "ping", "a peer of the original crashes on a PING");
        this.heard.push(message);
      }
    }
    this.isFinished = true;
  }
}

/** MQTT 3.1.1: Debian's mosquitto and mqtt.js. A call is an event with a topic for the answer. @module */

import { windowed } from "../role/windowed.ts";
import { imported } from "./packages.ts";
import type { Adapter } from "./system.ts";

interface Connection {
  readonly stream: { setNoDelay?(on: boolean): void };
  on(event: "message", listener: (topic: string, payload: Uint8Array) => void): void;
  publish(topic: string, body: unknown, options: { qos: 0 }, done?: (error?: Error) => void): void;
  subscribeAsync(topic: string, options: { qos: 0 }): Promise<unknown>;
}
interface Package {
  readonly default: { connectAsync(url: string, options: Record<string, unknown>): Promise<Connection> };
}
interface Buffers {
  readonly Buffer: { from(bytes: ArrayBufferLike, offset: number, length: number): Uint8Array };
}

/** Events that are handed to the client before it has written the first of them. */
const WINDOW = 1_000;
const QOS = { qos: 0 } as const;

/** mosquitto. */
export const mosquitto: Adapter = {
  async connect(address) {
    const { default: mqtt } = await imported<Package>("mqtt"), { Buffer } = await imported<Buffers>("node:buffer");
    const clientId = crypto.randomUUID(), replyTopic = `reply/${clientId}`;
    const connection = await mqtt.connectAsync(`mqtt://127.0.0.1:${address}`, {
      clientId,
      clean: true,
      keepalive: 120,
      reconnectPeriod: 0,
    });
    connection.stream.setNoDelay?.(true); // Nagle alone costs stalls of 40 ms
    const body = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const handlers = new Map<string, (payload: Uint8Array) => void>();
    const pending = new Map<number, (payload: Uint8Array) => void>();
    let calls = 0, listening: Promise<unknown> | undefined;
    connection.on("message", (topic, payload) => {
      if (topic !== replyTopic) return handlers.get(topic)?.(payload);
      const call = viewOf(payload).getUint32(0), resolve = pending.get(call);
      pending.delete(call);
      resolve?.(payload.subarray(4));
    });
    return {
      async subscribe(topic, on) {
        handlers.set(topic, on);
        await connection.subscribeAsync(topic, QOS);
      },
      pump: (topic, payloads, count) =>
        windowed(count, WINDOW, (index, done) => connection.publish(topic, body(payloads(index)), QOS, done)),
      publish: (topic, payload) => connection.publish(topic, body(payload), QOS),
      async serve(procedure, handler) { // u8 length of the reply topic, topic, u32 number, body
        handlers.set(procedure, (request) => {
          const topicEnd = 1 + request[0]!, result = handler(request.subarray(topicEnd + 4));
          const reply = new Uint8Array(4 + result.length);
          reply.set(request.subarray(topicEnd, topicEnd + 4));
          reply.set(result, 4);
          connection.publish(new TextDecoder().decode(request.subarray(1, topicEnd)), body(reply), QOS);
        });
        await connection.subscribeAsync(procedure, QOS);
      },
      async call(procedure, request) {
        await (listening ??= connection.subscribeAsync(replyTopic, QOS));
        const call = ++calls, topic = new TextEncoder().encode(replyTopic), bodyAt = 5 + topic.length;
        const message = new Uint8Array(bodyAt + request.length);
        message[0] = topic.length;
        message.set(topic, 1);
        viewOf(message).setUint32(1 + topic.length, call);
        message.set(request, bodyAt);
        return await new Promise((resolve) => {
          pending.set(call, resolve);
          connection.publish(procedure, body(message), QOS);
        });
      },
    };
  },
};

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

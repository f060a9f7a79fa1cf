/** NATS: Debian's nats-server and the project's own JavaScript client. @module */

import { imported } from "./packages.ts";
import type { Adapter } from "./system.ts";

interface Message {
  readonly data: Uint8Array;
  respond(body: Uint8Array): boolean;
}
interface Connection {
  subscribe(subject: string, options: { callback: (error: unknown, message: Message) => void }): unknown;
  publish(subject: string, body: Uint8Array): void;
  flush(): Promise<void>;
  request(subject: string, body: Uint8Array, options: { timeout: number }): Promise<Message>;
}
interface Package {
  connect(options: { servers: string }): Promise<Connection>;
}

/** Events between two flushes: the client has no other back-pressure. */
const FLUSH_EVENTS = 1_000;
const CALL_TIMEOUT_MS = 5_000;

/** NATS core. */
export const nats: Adapter = {
  async connect(address) {
    const { connect } = await imported<Package>("@nats-io/transport-node");
    const connection = await connect({ servers: `127.0.0.1:${address}` });
    return {
      async subscribe(topic, on) {
        connection.subscribe(topic, { callback: (_error, message) => on(message.data) });
        await connection.flush();
      },
      async pump(topic, payloads, count) {
        for (let i = 0; i < count; i++) {
          connection.publish(topic, payloads(i));
          if (i % FLUSH_EVENTS === FLUSH_EVENTS - 1) await connection.flush();
        }
        await connection.flush();
      },
      publish: (topic, payload) => connection.publish(topic, payload),
      async serve(procedure, handler) {
        connection.subscribe(procedure, { callback: (_error, message) => message.respond(handler(message.data)) });
        await connection.flush();
      },
      call: async (procedure, request) =>
        (await connection.request(procedure, request, { timeout: CALL_TIMEOUT_MS })).data,
    };
  },
};

/** Ours, as a user writes it: the public module, default settings. @module */

import { connect, createIdentity, type Mesh, startGateway } from "../../mod.ts";
import type { Adapter, Client, Handshaken, Hub } from "./system.ts";

const REALM = "org.example.bench";
/** The hub's key; the same in each run, so that a stored certificate fits. */
const HUB_SEED = new Uint8Array(32).fill(9);

/** Our mesh. */
export const macula: Adapter = {
  async connect(address) {
    return clientOf(await connect(address));
  },

  async listen({ folder }): Promise<Hub> {
    const path = `${folder}/leaf.json`;
    const gateway = await startGateway({
      realm: REALM,
      listen: { hostname: "127.0.0.1", port: 0 },
      identity: createIdentity(HUB_SEED),
      certificates: {
        load: () => Deno.readTextFile(path).catch(() => undefined),
        save: (text) => Deno.writeTextFile(path, text, { mode: 0o600 }),
      },
    });
    return { address: gateway.ticket, ...clientOf(gateway) };
  },

  async dial(address): Promise<Handshaken> {
    const mesh = await connect(address);
    return { close: () => void mesh.close().catch(() => {}) };
  },
};

function clientOf(mesh: Mesh): Client {
  return {
    async subscribe(topic, on) {
      const subscription = mesh.subscribe<Uint8Array>(topic);
      await subscription.ready;
      void (async () => {
        for await (const event of subscription) on(event.data);
      })();
    },
    async pump(topic, payloads, count) {
      for (let i = 0; i < count; i++) await mesh.publish(topic, payloads(i));
    },
    publish: (topic, payload) => void mesh.publish(topic, payload),
    async serve(procedure, handler) {
      await mesh.advertise(procedure, handler);
    },
    call: (procedure, request) => mesh.call<Uint8Array>(procedure, request),
  };
}

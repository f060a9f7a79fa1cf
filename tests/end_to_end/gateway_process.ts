/** A gateway in a process of its own: `gateway_process.ts <port> <seed as hex>`; prints its ticket. @module */

import { createIdentity, startGateway } from "../../mod.ts";

const [port = "0", seed = ""] = Deno.args;
const gateway = await startGateway({
  realm: "org.example.test",
  listen: { hostname: "127.0.0.1", port: Number(port) },
  identity: createIdentity(Uint8Array.fromHex(seed)),
});
console.log(gateway.ticket);
await new Promise(() => {});

/** A gateway in a process of its own: prints its ticket, and lives until its standard input ends. @module */

import { startGateway } from "../../mod.ts";

if (import.meta.main) {
  const gateway = await startGateway({ realm: "org.example.home", listen: { hostname: "127.0.0.1", port: 0 } });
  console.log(gateway.ticket);
  await Deno.stdin.readable.pipeTo(new WritableStream());
  await gateway.close();
  Deno.exit();
}

/** The transport suite on the memory network. @module */

import { issueMemoryLeaf, MemoryNetwork } from "../../src/transport/memory/mod.ts";
import { systemTimers } from "../conformance/deadline.ts";
import { testTransport } from "../conformance/transport.ts";
import { WORLD_LIMITS } from "../conformance/transport_world.ts";

for (const latencyMs of [0, 3]) {
  testTransport(`memory with ${latencyMs} ms`, () => {
    const network = new MemoryNetwork({ timers: systemTimers, limits: WORLD_LIMITS, latencyMs: () => latencyMs });
    return {
      client: network.transport("client"),
      server: network.transport("server"),
      host: "server",
      issueLeaf: issueMemoryLeaf,
      vanish: () => network.cut("client", "server"),
    };
  });
}

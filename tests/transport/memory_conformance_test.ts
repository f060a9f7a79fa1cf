/** The transport suite on the memory network. @module */

import { issueMemoryLeaf, MemoryNetwork } from "../../src/transport/memory/mod.ts";
import { systemTimers } from "../conformance/deadline.ts";
import { testTransport } from "../conformance/transport.ts";

for (const latencyMs of [0, 3]) {
  testTransport(`memory with ${latencyMs} ms`, (limits) => {
    const network = new MemoryNetwork({ timers: systemTimers, limits, latencyMs: () => latencyMs });
    return {
      client: network.transport("client"),
      server: network.transport("server"),
      host: "server",
      issueLeaf: issueMemoryLeaf,
      vanish: () => network.cut("client", "server"),
    };
  });
}

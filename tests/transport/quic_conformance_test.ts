/** The transport suite on Deno's QUIC. @module */

import { issueLeaf } from "../../src/identity/mod.ts";
import { createQuicTransport } from "../../src/transport/quic/mod.ts";
import { testTransport } from "../conformance/transport.ts";
import { WORLD_LIMITS } from "../conformance/transport_world.ts";

testTransport("quic", () => ({
  client: createQuicTransport({ limits: WORLD_LIMITS }),
  server: createQuicTransport({ limits: WORLD_LIMITS }),
  host: "127.0.0.1",
  issueLeaf,
}));

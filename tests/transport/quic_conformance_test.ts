/** The transport suite on Deno's QUIC. @module */

import { issueLeaf } from "../../src/identity/mod.ts";
import { createQuicTransport } from "../../src/transport/quic/mod.ts";
import { testTransport } from "../conformance/transport.ts";

testTransport("quic", (limits) => ({
  client: createQuicTransport({ limits }),
  server: createQuicTransport({ limits }),
  host: "127.0.0.1",
  issueLeaf,
}));

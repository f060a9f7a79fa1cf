/** Opens a gateway for peers of Macula 0.20. @module */

import { ValidationError } from "../base/errors.ts";
import { LegacyGate, type LegacyOptions, parseAllow } from "../legacy/mod.ts";
import type { Self } from "../link/handshake.ts";
import type { Logger } from "../mesh/options.ts";
import type { Node } from "../node/node.ts";
import type { Runtime } from "../node/runtime.ts";
import type { Provider } from "../rpc/messages.ts";
import type { Address } from "../transport/transport.ts";

/** Lets the gate serve the node behind it. */
export function serveLegacy(gate: LegacyGate, node: Node, address: () => Address): void {
  gate.bind({
    links: node.links,
    address,
    received: (link, message) => node.received(link, message),
    pause: () => node.pause(),
    providers: async (procedure) => {
      const providers = await node.rpc<Provider[]>({ type: "providers", procedure }).answer;
      return providers.map((provider) => provider.node);
    },
  });
}

/** What a gateway gives up by serving them. */
const GIVEN_UP =
  "legacy peers of Macula 0.20 are served: who reaches this port and knows the realm's name may join, node ids are " +
  "claimed and not proven, and nothing that such a peer says is signed; what it may do is allowed here";

/** What a gate is opened with. */
export interface OpenOptions {
  readonly self: Self;
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly frameBytesMax: number;
}

/** The gate, and a line in the log that says what it costs. Throws `ValidationError` on a list that cannot be read. */
export function openLegacyGate(
  { allow }: LegacyOptions,
  { self, runtime, logger, frameBytesMax }: OpenOptions,
): LegacyGate {
  const { identity, realm, endpoint, guard } = self, rights = parseAllow(allow);
  if (allow === undefined && guard !== undefined && guard.mode !== "open") {
    throw new ValidationError(
      `Cannot allow legacy peers: they can show no ${guard.mode}, so in this realm it must be said what they may do; ` +
        "give legacy.allow or --legacy-allow, as in publish:sensor.**",
    );
  }
  logger.warn(GIVEN_UP, { allow: allow ?? "everything" });
  return new LegacyGate({
    self: {
      node: identity.id,
      nodeBytes: identity.idBytes,
      publicKey: identity.publicKey,
      role: "hub",
      capabilities: [],
      endpoint,
    },
    realm,
    rights,
    timers: runtime.timers,
    random: runtime.random.fork("legacy"),
    frameBytesMax,
    log: (text, details) => logger.info(text, details),
  });
}

/** One dial: a connection, and the handshake over it. @module */

import type { Timers } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import { isIpLiteral, type NodeId } from "../../identity/mod.ts";
import type { Address, Expectation, Transport } from "../../transport/transport.ts";
import { establish, type Established } from "../establish.ts";
import type { Self } from "../handshake.ts";

/** A hub to dial. */
export interface Target {
  readonly addresses: readonly Address[];
  readonly expect: Expectation;
  /** The node that must answer, where it is known. */
  readonly node?: NodeId;
}

/** What dials. */
export interface Dialler {
  readonly self: Self;
  readonly transport: Transport;
  readonly timers: Timers;
  readonly random: Random;
  /** CAs (PEM) for gateways with a certificate for their host name; default the system's. */
  readonly caCerts?: readonly string[] | undefined;
  /** Makes a link of a connection; default the handshake of `mesh/1`. */
  readonly establish?: typeof establish | undefined;
}

/** Dials one of the target's addresses. Rejects with `DialError`, `RefusedError`, `TimeoutError`, or when aborted. */
export async function dialTarget(
  target: Target,
  address: Address,
  { self, transport, timers, random, caCerts, signal, ...dialler }: Dialler & { readonly signal: AbortSignal },
): Promise<Established> {
  const byName = caCerts === undefined ? { kind: "name" } as const : { kind: "name", caCerts } as const;
  // Over ours only who dialled opens two-way streams.
  const options = dialler.establish === undefined ? { address, signal, bidiStreamsMax: 0 } : { address, signal };
  const connection = await transport.dial({ ...options, expect: target.expect }).catch((error) => {
    // A gateway with a certificate of a real CA cannot show one of its key: TLS proves the host, hello the node.
    if (target.expect.kind !== "key" || isIpLiteral(address.hostname) || error.code !== "untrusted") throw error;
    return transport.dial({ ...options, expect: byName }).catch(() => Promise.reject(error));
  });
  const dialled = target.node ?? address.hostname;
  const onAbort = () => connection.close(0, "normal");
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await (dialler.establish ?? establish)(connection, { self, timers, random, dialled, expected: target.node });
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

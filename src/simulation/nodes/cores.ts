/** The cores of a simulated node: those of production, or others in their place. @module */

import type { Core } from "../../base/protocol.ts";
import {
  DHT_DEFAULTS,
  DhtClient,
  type DhtCommand,
  DhtCore,
  type DhtEvent,
  type DhtMessage,
  type DhtOptions,
  type DhtTimer,
} from "../../dht/mod.ts";
import { PUBSUB_DEFAULTS, PubsubCore, type PubsubOptions } from "../../pubsub/core.ts";
import type { PubsubCommand, PubsubEvent, PubsubMessage, PubsubTimer } from "../../pubsub/messages.ts";
import { RpcCore } from "../../rpc/core.ts";
import type { RpcCommand, RpcEvent, RpcMessage, RpcTimer } from "../../rpc/messages.ts";
import { RPC_DEFAULTS, type RpcOptions } from "../../rpc/options.ts";
import type { CoreName } from "./passage.ts";
import type { RecordChecker } from "./mint.ts";
import type { Participant } from "./world.ts";

/** The hash table of a node. */
export type AnyDht = Core<DhtMessage, DhtCommand, DhtTimer, DhtEvent>;

/** What a node runs; what is undefined it does without. */
export interface Cores {
  readonly dht: AnyDht | undefined;
  readonly pubsub: Core<PubsubMessage, PubsubCommand, PubsubTimer, PubsubEvent> | undefined;
  readonly rpc: Core<RpcMessage, RpcCommand, RpcTimer, RpcEvent> | undefined;
}

/** Puts something else in the place of a core: to see that a checker notices a broken one. */
export interface CoreMakers {
  dht?(options: DhtOptions, host: Participant): AnyDht;
  pubsub?(options: PubsubOptions, host: Participant): NonNullable<Cores["pubsub"]>;
  rpc?(options: RpcOptions, host: Participant): NonNullable<Cores["rpc"]>;
  /** Checks records that arrive. */
  checker?(sound: RecordChecker): RecordChecker;
}

/** What is made, and how. */
export interface CoresOptions {
  readonly names: readonly CoreName[];
  readonly dht: Partial<DhtOptions>;
  readonly make: CoreMakers;
}

/** Makes the cores of one life of a node, each with a random stream of its own. */
export function makeCores(host: Participant, { names, dht, make }: CoresOptions): Cores {
  const hub = host.role === "hub", node = host.signer.nodeBytes;
  const dhtOptions: DhtOptions = { ...DHT_DEFAULTS, ...dht, node, random: host.random.fork("dht") };
  const directory = hub && names.includes("dht");
  const pubsubOptions: PubsubOptions = { ...PUBSUB_DEFAULTS, hub, node, directory };
  const rpcOptions: RpcOptions = { ...RPC_DEFAULTS, hub, node, random: host.random.fork("rpc"), directory };
  return {
    dht: !names.includes("dht")
      ? undefined
      : make.dht?.(dhtOptions, host) ?? (hub ? new DhtCore(dhtOptions) : new DhtClient(dhtOptions)),
    pubsub: !names.includes("pubsub") ? undefined : make.pubsub?.(pubsubOptions, host) ?? new PubsubCore(pubsubOptions),
    rpc: !names.includes("rpc") ? undefined : make.rpc?.(rpcOptions, host) ?? new RpcCore(rpcOptions),
  };
}

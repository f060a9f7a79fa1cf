/** Rules about the hash table: replies, tables, holders. @module */

import { equalBytes } from "../../base/bytes.ts";
import { DHT_DEFAULTS } from "../../dht/mod.ts";
import { compareDistance } from "../../names/mod.ts";
import type { Checker } from "./checker.ts";
import type { Mint } from "../nodes/mint.ts";
import type { Settings } from "../settings.ts";
import type { AnyEffect, Participant, Step } from "../nodes/world.ts";

type Reply = Extract<Extract<AnyEffect, { kind: "send" }>["message"], { kind: "findNodeReply" | "findValueReply" }>;

/** A hub answers with at most k nodes, the closest first, none twice, not the one who asks, and only proven records. */
export function repliesAreSound({ dht, mint }: Settings & { readonly mint: Mint }): Checker {
  const most = dht.closestCount ?? DHT_DEFAULTS.closestCount;
  return {
    name: "replies are sound",
    step({ host, core, input, effects }) {
      if (core !== "dht" || input.kind !== "received" || host.role !== "hub") return undefined;
      const { message } = input;
      if (message.kind !== "findNode" && message.kind !== "findValue") return undefined;
      const target = message.kind === "findNode" ? message.target : message.key;
      for (const effect of effects) {
        if (effect.kind !== "send" || effect.to !== input.from) continue;
        const reply = effect.message;
        if (reply.kind !== "findNodeReply" && reply.kind !== "findValueReply") continue;
        const asker = host.links.to(input.from)?.node;
        const wrong = wrongIn(reply, { target, most, asker, mint });
        if (wrong !== undefined) return `node ${host.index} answers ${wrong}`;
      }
      return undefined;
    },
  };
}

function wrongIn(
  reply: Reply,
  { target, most, asker, mint }: { target: Uint8Array; most: number; asker: string | undefined; mint: Mint },
): string | undefined {
  const { nodes } = reply;
  if (nodes.length > most) return `with ${nodes.length} nodes`;
  for (let i = 0; i < nodes.length; i++) {
    if (nodes[i]!.node === asker) return "with the one who asks";
    if (i > 0 && compareDistance(target, nodes[i - 1]!.nodeBytes, nodes[i]!.nodeBytes) >= 0) return "out of order";
  }
  const records = reply.kind === "findValueReply" ? reply.records : [];
  for (const record of records) {
    if (!equalBytes(record.key, target)) return "with a record of another key";
    if (!mint.made(record)) return `with a record that ${record.node.slice(0, 12)} never made`;
  }
  return nodes.every((node) => mint.made(node)) ? undefined : "with a node that never said so";
}

/** A routing table holds hubs only, not its own, and no bucket more than k. */
export function tablesAreSound({ dht }: Settings): Checker {
  const most = dht.closestCount ?? DHT_DEFAULTS.closestCount;
  return {
    name: "routing tables are sound",
    second(hosts) {
      for (const host of hosts) {
        const table = host.isAlive ? host.hashTable?.table : undefined;
        if (table === undefined) continue;
        const perBucket = new Map<number, number>();
        for (const { node, nodeBytes, role } of table.entries()) {
          if (role !== "hub") return `node ${host.index} holds an edge`;
          if (node === host.signer.node) return `node ${host.index} holds itself`;
          const bucket = sharedBits(host.signer.nodeBytes, nodeBytes), count = (perBucket.get(bucket) ?? 0) + 1;
          if (count > most) return `node ${host.index} has over ${most} nodes in bucket ${bucket}`;
          perBucket.set(bucket, count);
        }
      }
      return undefined;
    },
  };
}

/** What is held was really made, is under its bounds, and is forgotten soon after its end. */
export function holdersAreSound({ dht, mint, skewMs }: Settings & { readonly mint: Mint }): Checker {
  const { recordsMax, recordBytesMax, recordsPerNodeMax, recordsPerKeyMax, upkeepEveryMs } = {
    ...DHT_DEFAULTS,
    ...dht,
  };
  const graceMs = upkeepEveryMs + 2 * skewMs + 2_000;
  return {
    name: "holders are sound",
    second(hosts, now) {
      for (const host of hosts) {
        const records = host.isAlive ? host.hashTable?.records : undefined;
        if (records === undefined) continue;
        const who = `node ${host.index}`;
        if (records.size > recordsMax || records.bytes > recordBytesMax) return `${who} holds ${records.size} records`;
        const perNode = new Map<string, number>(), perKey = new Map<string, number>();
        for (const record of records.all()) {
          if (!mint.made(record)) return `${who} holds a record that ${record.node.slice(0, 12)} never made`;
          if (record.expiresAt + graceMs < now) return `${who} holds a record that expired long ago`;
          if (countIn(perNode, record.node) > recordsPerNodeMax) return `${who} holds too many records of one node`;
          if (countIn(perKey, record.key.toHex()) > recordsPerKeyMax) return `${who} holds too many under one key`;
        }
      }
      return undefined;
    },
  };
}

/** A holder never goes back to an older statement of the same node about the same. */
export function sequencesRise(): Checker {
  const latest = new WeakMap<Participant, { epoch: number; sequences: Map<string, number> }>();
  return {
    name: "sequences rise",
    second(hosts) {
      for (const host of hosts) {
        const records = host.isAlive ? host.hashTable?.records : undefined;
        if (records === undefined) continue;
        const before = latest.get(host), sequences = new Map<string, number>();
        for (const record of records.all()) {
          const slot = `${record.kind} ${record.name} ${record.node} ${record.key.toHex()}`;
          const known = before?.epoch === host.epoch ? before.sequences.get(slot) : undefined;
          if (known !== undefined && record.sequence < known) return `node ${host.index} went back to an older record`;
          sequences.set(slot, record.sequence);
        }
        latest.set(host, { epoch: host.epoch, sequences });
      }
      return undefined;
    },
  };
}

function countIn(counts: Map<string, number>, key: string): number {
  const count = (counts.get(key) ?? 0) + 1;
  counts.set(key, count);
  return count;
}

function sharedBits(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i++) {
    const difference = a[i]! ^ b[i]!;
    if (difference !== 0) return 8 * i + Math.clz32(difference) - 24;
  }
  return 8 * a.length;
}

/** For rules of one's own: the steps of one core. */
export function ofCore(
  core: Step["core"],
  check: (step: Step) => string | undefined,
): (step: Step) => string | undefined {
  return (step) => step.core === core ? check(step) : undefined;
}

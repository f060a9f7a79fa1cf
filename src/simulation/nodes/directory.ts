/**
 * Answers a hub's questions about the mesh from the hash table: which hubs serve a procedure, and where they are. Cores
 * do not know each other; what stands between them in production is `node/`, here it is this.
 *
 * @module
 */

import { fromHex } from "../../base/bytes.ts";
import type { NodesFound, RecordsFound, Stored } from "../../dht/mod.ts";
import { recordKey, type VerifiedRecord } from "../../identity/mod.ts";
import { matches, parseProcedure, type Pattern, type Topic } from "../../names/mod.ts";
import type { PubsubEvent } from "../../pubsub/messages.ts";
import type { RpcEvent, RpcQuestion } from "../../rpc/messages.ts";
import { REALM } from "./mint.ts";
import type { Outcome, Participant } from "./world.ts";

/** Deals with an event if it is such a question. */
export function answerQuestion(host: Participant, event: RpcEvent | PubsubEvent): boolean {
  switch (event.type) {
    case "seek":
      seek(host, event);
      return true;
    case "provided":
      state(host, "provider", event.procedure);
      return true;
    case "wanted":
      state(host, "interest", event.pattern);
      return true;
    case "unprovided":
      withdraw(host, "provider", event.procedure);
      return true;
    case "unwanted":
      withdraw(host, "interest", event.pattern);
      return true;
    case "interest":
      interest(host, event.topic);
      return true;
    case "keeping":
      if (event.isKeeping) state(host, "provider", KEEPERS);
      else withdraw(host, "provider", KEEPERS);
      return true;
    case "keepers":
      keepers(host);
      return true;
    case "stale":
      host.remembered.delete(event.procedure);
      return true;
    default:
      return false;
  }
}

/** Finds out how a node is reached, by the hash table. */
export function locate(host: Participant, node: string, done: (found: boolean) => void): void {
  host.command("dht", { type: "findNode", target: fromHex(node) }, (outcome) => {
    done(valueOf<NodesFound>(outcome)?.nodes.some((one) => one.node === node) ?? false);
  });
}

/** What was found is remembered so long, ms, and for so many procedures. */
const REMEMBERED_MS = 60_000, REMEMBERED_MAX = 10_000;
/** So many holders with records are enough, as in production. */
const QUORUM = 3;

function seek(host: Participant, { seek, procedure, fresh }: Extract<RpcQuestion, { type: "seek" }>): void {
  const key = recordKey(REALM, "provider", procedure), before = host.remembered.get(procedure);
  if (!fresh && before !== undefined && host.wallMs < before.until) {
    return host.tell("rpc", { type: "found", seek, hubs: before.hubs, remembered: true, complete: true });
  }
  host.command("dht", { type: "findValue", key, quorum: fresh ? Infinity : QUORUM }, (outcome) => {
    const { records, complete } = valueOf<RecordsFound>(outcome) ?? { records: [], complete: false };
    const hubs = records.map(({ nodeBytes }) => nodeBytes);
    if (hubs.length > 0 && host.remembered.size < REMEMBERED_MAX) {
      host.remembered.set(procedure, { hubs, until: host.wallMs + REMEMBERED_MS });
    }
    host.tell("rpc", { type: "found", seek, hubs, remembered: false, complete });
  });
}

/** Other hubs that want a topic count so long, ms, and while they are looked for again. */
const INTERESTED_MS = 10_000, MEANWHILE_MS = 1_000;

/** Answers from memory at once; what is out of date is looked up meanwhile: in production its holders tell of changes. */
function interest(host: Participant, topic: Topic): void {
  const slot = `interest ${topic}`, before = host.remembered.get(slot);
  const tell = (hubs: readonly Uint8Array[], forMs: number) =>
    host.tell("pubsub", { type: "interested", topic, hubs: hubs.map((hub) => hub.toHex()), forMs });
  if (before !== undefined) tell(before.hubs, Math.max(MEANWHILE_MS, before.until - host.wallMs));
  if (before !== undefined && host.wallMs < before.until) return;
  const segments = topic.split("."), names = ["", ...segments.map((_, i) => segments.slice(0, i + 1).join("."))];
  const found = new Map<string, Uint8Array>();
  let left = names.length;
  if (before !== undefined) host.remembered.set(slot, { hubs: before.hubs, until: host.wallMs + MEANWHILE_MS });
  for (const name of names) {
    host.command("dht", { type: "findValue", key: recordKey(REALM, "interest", name), quorum: QUORUM }, (outcome) => {
      for (const record of valueOf<RecordsFound>(outcome)?.records ?? []) {
        const isOther = record.kind === "interest" && record.node !== host.signer.node;
        if (isOther && matches(record.pattern, topic)) found.set(record.node, record.nodeBytes);
      }
      if (--left > 0) return;
      const hubs = found.size > 0 ? [...found.values()] : before?.hubs ?? [];
      if (host.remembered.size < REMEMBERED_MAX) {
        host.remembered.set(slot, { hubs, until: host.wallMs + INTERESTED_MS });
      }
      tell(hubs, INTERESTED_MS);
    });
  }
}

/** Other hubs that keep retained events, remembered as the hubs of a topic are. */
function keepers(host: Participant): void {
  const before = host.remembered.get(KEEPERS), key = recordKey(REALM, "provider", KEEPERS);
  const tell = (hubs: readonly Uint8Array[]) =>
    host.tell("pubsub", { type: "keepers", hubs: hubs.map((hub) => hub.toHex()) });
  if (before !== undefined && host.wallMs < before.until) return tell(before.hubs);
  host.command("dht", { type: "findValue", key, quorum: QUORUM }, (outcome) => {
    const others = (valueOf<RecordsFound>(outcome)?.records ?? []).filter(({ node }) => node !== host.signer.node);
    const hubs = others.length > 0 ? others.map(({ nodeBytes }) => nodeBytes) : before?.hubs ?? [];
    if (host.remembered.size < REMEMBERED_MAX) {
      host.remembered.set(KEEPERS, { hubs, until: host.wallMs + MEANWHILE_MS });
    }
    tell(hubs);
  });
}

/** Publishes a record that it holds, and tells the core how many keep it. */
function state(host: Participant, kind: "provider" | "interest", name: string): void {
  const record = statement(host, kind, name, { sequence: Math.floor(host.wallMs) });
  host.published.set(`${kind} ${name}`, record);
  host.command("dht", { type: "publish", record }, (outcome) => {
    const { confirmed, asked } = valueOf<Stored>(outcome) ?? { confirmed: 0, asked: 0 };
    const confirmation = { confirmed, asked };
    if (kind === "provider") host.tell("rpc", { type: "recorded", procedure: name, confirmation });
    else host.tell("pubsub", { type: "recorded", pattern: name as Pattern, confirmation });
  });
}

function withdraw(host: Participant, kind: "provider" | "interest", name: string): void {
  const before = host.published.get(`${kind} ${name}`);
  if (before === undefined) return;
  host.published.delete(`${kind} ${name}`);
  const sequence = Math.max(Math.floor(host.wallMs), before.sequence + 1);
  host.tell("dht", { type: "withdraw", record: statement(host, kind, name, { sequence, withdrawn: true }) });
}

function statement(
  { signer }: Participant,
  kind: "provider" | "interest",
  name: string,
  head: { readonly sequence: number; readonly withdrawn?: true },
): VerifiedRecord {
  const times = { ...head, realm: REALM, expiresAt: head.sequence + TTL_MS };
  return kind === "provider"
    ? signer.sign({ kind, ...times, procedure: parseProcedure(name) })
    : signer.sign({ kind, ...times, pattern: name as Pattern });
}

/** As in production. */
const KEEPERS = "_mesh.retained";
/** How long such a record holds, ms. */
const TTL_MS = 300_000;

function valueOf<T>(outcome: Outcome): T | undefined {
  return "value" in outcome ? outcome.value as T : undefined;
}

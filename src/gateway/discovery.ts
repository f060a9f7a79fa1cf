/**
 * Who serves a procedure or wants a topic, over the whole mesh: records name the hubs, and each hub names its own.
 *
 *     _mesh.providers { procedure, fresh? } ─▶ records ─▶ _mesh.providers { procedure, here: true } at each hub
 *
 * @module
 */

import { type Labels, type NodeId, nodeId, readLabels, type VerifiedRecord } from "../identity/mod.ts";
import type { Self } from "../link/handshake.ts";
import type { Link } from "../link/link.ts";
import type { ProviderInfo } from "../mesh/options.ts";
import type { Handler } from "../mesh/service.ts";
import { parseProcedure, parseTopic } from "../names/mod.ts";
import type { Node } from "../node/node.ts";
import type { Provider } from "../rpc/messages.ts";

/** Hubs that are asked for one answer, how many of them at once, and how long each may take, ms. */
export const HUBS_ASKED_MAX = 256, HUBS_ASKED_AT_ONCE = 16, HUB_ANSWER_MS = 1_500;
/** Answers in the making at one gateway; more are refused as overloaded. */
export const DISCOVERIES_MAX = 64;
/** Entries that are taken of one hub's answer. */
const ENTRIES_PER_HUB_MAX = 10_000;

/** What discovery works with. */
export interface DiscoverySource {
  /** This hub. */
  readonly self: Self;
  readonly node: Node;
  /** Calls a procedure of another hub. */
  readonly ask: (hub: NodeId, procedure: string, args: unknown, timeoutMs: number) => Promise<unknown>;
}

interface Question {
  readonly procedure?: unknown;
  readonly topic?: unknown;
  /** What is remembered will not do. */
  readonly fresh?: unknown;
  /** Only those at this very hub. */
  readonly here?: unknown;
}

/** The procedures `_mesh.providers` and `_mesh.subscribers` of a gateway. */
export function discoveryProcedures(source: DiscoverySource): Readonly<Record<string, Handler>> {
  return {
    "_mesh.providers": (args: Question | null) => providers(source, args ?? {}),
    "_mesh.subscribers": (args: Question | null) => subscribers(source, args ?? {}),
  };
}

async function providers(source: DiscoverySource, { procedure, fresh, here }: Question): Promise<ProviderInfo[]> {
  const name = parseProcedure(String(procedure)), { self, node } = source, { id } = self.identity;
  const known = await node.rpc<Provider[]>({ type: "providers", procedure: name }).answer;
  const nodes = new Map(known.toReversed().map((one) => [nodeId(one.node), one])); // of several handlers the first
  const own = [...nodes.values()].reverse().map(({ node: bytes, peer, metadata }): ProviderInfo => ({
    node: nodeId(bytes),
    hub: id,
    ...(metadata === undefined ? {} : { metadata: JSON.parse(metadata) }),
    ...labelled(peer === undefined ? self : node.links.get(peer)?.peer ?? {}),
  }));
  if (here === true) return own;
  const records = await node.directory!.providers(name, { fresh: fresh === true });
  const others = await askAll(source, records, "_mesh.providers", { procedure: name, here: true });
  return [...own, ...others.flatMap(({ hub, answer }) => answer.flatMap((one) => provider(hub, one)))];
}

async function subscribers(source: DiscoverySource, { topic, fresh, here }: Question): Promise<NodeId[]> {
  const name = parseTopic(String(topic)), { self: { identity: { id } }, node } = source;
  const command = { type: "audience", topic: name } as const;
  const { links, own } = await node.pubsub<{ links: string[]; own: boolean }>(command).answer;
  const attached = links.map((link) => node.links.get(link)).filter((link): link is Link => link !== undefined);
  const known = [...own ? [id] : [], ...attached.map((link) => link.peer.node)];
  if (here === true) return [...new Set(known)];
  const records = await node.directory!.subscribers(name, { fresh: fresh === true });
  const others = await askAll(source, records, "_mesh.subscribers", { topic: name, here: true });
  return [...new Set([...known, ...others.flatMap(({ answer }) => answer.filter(isNodeId))])];
}

/** Asks the hubs that records name; those that do not answer in time are left out. */
async function askAll(
  { ask }: DiscoverySource,
  records: readonly VerifiedRecord[],
  procedure: string,
  args: unknown,
): Promise<{ readonly hub: NodeId; readonly answer: readonly unknown[] }[]> {
  const hubs = records.slice(0, HUBS_ASKED_MAX).map(({ node }) => node), answers: (readonly unknown[])[] = [];
  let next = 0;
  const askNext = async () => {
    for (let i = next++; i < hubs.length; i = next++) {
      const answer = await ask(hubs[i]!, procedure, args, HUB_ANSWER_MS).catch(() => []);
      answers[i] = Array.isArray(answer) ? answer.slice(0, ENTRIES_PER_HUB_MAX) : [];
    }
  };
  await Promise.all(Array.from({ length: HUBS_ASKED_AT_ONCE }, askNext));
  return hubs.map((hub, i) => ({ hub, answer: answers[i] ?? [] }));
}

/** What another hub says is its own; that it is this hub's is not left to it. */
function provider(hub: NodeId, said: unknown): ProviderInfo[] {
  const { node, metadata, labels } = (said ?? {}) as { node?: unknown; metadata?: unknown; labels?: unknown };
  if (!isNodeId(node)) return [];
  const read = readLabels(labels), head = { node, hub, ...labelled({ labels: read === "bad" ? undefined : read }) };
  if (typeof metadata !== "object" || metadata === null || Array.isArray(metadata)) return [head];
  return [{ ...head, metadata: metadata as Record<string, unknown> }];
}

/** A node's labels, where it has some. */
export function labelled({ labels }: { readonly labels?: Labels | undefined }): { readonly labels?: Labels } {
  return labels === undefined ? {} : { labels };
}

function isNodeId(said: unknown): said is NodeId {
  return typeof said === "string" && /^[0-9a-f]{64}$/.test(said);
}

/** What is told to whoever waits for a query. @module */

import type { Failure } from "../../base/protocol.ts";
import type { VerifiedRecord } from "../../identity/record.ts";
import { reply, storeAck } from "../holder.ts";
import type { Lookup } from "../lookup.ts";
import type { Contact, DhtEffect, NodesFound, RecordsFound, Stored } from "../messages.ts";
import { paged } from "../records.ts";
import type { Asker, Query } from "./query.ts";

/** The answer to who looked for nodes or records. */
export function found(
  { purpose, asker }: Query,
  { hops, queries, closest }: Lookup<Contact>,
  { complete, replyBytesMax, now }: {
    readonly complete: boolean;
    readonly replyBytesMax: number;
    readonly now: number;
  },
): DhtEffect | undefined {
  if (asker.kind === "nobody") return undefined;
  if (purpose.type !== "findValue") {
    if (asker.kind === "own") {
      const value: NodesFound = { nodes: closest, hops, queries };
      return { kind: "answer", id: asker.command, value };
    }
    const { peer, requestId } = asker;
    return reply(peer, { kind: "findNodeReply", requestId, nodes: closest, refusal: undefined });
  }
  const records = purpose.findings.records(now);
  if (asker.kind === "link") return pageOf(asker, records, closest, replyBytesMax);
  const lacking = closest.filter(({ node }) => !purpose.findings.has(node));
  const value: RecordsFound = { records, lacking, complete, hops, queries };
  return { kind: "answer", id: asker.command, value };
}

/** The answer to who stores; undefined where nobody wants one. */
export function stored({ asker, target }: Query, value: Stored): DhtEffect | undefined {
  if (asker.kind === "own") return { kind: "answer", id: asker.command, value };
  if (asker.kind === "nobody" || asker.requestId === undefined) return undefined;
  return storeAck(asker.peer, target, asker.requestId, undefined);
}

/** The same where it came to nothing. */
export function refused({ asker, purpose, target }: Query, error: Failure): DhtEffect | undefined {
  if (asker.kind === "nobody") return undefined;
  if (asker.kind === "own") return { kind: "fail", id: asker.command, error };
  const { peer, requestId } = asker, head = { requestId, nodes: [], refusal: error } as const;
  if (purpose.type === "store") return requestId === undefined ? undefined : storeAck(peer, target, requestId, error);
  if (purpose.type !== "findValue") return reply(peer, { kind: "findNodeReply", ...head });
  return reply(peer, { kind: "findValueReply", ...head, records: [], more: undefined });
}

function pageOf(
  { peer, requestId, page }: Extract<Asker, { kind: "link" }>,
  records: readonly VerifiedRecord[],
  nodes: readonly Contact[],
  replyBytesMax: number,
): DhtEffect {
  const part: VerifiedRecord[] = [];
  let more: number | undefined;
  for (const [record, number] of paged(records, replyBytesMax)) {
    if (number === page) part.push(record);
    if (number > page) more = page + 1;
  }
  const head = { kind: "findValueReply", requestId, more, refusal: undefined } as const;
  return reply(peer, { ...head, records: part, nodes: page === 0 ? nodes : [] });
}

/** When a lookup need not wait for those who take their time. @module */

import type { Holder } from "../holder.ts";
import type { Links } from "../links.ts";
import type { Lookup } from "../lookup.ts";
import type { Contact } from "../messages.ts";
import type { RoutingTable } from "../routing_table.ts";
import type { Purpose, Query } from "./query.ts";

/** What a hub knows beside the lookup. */
export interface Surroundings {
  readonly table: RoutingTable<Contact>;
  readonly holder: Holder;
  readonly links: Links;
}

/** Whether so many have given records as were asked for. */
export function hasQuorum(purpose: Purpose): boolean {
  return purpose.type === "findValue" && purpose.findings.holders >= purpose.quorum;
}

/**
 * Whether there is enough: as many records as were asked for or, where only those are left that take their time, some
 * records or the word of most that there are none. Who wants all that there is, or gets to know nodes, waits for all.
 */
export function isEnough(
  { purpose, lookup }: Query,
  surroundings: Surroundings,
  options: { readonly closestCount: number },
): boolean {
  if (hasQuorum(purpose)) return true;
  if (!lookup!.isHeldUp) return false;
  if (purpose.type === "store") return hasMost(lookup!, surroundings, options);
  if (purpose.type !== "findValue" || purpose.quorum === Infinity) return false;
  return purpose.findings.holders > 0 || hasMost(lookup!, surroundings, options);
}

/** Whether most of those who may hold something have answered, this node among them where it is one. */
export function hasMost(
  lookup: Lookup<Contact>,
  { table, holder, links }: Surroundings,
  { closestCount }: { readonly closestCount: number },
): boolean {
  const own = holder.isAmong(lookup.target, lookup.closest) ? 1 : 0;
  if (table.size >= closestCount) return lookup.hasMost(own, 0);
  let evicted = 0; // for their silence, while they may be there: their links are
  for (const link of links.hubs.values()) if (table.get(link) === undefined && !lookup.has(link)) evicted++;
  return lookup.hasMost(own, evicted);
}

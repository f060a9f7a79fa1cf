/** Finding the nodes closest to an id: in one routing table, and by a lookup through a network of tables. @module */

import { toHex } from "../../src/base/bytes.ts";
import { seededRandom } from "../../src/base/random.ts";
import { Lookup } from "../../src/dht/lookup.ts";
import { DHT_DEFAULTS } from "../../src/dht/options.ts";
import { RoutingTable } from "../../src/dht/routing_table.ts";
import { prefixOf } from "../../src/names/distance.ts";

interface Contact {
  readonly node: string;
  readonly nodeBytes: Uint8Array;
  readonly prefix: number;
  readonly sequence: number;
  readonly expiresAt: number;
}

const NODES = 1_000, TARGETS = 64, { closestCount } = DHT_DEFAULTS;
const random = seededRandom("lookup");
const contacts = Array.from({ length: NODES }, (): Contact => {
  const nodeBytes = random.bytes(32);
  return { node: toHex(nodeBytes), nodeBytes, prefix: prefixOf(nodeBytes), sequence: 1, expiresAt: Infinity };
});
const tables = new Map(contacts.map((contact) => [contact.node, tableOf(contact)]));
const targets = Array.from({ length: TARGETS }, () => random.bytes(32)), [self] = contacts as [Contact];
let turn = 0;

Deno.bench(`the ${closestCount} closest in a table of ${NODES} nodes`, { group: "table" }, () => {
  const { length } = tables.get(self.node)!.closest(nextTarget(), closestCount);
  if (length !== closestCount) throw new Error(`Cannot measure: ${closestCount} nodes are expected, got ${length}`);
});

Deno.bench(`a lookup among ${NODES} nodes, answers at once`, { group: "lookup" }, () => {
  const target = nextTarget(), seeds = tables.get(self.node)!.closest(target, closestCount);
  const lookup = new Lookup<Contact>(target, { ...DHT_DEFAULTS, own: self.node, seeds });
  for (let asked = lookup.next(); asked !== undefined; asked = lookup.next()) {
    lookup.answered(asked, tables.get(asked.node)!.closest(target, closestCount));
  }
  const { length } = lookup.closest;
  if (!lookup.done || length !== closestCount) {
    throw new Error(`Cannot measure: a lookup that is done with ${closestCount} nodes is expected, got ${length}`);
  }
});

function tableOf({ nodeBytes }: Contact): RoutingTable<Contact> {
  const table = new RoutingTable<Contact>(nodeBytes, { bucketSize: closestCount, probeEveryMs: 60_000 });
  for (const contact of contacts) table.add(contact, 0);
  return table;
}

function nextTarget(): Uint8Array {
  return targets[turn++ % TARGETS]!;
}

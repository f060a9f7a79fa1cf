/** The original's routing table and lookup, where it was right. @module */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { fromHex, toHex, utf8 } from "../../src/base/bytes.ts";
import { type Askable, Lookup } from "../../src/dht/lookup.ts";
import { DHT_DEFAULTS } from "../../src/dht/options.ts";
import { type Known, RoutingTable } from "../../src/dht/routing_table.ts";
import { prefixOf } from "../../src/names/distance.ts";
import { compareDistance } from "../../src/names/mod.ts";
import { checkSection, type Vector } from "./vectors.ts";

const unnamed = () => "any";
const texts = (vector: Vector, column: string) => vector[column] as string[];

function hashOf(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash("sha256").update(utf8(text)).digest());
}

function known(text: string): Known & { text: string } {
  const nodeBytes = hashOf(text);
  return { text, node: toHex(nodeBytes), nodeBytes, prefix: prefixOf(nodeBytes), sequence: 1, expiresAt: Infinity };
}

Deno.test("a bucket's order", () => {
  const table = new RoutingTable<Known>(new Uint8Array(32), { bucketSize: 3, probeEveryMs: 60_000 });
  const named = (text: string): Known => {
    const nodeBytes = new Uint8Array(32);
    nodeBytes.set([0x80, ...utf8(text)]);
    return { node: text, nodeBytes, prefix: prefixOf(nodeBytes), sequence: 1, expiresAt: Infinity };
  };
  let now = 0;
  checkSection("bucket_sequence_cap3", unnamed, (vector) => {
    // The original's run added n1 again before n4, as the order after it tells; the table has no line for that.
    if (vector["add"] === "n4") assert.equal(table.add(named("n1"), ++now).outcome, "known");
    const { outcome } = table.add(named(vector["add"] as string), ++now);
    assert.deepEqual(table.bucket(0).map(({ node }) => node), vector["order_oldest_first"]);
    return vector["result"] === (outcome === "full" ? "bucket_full" : "ok");
  });
});

Deno.test("the closest of a table", () => {

  checkSection("find_closest", (vector) => vector["target_sha256_of"] as string, (vector) => {
    const own = fromHex(vector["local"] as string), nodes = texts(vector, "nodes_sha256_of").map(known);
    const table = new RoutingTable<ReturnType<typeof known>>(own, { bucketSize: 20, probeEveryMs: 60_000 });
    for (const node of nodes) table.add(node, 0);
    assert.equal(table.size, vector["size"]);
    table.add({ text: "own", node: toHex(own), nodeBytes: own, prefix: prefixOf(own), sequence: 1, expiresAt: Infinity }, 0);
    assert.equal(table.size, vector["size_after_adding_self"]);
    const text = vector["target_sha256_of"] as string, target = text === "local" ? own : hashOf(text);
    const ours = table.closest(target, vector["k"] as number).map(({ text }) => text);
    const sorted = nodes.toSorted((a, b) => compareDistance(target, a.nodeBytes, b.nodeBytes)).map(({ text }) => text);
    assert.deepEqual(ours, sorted.slice(0, vector["k"] as number), "ours is exact");
    return ours.join() === texts(vector, "closest").join();
  });
});

Deno.test("a lookup's closest, and whom it asks next", () => {
  checkSection("routing_update_closest", unnamed, (vector) => {
    const options = { ...DHT_DEFAULTS, paths: 1, pathClosestCount: 1, own: "own" };
    if (vector["select_alpha_closest"] !== undefined) {
      const nodes = texts(vector, "select_alpha_closest").map((node, i): Askable => {
        const nodeBytes = new Uint8Array(32).fill(i + 1);
        return { node, nodeBytes, prefix: prefixOf(nodeBytes) };
      });
      const asked = new Set(texts(vector, "queried"));
      const seeds = nodes.filter(({ node }) => !asked.has(node)); // whom a lookup has asked it does not ask again
      const lookup = new Lookup(new Uint8Array(32), { ...options, parallel: vector["alpha"] as number, seeds });
      const next = Array.from({ length: vector["alpha"] as number }, () => lookup.next()?.node);
      return next.filter((node) => node !== undefined).join() === texts(vector, "result").join();
    }
    const seeds = texts(vector, "current").map(known), closestCount = vector["k"] as number;
    const lookup = new Lookup<ReturnType<typeof known>>(hashOf(vector["target_sha256_of"] as string), {
      ...options,
      closestCount: 20,
      parallel: 20,
      seeds,
    });
    const first = lookup.next()!;
    lookup.answered(first, texts(vector, "new").map(known));
    for (let node = lookup.next(); node !== undefined; node = lookup.next()) lookup.answered(node, []);
    return lookup.closest.slice(0, closestCount).map(({ text }) => text).join() === texts(vector, "result").join();
  });
});

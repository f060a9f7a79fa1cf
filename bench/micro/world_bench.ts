/**
 * A whole mesh in virtual time: one gateway and fifty edges, a minute in which five of them publish to all each second.
 *
 * @module
 */

import { simulateMesh, type World } from "../../src/testing/mod.ts";

const PEERS = 50, SECONDS = 60, PUBLISHERS = 5;

Deno.bench("50 peers, a virtual minute, 15,000 deliveries", { n: 3, warmup: 0 }, async () => {
  await using world = await simulateMesh({ seed: 7, profile: "wifi" });
  const heard = await chat(world);
  if (heard !== PEERS * SECONDS * PUBLISHERS) throw new Error(`Cannot measure: ${heard} events arrived`);
});

Deno.bench("50 peers, an idle hour", { n: 3, warmup: 0 }, async () => {
  await using world = await simulateMesh({ seed: 7, profile: "wifi" });
  const peers = await Promise.all(Array.from({ length: PEERS }, () => world.connect()));
  await world.advance(3_600_000);
  if (!peers.every(({ status }) => status === "connected")) throw new Error("Cannot measure: a link was lost");
});

async function chat(world: World): Promise<number> {
  const peers = await Promise.all(Array.from({ length: PEERS }, () => world.connect()));
  let heard = 0;
  await Promise.all(peers.map((peer) => {
    const events = peer.subscribe("room.*");
    (async () => {
      for await (const _ of events) heard++;
    })();
    return events.ready;
  }));
  for (let second = 0; second < SECONDS; second++) {
    for (let i = 0; i < PUBLISHERS; i++) {
      await peers[(i * PEERS / PUBLISHERS + second) % PEERS]!.publish("room.hall", { second, text: "hello everybody" });
    }
    await world.advance(1_000);
  }
  await world.advance(5_000);
  return heard;
}

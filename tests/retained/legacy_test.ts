/** Retained events and nodes of Macula 0.20: what they retain is kept like any other; they get live events alone. @module */

import assert from "node:assert/strict";
import { utf8 } from "../../src/base/bytes.ts";
import { soon, until } from "../conformance/deadline.ts";
import { LegacyWorld } from "../legacy/world.ts";
import { take } from "../node/world.ts";

Deno.test("retained, legacy: what a peer of the original retains is given to ours that subscribe later", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway(),
    peer = await world.peer(gateway, "a"),
    head = { qos: 0, retain: true } as const;
  const say = (text: string) =>
    peer.send({ kind: "publish", topic: "door.front", payload: utf8(text), messageId: peer.nextId(), ...head });
  await using live = gateway.subscribe("door.*");
  await live.ready;
  await say('"open"');
  await say('"shut"');
  assert.deepEqual((await soon(take(live, 2), "both")).map(({ data, retained }) => [data, retained]), [
    ["open", false],
    ["shut", false],
  ]);
  await using edge = await world.edge(gateway);
  const [event] = await soon(take(edge.subscribe("door.*"), 1), "the retained event");
  assert.deepEqual([event!.data, event!.retained, event!.proof, typeof event!.at], ["shut", true, "claimed", "number"]);
  await peer.send({ ...head, kind: "publish", topic: "door.front", payload: utf8(""), messageId: peer.nextId() });
  await until(() => gateway.stats().retained?.topics === 0, "the deletion");
});

Deno.test("retained, legacy: a peer of the original gets what is published while it is there, not what was kept", async () => {
  await using world = new LegacyWorld();
  const gateway = await world.gateway(), edge = await world.edge(gateway), peer = await world.peer(gateway, "a");
  await edge.publish("light.hall", "before", { qos: 1, retain: true });
  await peer.subscribe("light.*");
  await until(async () => (await gateway.discoverSubscribers("light.hall")).length === 1, "the peer's interest");
  await edge.publish("light.hall", "after", { qos: 1, retain: true });
  await until(() => peer.events().length > 0, "the live event");
  assert.deepEqual(peer.events(), [["light.hall", "after"]]);
});

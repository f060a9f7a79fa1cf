/** Retained events over real QUIC: the example of the design, and two gateways. @module */

import assert from "node:assert/strict";
import { connect, type Gateway, startGateway } from "../../mod.ts";
import { soon, until } from "../conformance/deadline.ts";
import { take } from "../node/world.ts";

const REALM = "org.example.retained";

function gateway(bootstrap: readonly string[] = []): Promise<Gateway> {
  return startGateway({ realm: REALM, listen: { hostname: "127.0.0.1", port: 0 }, bootstrap });
}

Deno.test("retained, QUIC: the example of the design", async () => {
  await using hub = await gateway();
  await using mesh = await connect(hub.ticket);
  const { recipients } = await mesh.publish("sensor.kitchen.measured", { celsius: 21.5 }, { qos: 1, retain: true });
  assert.equal(recipients, 0);
  await using late = await connect(hub.ticket);
  await using readings = late.subscribe<{ celsius: number }>("sensor.*.measured", { overflow: "drop-oldest" });
  const [event] = await soon(take(readings, 1), "the retained event");
  assert.deepEqual([event!.data, event!.retained, event!.publisher], [{ celsius: 21.5 }, true, mesh.id]);
});

Deno.test("retained, QUIC: from one gateway to the subscribers of another, large and small, and gone when deleted", async () => {
  await using first = await gateway();
  await using second = await gateway([first.ticket]);
  await until(
    () => (second.stats().routingTable ?? 0) > 0 && (first.stats().routingTable ?? 0) > 0,
    "the gateways know each other",
  );
  await using publisher = await connect(first.ticket);
  const large = new Uint8Array(200_000).fill(7);
  await publisher.publish("state.large", large, { qos: 1, retain: true });
  await publisher.publish("state.small", [1, 2], { qos: 1, retain: true });
  await publisher.close();
  await using late = await connect(second.ticket);
  const events = await soon(take(late.subscribe("state.*"), 2), "both events at the other gateway");
  const of = (topic: string) => events.find((event) => event.topic === topic)!;
  assert.deepEqual(of("state.large").data, large);
  assert.deepEqual([of("state.small").data, of("state.small").retained], [[1, 2], true]);
  await late.publish("state.large", undefined, { qos: 1, retain: true });
  await until(() => first.stats().retained?.topics === 1, "the deletion has reached the other gateway");
  const [left] = await soon(take(late.subscribe("state.*"), 1), "what is left");
  assert.equal(left!.topic, "state.small");
});

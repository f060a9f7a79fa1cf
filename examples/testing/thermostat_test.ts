/**
 * How to test an application with `@macula/mesh/testing`: real gateways and edges in this process, in virtual time. Run
 * it with `deno test examples/testing/`; it needs no permission.
 *
 * @module
 */

import { simulateMesh } from "@macula/mesh/testing";
import assert from "node:assert/strict";
import { Thermostat } from "./thermostat.ts";

Deno.test("it heats while it is cold", async () => {
  await using world = await simulateMesh({ seed: 7, profile: "wifi" });
  const thermostat = new Thermostat(await world.connect({ name: "thermostat" }), world.clock);
  await thermostat.start();
  const sensor = await world.connect({ name: "sensor" }), panel = await world.connect({ name: "panel" });

  await sensor.publish("sensor.kitchen.measured", { celsius: 17 });
  await world.until(() => thermostat.heating);
  assert.deepEqual(await panel.call("heating.state"), { heating: true });

  await sensor.publish("sensor.kitchen.measured", { celsius: 22 });
  await world.until(() => !thermostat.heating);
});

Deno.test("it stops heating when the sensor is cut off, and goes on when it is back", async () => {
  await using world = await simulateMesh({ seed: 7, profile: "cellular" });
  const thermostat = new Thermostat(await world.connect({ name: "thermostat" }), world.clock);
  await thermostat.start();
  const sensor = await world.connect({ name: "sensor" });
  await sensor.publish("sensor.kitchen.measured", { celsius: 17 });
  await world.until(() => thermostat.heating);

  world.partition(sensor); // from everybody
  await world.until(() => !thermostat.heating, { within: 90_000 }); // a minute and a half, that nobody waits for
  assert.equal(sensor.status, "degraded");

  world.heal();
  await world.until(() => sensor.status === "connected");
  await sensor.publish("sensor.kitchen.measured", { celsius: 16 });
  await world.until(() => thermostat.heating);
});

Deno.test("it survives its gateway", async () => {
  await using world = await simulateMesh({ seed: 7, gateways: 1 });
  const thermostat = new Thermostat(await world.connect({ name: "thermostat" }), world.clock);
  await thermostat.start();
  const sensor = await world.connect({ name: "sensor" });

  await world.crash(world.gateways[0]!); // as when somebody pulls the plug: nobody is told
  await world.until(() => sensor.status === "degraded");
  await world.restart(world.gateways[0]!);
  await world.until(() => sensor.status === "connected");
  await world.advance(2_000); // for its subscriptions to be back

  await sensor.publish("sensor.kitchen.measured", { celsius: 17 });
  await world.until(() => thermostat.heating);
});

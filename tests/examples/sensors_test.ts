/** The sensors, their monitor and its operator, as users run them. @module */

import assert from "node:assert/strict";
import { RollingAverage } from "../../examples/sensors/rolling_average.ts";
import { RoomState } from "../../examples/sensors/room_state.ts";
import { Program, startGatewayProgram } from "./program.ts";

Deno.test("sensors of two rooms, a monitor, and an operator who sets a threshold", async () => {
  const { gateway, ticket } = await startGatewayProgram();
  await using _gateway = gateway;
  const run = (role: string, ...more: string[]) =>
    new Program(role, "examples/sensors/main.ts", "--role", role, "--ticket", ticket, "--json", ...more);
  await using monitor = run("monitor");
  await monitor.line({ type: "ready" });
  await using _kitchen = run("sensor", "--room", "kitchen", "--celsius", "21", "--interval", "20");
  await using cellar = run("sensor", "--room", "cellar", "--celsius", "8", "--interval", "20", "--count", "30");
  assert.equal((await cellar.line({ type: "done" })).readings, 30);
  assert.equal(await cellar.ended(), 0);
  const measured = cellar.lines.filter(({ type }) => type === "measured").map(({ celsius }) => celsius as number);
  assert.deepEqual([measured.length, measured[0]], [30, 8]);
  const last = await monitor.line({ type: "reading", room: "cellar", readings: 30 });
  assert.deepEqual([last.lost, last.celsius], [0, measured.at(-1)]);
  const average = new RollingAverage(20);
  for (const celsius of measured) average.add(celsius);
  assert.equal(last.average, Math.round(average.mean * 100) / 100, "of the last twenty, however they wander");
  await monitor.line({ type: "reading", room: "kitchen", readings: 5 });

  await using operator = run("operator", "--set", "kitchen=10", "--alarms", "1");
  assert.equal((await operator.line({ type: "threshold" })).celsius, 10);
  await operator.line({ type: "latest", room: "cellar", readings: 30, sensors: 1 });
  await operator.line({ type: "latest", room: "kitchen" });
  await operator.line({ type: "alarm", topic: "alarm.kitchen.raised", threshold: 10 });
  assert.equal(await operator.ended(), 0);
  await monitor.line({ type: "alarm", room: "kitchen", alarm: true });

  await using calmer = run("operator", "--set", "kitchen=90", "--alarms", "1");
  await calmer.line({ type: "alarm", topic: "alarm.kitchen.cleared" });
  assert.equal(await calmer.ended(), 0);
  await using wrong = run("operator", "--set", "kitchen=hot");
  assert.equal(await wrong.ended(), 2);
  assert.deepEqual(wrong.texts, ["Cannot use as a temperature: -273.15 to 10000 °C is expected, got NaN"]);
});

Deno.test("rolling average: the last values count", () => {
  const average = new RollingAverage(3);
  assert(Number.isNaN(average.mean));
  for (const [value, mean] of [[3, 3], [5, 4], [7, 5], [9, 7]] as const) {
    average.add(value);
    assert.equal(average.mean, mean);
  }
});

Deno.test("room: lost readings are counted for each sensor, an alarm does not flutter", () => {
  const room = new RoomState("attic");
  assert.equal(room.report, undefined);
  assert(!room.add({ sensor: "a", celsius: 20, number: 1 }));
  assert(!room.add({ sensor: "b", celsius: 20, number: 7 }));
  assert(!room.add({ sensor: "a", celsius: 20, number: 4 }));
  assert.equal(room.report!.lost, 2);
  assert(room.setThreshold(19.8));
  assert(room.report!.alarm);
  assert(!room.setThreshold(20.3), "still within the hysteresis");
  assert(room.setThreshold(21));
  assert(!room.report!.alarm);
});

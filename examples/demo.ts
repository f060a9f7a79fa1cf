/**
 * The mesh in ten seconds: a gateway and two edges, each a process of its own, on this machine only. `deno task demo`.
 *
 *     gateway ── reader   subscribes to demo.*.measured, calls demo.kitchen.boil
 *        └────── kitchen  publishes demo.kitchen.measured, serves demo.kitchen.boil
 *
 * The exit code is 0 only when every event arrived, every call was answered and everybody left in order.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { connect, startGateway } from "@macula/mesh";
import { Part } from "./demo/part.ts";
import { openStage, type Stage } from "./demo/stage.ts";

/** Time between two events, and between two calls, ms. */
const EVENT_MS = 400, CALL_MS = 600;
/** What is kept of the time for leaving, ms. */
const LEAVE_MS = 700;
/** Shortest and longest demo, s. */
const SECONDS_MIN = 2, SECONDS_MAX = 3_600;

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      seconds: { type: "string", default: "10" },
      part: { type: "string", default: "conductor" },
      ticket: { type: "string" },
    },
  });
  Deno.exit(await main(values.part, values.ticket, Number(values.seconds)));
}

/** Plays a part; returns the exit code. */
async function main(part: string, ticket: string | undefined, seconds: number): Promise<number> {
  switch (part) {
    case "gateway":
      return await playGateway(openStage());
    case "kitchen":
      return await playKitchen(ticket!, openStage());
    case "reader":
      return await playReader(ticket!, openStage());
    default:
      if (!(seconds >= SECONDS_MIN && seconds <= SECONDS_MAX)) {
        console.error(`Cannot use --seconds: ${SECONDS_MIN} to ${SECONDS_MAX} is expected, got ${seconds}`);
        return 2;
      }
      try {
        return await conduct(seconds);
      } catch (error) {
        console.error(`Something is wrong: ${(error as Error).message}`);
        return 1;
      }
  }
}

/** The gateway: passes on what edges say, and answers for itself. */
async function playGateway({ say, hears }: Stage): Promise<number> {
  await using gateway = await startGateway({ realm: "org.example.demo", listen: { hostname: "127.0.0.1", port: 0 } });
  gateway.addEventListener("peerup", () => say(`an edge came, now there are ${gateway.clients().length}`));
  gateway.addEventListener("peerdown", () => say(`an edge left, now there are ${gateway.clients().length}`));
  say(`ticket ${gateway.ticket}`);
  await hears("stop");
  const { messages, bytes } = gateway.stats();
  await gateway.drain();
  say(`stopped after ${messages.received} messages in and ${messages.sent} out, ${bytes.received} bytes in`);
  return 0;
}

/** An edge that publishes and serves. */
async function playKitchen(ticket: string, { say, hears }: Stage): Promise<number> {
  await using mesh = await connect(ticket);
  say(`connected as ${mesh.id.slice(0, 8)}`);
  await using _boil = await mesh.advertise("demo.kitchen.boil", ({ cups }: { cups: number }, { caller }) => {
    say(`${caller.slice(0, 8)} asks for tea, cups: ${cups}`);
    return { cups, seconds: cups * 90 };
  });
  say("ready, serving demo.kitchen.boil");
  let published = 0, delivered = 0;
  await hears("begin");
  await every(EVENT_MS, hears("stop"), async () => {
    const celsius = Math.round((21 + Math.sin(published / 3)) * 10) / 10;
    const { recipients } = await mesh.publish("demo.kitchen.measured", { celsius }, { qos: 1 });
    published++;
    delivered += recipients ?? 0;
  });
  say(`published ${published} events to ${delivered} recipients`);
  await mesh.drain();
  return published === delivered ? 0 : 1;
}

/** An edge that subscribes and calls. */
async function playReader(ticket: string, { say, hears }: Stage): Promise<number> {
  await using mesh = await connect(ticket);
  say(`connected as ${mesh.id.slice(0, 8)}`);
  const { message } = await mesh.call<{ message: string }>("com.macula.diagnostics.hello");
  say(`the gateway says: ${message}`);
  await using readings = mesh.subscribe<{ celsius: number }>("demo.*.measured");
  await readings.ready;
  say("ready, subscribed to demo.*.measured");
  let received = 0, called = 0, answered = 0;
  const listening = (async () => {
    for await (const { topic, data } of readings) say(`${topic} ${data.celsius} °C (event ${++received})`);
  })();
  await hears("begin");
  await every(CALL_MS, hears("pause"), async () => {
    const cups = ++called, before = performance.now();
    const answer = await mesh.call<{ seconds: number }>("demo.kitchen.boil", { cups });
    answered += answer.seconds === cups * 90 ? 1 : 0;
    say(`demo.kitchen.boil(${cups}) took ${(performance.now() - before).toFixed(1)} ms: ${answer.seconds} s`);
  });
  say("paused: no more calls");
  await hears("stop");
  await readings.close();
  await listening;
  say(`received ${received} events, ${answered} of ${called} calls answered`);
  return called === answered ? 0 : 1;
}

/** Runs `action`, again and again, until `end`; the one that runs then is finished. */
async function every(ms: number, end: Promise<void>, action: () => Promise<void>): Promise<void> {
  let ended = false;
  void end.then(() => ended = true);
  for (;;) {
    await action();
    await Promise.race([end, new Promise((resolve) => setTimeout(resolve, ms))]);
    if (ended) return;
  }
}

/** Starts everybody, lets them run, and looks whether the numbers are right. */
async function conduct(seconds: number): Promise<number> {
  const program = import.meta.filename!, leaveAt = performance.now() + seconds * 1_000 - LEAVE_MS;
  console.log(`A gateway and two edges for ${seconds} seconds, each a process of its own`);
  await using gateway = new Part(program, "gateway");
  const [, ticket] = await gateway.line(/^ticket (\S+)/);
  await using kitchen = new Part(program, "kitchen", ticket), reader = new Part(program, "reader", ticket);
  await Promise.all([kitchen.line(/^ready/), reader.line(/^ready/)]);
  // Whoever publishes begins when the other listens: then every event has a recipient, and the numbers must agree.
  await Promise.all([kitchen.tell("begin"), reader.tell("begin")]);
  await Promise.all([reader.line(/event 2\)/), reader.line(/^demo\.kitchen\.boil\(2\)/)]);
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, leaveAt - performance.now())));
  console.log("Everybody leaves in order: calls end, then events, then the gateway");
  await reader.tell("pause");
  await reader.line(/^paused/);
  await kitchen.tell("stop");
  const [, published] = await kitchen.line(/^published (\d+)/);
  const codes = [await kitchen.ended()];
  await reader.tell("stop");
  const [, received, answered, called] = await reader.line(/^received (\d+) events, (\d+) of (\d+)/);
  codes.push(await reader.ended());
  await gateway.tell("stop");
  codes.push(await gateway.ended());
  const right = Number(published) > 0 && published === received && Number(answered) > 0 && answered === called &&
    codes.every((code) => code === 0);
  console.log(
    `${
      right ? "All right" : "Something is wrong"
    }: ${received} of ${published} events arrived, ${answered} of ${called} calls were answered, exit codes ${
      codes.join(" ")
    }`,
  );
  return right ? 0 : 1;
}

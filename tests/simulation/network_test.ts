/** Links, partitions, crashes: what the simulated network does to nodes. @module */

import assert from "node:assert/strict";
import type { DhtEffect, DhtInput } from "../../src/dht/mod.ts";
import type { AnyDht } from "../../src/simulation/nodes/cores.ts";
import type { Host } from "../../src/simulation/nodes/host.ts";
import { Simulation } from "../../src/simulation/simulation.ts";
import type { SimulationOptions } from "../../src/simulation/settings.ts";

/** A core that notes what it is told, and sends what the test wants. */
class Recorder implements AnyDht {
  readonly inputs: DhtInput[] = [];
  outbox: DhtEffect[] = [];

  handle(input: DhtInput): DhtEffect[] {
    this.inputs.push(input);
    return this.outbox.splice(0);
  }

  /** The numbers of the messages that came. */
  get numbers(): (number | undefined)[] {
    return this.inputs.flatMap((one) =>
      one.kind === "received" && "requestId" in one.message ? [one.message.requestId] : []
    );
  }

  downs(): string[] {
    return this.inputs.flatMap((one) => one.kind === "peerDown" ? [one.reason] : []);
  }
}

const coreOf = ({ cores }: Host) => cores.dht as Recorder;

function world(options: SimulationOptions = {}): Simulation {
  return new Simulation({
    seed: "net",
    cores: ["dht"],
    fidelity: "objects",
    linkIds: false,
    make: { dht: () => new Recorder() },
    ...options,
  });
}

/** Two linked hubs. */
function pair(options?: SimulationOptions): { simulation: Simulation; a: Host; b: Host } {
  const simulation = world(options), a = simulation.add("hub", []), b = simulation.add("hub", [a]);
  simulation.run(5_000);
  assert.deepEqual([a, b].map((one) => coreOf(one).inputs.filter(({ kind }) => kind === "peerUp").length), [1, 1]);
  return { simulation, a, b };
}

/** `from` sends messages with these numbers at once. */
function send(from: Host, to: Host, ...numbers: number[]): void {
  const target = to.signer.nodeBytes;
  coreOf(from).outbox = numbers.map((requestId) => ({
    kind: "send",
    to: to.signer.node,
    message: { kind: "findNode", target, requestId, sender: undefined },
    lane: "control",
  }));
  from.give("dht", { kind: "timer", timer: undefined });
}

Deno.test("a stream keeps its order and loses nothing, whatever the profile", () => {
  const { simulation, a, b } = pair({ profile: "lossy" }), numbers = Array.from({ length: 200 }, (_, i) => i);
  for (let i = 0; i < 200; i += 10) {
    send(a, b, ...numbers.slice(i, i + 10));
    simulation.run(20);
  }
  simulation.run(20_000);
  assert.deepEqual(coreOf(b).numbers, numbers);
});

Deno.test("without streams messages are lost, doubled and overtaken", () => {
  const { simulation, a, b } = pair({ profile: "lossy", unreliable: true }),
    numbers = Array.from({ length: 500 }, (_, i) => i);
  send(a, b, ...numbers);
  simulation.run(20_000);
  const got = coreOf(b).numbers as number[], distinct = new Set(got);
  assert(distinct.size < 450 && distinct.size > 350, `${distinct.size} of 500`);
  assert(got.length > distinct.size, "some came twice");
  assert(got.some((number, i) => i > 0 && number < got[i - 1]!), "some came late");
});

Deno.test("a short cut holds messages back, a long one ends the links at both ends", () => {
  const { simulation, a, b } = pair(), cut = simulation.partition([a], [b]);
  send(a, b, 1, 2);
  simulation.run(5_000);
  assert.deepEqual(coreOf(b).numbers, []);
  simulation.heal(cut);
  simulation.run(1_000);
  assert.deepEqual([coreOf(b).numbers, coreOf(a).downs(), coreOf(b).downs()], [[1, 2], [], []]);
  const long = simulation.partition([a], [b]);
  simulation.run(14_000);
  assert.deepEqual(coreOf(a).downs(), []);
  simulation.run(2_000);
  assert.deepEqual([coreOf(a).downs(), coreOf(b).downs()], [["timed_out"], ["timed_out"]]);
  simulation.run(60_000);
  const links = () => [a, b].map((one) => one.links.ends.size);
  assert.deepEqual(links(), [0, 0], "dials do not get through either");
  simulation.heal(long);
  simulation.run(40_000);
  assert.deepEqual(links(), [1, 1], "and do as soon as it has healed");
});

Deno.test("a node that is sought and comes by itself is not said to be down when the search fails", () => {
  const calls = new Recorder(), make = { dht: () => new Recorder(), rpc: () => calls as never };
  const simulation = world({ cores: ["dht", "rpc"], make }),
    a = simulation.add("hub", []),
    b = simulation.add("hub", []);
  const lookups = () =>
    coreOf(a).inputs.flatMap((one) => one.kind === "command" && one.command.type === "findNode" ? [one.id] : []);
  const message = { kind: "rpcCancel", callId: "1", reason: "gone" };
  calls.outbox = [{ kind: "send", to: b.signer.node, message, lane: "calls" } as never];
  a.give("rpc", { kind: "timer", timer: undefined });
  assert.equal(lookups().length, 1);
  b.links.dial(a.signer.node);
  simulation.run(2_000);
  coreOf(a).outbox = [{ kind: "fail", id: lookups()[0]!, error: { code: "none", text: "" } }];
  a.give("dht", { kind: "timer", timer: undefined });
  simulation.run(2_000);
  assert.deepEqual([coreOf(a).downs(), [...a.links.ends.keys()]], [[], [b.signer.node]]);
});

Deno.test("a cut in one direction lets the other one through, until the link ends", () => {
  const { simulation, a, b } = pair();
  simulation.partition([a], [b], { oneWay: true });
  send(a, b, 1);
  send(b, a, 2);
  simulation.run(5_000);
  assert.deepEqual([coreOf(a).numbers, coreOf(b).numbers], [[2], []]);
  simulation.run(15_000);
  assert.deepEqual([coreOf(a).downs()[0], coreOf(b).downs()[0]], ["timed_out", "timed_out"]);
});

Deno.test("a crash is noticed after 15 s; what is restarted has its key or not, and nothing of its memory", () => {
  const { simulation, a, b } = pair(), before = coreOf(a), id = a.signer.node;
  simulation.crash(a);
  send(b, a, 1);
  simulation.run(14_000);
  assert.deepEqual(coreOf(b).downs(), []);
  simulation.run(2_000);
  assert.deepEqual(coreOf(b).downs(), ["timed_out"]);
  assert.throws(() => simulation.restart(b), /must have stopped/);
  simulation.restart(a);
  simulation.run(60_000);
  assert.notEqual(coreOf(a), before);
  assert.deepEqual([a.signer.node, a.links.ends.size, before.numbers, coreOf(a).numbers], [id, 1, [], []]);
  simulation.crash(a);
  simulation.restart(a, { keepsState: false });
  assert.notEqual(a.signer.node, id);
});

Deno.test("a node that leaves is noticed at once", () => {
  const { simulation, a, b } = pair();
  a.leave();
  simulation.run(1_000);
  assert.deepEqual(coreOf(b).downs(), ["going_away"]);
  simulation.restart(a);
  simulation.run(40_000);
  assert.deepEqual([a.links.ends.size, b.links.ends.size], [1, 1], "and it may come back");
});

Deno.test("a slow node gets everything later", () => {
  const { simulation, a, b } = pair({ profile: "lan" });
  b.slowMs = 700;
  send(a, b, 1);
  simulation.run(699);
  assert.deepEqual(coreOf(b).numbers, []);
  simulation.run(20);
  assert.deepEqual(coreOf(b).numbers, [1]);
});

Deno.test("a send without a link or an address goes nowhere; with an address it dials, and a dead one is told", () => {
  const simulation = world(), a = simulation.add("hub", []), b = simulation.add("hub", []);
  send(a, b, 1);
  simulation.run(1_000);
  assert.equal(b.links.ends.size, 0);
  a.links.contact(b.signer.node);
  send(a, b, 2, 3);
  simulation.run(1_000);
  assert.deepEqual(coreOf(b).numbers, [2, 3]);
  const c = simulation.add("hub", []);
  simulation.crash(c);
  a.links.contact(c.signer.node);
  send(a, c, 4);
  simulation.run(4_900);
  assert.deepEqual(coreOf(a).downs(), []);
  simulation.run(200);
  assert.deepEqual(coreOf(a).downs(), ["dial_failed"]);
});

Deno.test("two that dial each other at once have one link", () => {
  const simulation = world(), a = simulation.add("hub", []), b = simulation.add("hub", []);
  for (const [from, to] of [[a, b], [b, a]] as const) {
    from.links.contact(to.signer.node);
    send(from, to, 1);
  }
  simulation.run(2_000);
  assert.deepEqual([a, b].map((one) => [one.links.ends.size, coreOf(one).numbers, coreOf(one).downs()]), [
    [1, [1], []],
    [1, [1], []],
  ]);
});

Deno.test("over the bound of its links a node closes one that was not used lately", () => {
  const simulation = world({ linksMax: 3 }),
    a = simulation.add("hub", []),
    others = [1, 2, 3, 4].map(() => simulation.add("hub", []));
  for (const other of others) {
    a.links.contact(other.signer.node);
    send(a, other, 1);
    simulation.run(1_000);
    send(a, others[0]!, 2);
    simulation.run(1_000);
    assert(a.links.ends.size <= 3);
  }
  assert.equal(a.links.ends.has(others[0]!.signer.node), true, "the one in use stays");
  assert.deepEqual(others.map((other) => other.links.ends.size).sort(), [0, 1, 1, 1]);
});

Deno.test("what cannot be simulated is refused", () => {
  assert.throws(() => world({ nodes: -1 }), /nodes must be a whole number up to 100000, got -1/);
  assert.throws(() => world({ nodes: 0, edges: 2 }), /need a hub/);
  assert.throws(() => world({ profile: "carrier pigeon" as "lan" }), /a profile is one of lan, wifi/);
});

Deno.test("a link that nobody uses for two minutes is closed, but not one to a node whose ticket it has", () => {
  const { simulation, a, b } = pair(), c = simulation.add("hub", [a]);
  simulation.run(5_000);
  const say = () => c.inject(b, { kind: "findNode", target: b.signer.nodeBytes, requestId: 1, sender: undefined });
  const isUp = () => c.links.to(b.signer.node) !== undefined;
  say();
  simulation.run(100_000);
  say(); // it is in use
  simulation.run(100_000);
  assert.ok(isUp() && b.links.to(c.signer.node) !== undefined);
  simulation.run(60_000);
  assert.ok(!isUp() && b.links.to(c.signer.node) === undefined);
  assert.deepEqual([b, c].map((one) => coreOf(one).downs()), [["idle"], ["idle"]]);
  assert.ok(c.links.to(a.signer.node) !== undefined && b.links.to(a.signer.node) !== undefined, "tickets");
});

/** Each rule of the simulator fails when a core breaks it, and holds when none does. @module */

import assert from "node:assert/strict";
import type { Core } from "../../src/base/protocol.ts";
import { DhtCore, type DhtEffect, type DhtInput, type DhtMessage } from "../../src/dht/mod.ts";
import type { DhtOptions } from "../../src/dht/options.ts";
import { PubsubCore } from "../../src/pubsub/core.ts";
import type { PubsubMessage } from "../../src/pubsub/messages.ts";
import { RpcCore } from "../../src/rpc/core.ts";
import { SimulationFailure } from "../../src/simulation/checkers/checker.ts";
import type { CoreMakers } from "../../src/simulation/nodes/cores.ts";
import { simulate, type Simulation } from "../../src/simulation/simulation.ts";

/** A sound core whose inputs or effects are changed: what a defect would do. */
class Broken extends DhtCore {
  readonly #input: (input: DhtInput) => DhtInput;
  readonly #effects: (effects: readonly DhtEffect[], input: DhtInput) => readonly DhtEffect[];

  constructor(
    options: DhtOptions,
    { input = one, effects = (all) => all }: {
      input?: (input: DhtInput) => DhtInput;
      effects?: (effects: readonly DhtEffect[], input: DhtInput) => readonly DhtEffect[];
    },
  ) {
    super(options);
    this.#input = input;
    this.#effects = effects;
  }

  override handle(input: DhtInput, now: number): readonly DhtEffect[] {
    const given = this.#input(input);
    return this.#effects(super.handle(given, now), given);
  }
}

const one = (input: DhtInput): DhtInput => input;

type Changes = ConstructorParameters<typeof Broken>[1];

/** Changes every reply that names nodes. */
function inReplies(change: (message: Extract<DhtMessage, { kind: "findNodeReply" }>) => DhtMessage): Changes {
  return {
    effects: (effects) =>
      effects.map((effect) =>
        effect.kind === "send" && effect.message.kind === "findNodeReply" && effect.message.nodes.length > 1
          ? { ...effect, message: change(effect.message) }
          : effect
      ),
  };
}

/** A day in the life of a small mesh: everything that the rules look at happens. */
function course(make: CoreMakers, fidelity: "wire" | "objects" = "objects"): void {
  using simulation: Simulation = simulate({
    seed: "broken",
    nodes: 8,
    edges: 3,
    fidelity,
    make,
    dht: { closestCount: 4 },
  });
  const [a, b, c] = simulation.edges, hubs = simulation.hubs;
  b!.app.subscribe("a.*");
  simulation.run(2_000);
  a!.app.serve("a.b", (n: number) => n + 1);
  simulation.run(3_000);
  a!.app.publish("a.b", 1);
  b!.app.publish("a.b", 2);
  c!.app.call("a.b", 1);
  for (const hub of hubs) hub.app.register(`p.${hub.index % 3}`, { ttlMs: 20_000 });
  simulation.run(5_000);
  for (const hub of hubs) hub.app.providers("p.1");
  for (const hub of hubs) hub.app.nodes(hub.signer.nodeBytes);
  simulation.crash(hubs.at(-1)!); // nobody renews its records
  simulation.run(100_000);
}

/** Who breaks it does so at every hub. */
function mustBreak(rule: RegExp, changes: Changes): void {
  const make: CoreMakers = {
    dht: (options, { role }) => role === "hub" ? new Broken(options, changes) : new DhtCore(options),
  };
  mustFail(rule, make);
}

function mustFail(rule: RegExp, make: CoreMakers): void {
  assert.throws(() => course(make), (error) => {
    assert(error instanceof SimulationFailure, String(error));
    assert.match(error.message, rule);
    assert.equal(error.seed, "broken");
    assert(error.step >= 0 && error.history.length > 0 && error.history.length <= 64);
    return true;
  });
}

Deno.test("sound cores keep every rule", () => {
  course({});
  course({}, "wire");
});

Deno.test("effects are sound: a delay that is no number, a send to nobody, a second answer", () => {
  mustBreak(/sets a timer for NaN ms/, {
    effects: (effects) => effects.map((effect) => effect.kind === "timer" ? { ...effect, afterMs: NaN } : effect),
  });
  mustBreak(/sends to nobody/, {
    effects: (effects) => effects.map((effect) => effect.kind === "send" ? { ...effect, to: [] } : effect),
  });
  mustBreak(/answers command 1 twice/, {
    effects: (effects) =>
      effects.flatMap<DhtEffect>((effect) => effect.kind === "answer" ? [effect, effect] : [effect]),
  });
});

Deno.test("every question is answered", () => {
  mustBreak(/has not answered dht/, { effects: (effects) => effects.filter(({ kind }) => kind !== "answer") });
});

Deno.test("replies are sound: too many nodes, out of order, the one who asks, nodes that nobody vouches for", () => {
  mustBreak(
    /answers with 5 nodes/,
    inReplies((reply) => {
      const { nodes } = reply, first = nodes[0]!;
      return { ...reply, nodes: [...nodes, first, first, first, first].slice(0, 5) };
    }),
  );
  mustBreak(/answers out of order/, inReplies((reply) => ({ ...reply, nodes: reply.nodes.toReversed() })));
  mustBreak(/never said so/, inReplies((reply) => ({ ...reply, nodes: reply.nodes.map((node) => ({ ...node })) })));
  const asked = new Map<string, Extract<DhtMessage, { kind: "findNode" }>["sender"]>();
  mustBreak(/with the one who asks/, {
    input: (input) => {
      if (input.kind === "received" && "sender" in input.message && input.message.sender !== undefined) {
        asked.set(input.from, input.message.sender);
      }
      return input;
    },
    effects: (effects) =>
      effects.map((effect) =>
        effect.kind === "send" && effect.message.kind === "findNodeReply" && asked.has(effect.to as string)
          ? { ...effect, message: { ...effect.message, nodes: [asked.get(effect.to as string)!] } }
          : effect
      ),
  });
});

Deno.test("routing tables are sound: an edge or oneself in it", () => {
  const make: CoreMakers = {
    dht: (options, host) => {
      const core = new DhtCore(options), table = core.table;
      Object.defineProperty(core, "table", {
        get: () => ({ ...table, entries: () => [host.role === "hub" ? own(host) : undefined].values() }),
      });
      return core;
    },
  };
  const own = (host: { signer: { node: string; nodeBytes: Uint8Array } }) => ({ ...host.signer, role: "hub" });
  mustFail(/holds itself/, make);
});

Deno.test("holders are sound: a record that nobody made, one that expired long ago", () => {
  const altered = (change: (expiresAt: number) => number): Changes => ({
    input: (input) => {
      if (input.kind !== "received" || input.message.kind !== "store" || input.message.record?.kind !== "provider") {
        return input;
      }
      const { record } = input.message;
      return { ...input, message: { ...input.message, record: { ...record, expiresAt: change(record.expiresAt) } } };
    },
  });
  mustBreak(/holds a record that .* never made/, altered((expiresAt) => expiresAt));
  mustBreak(/expired long ago/, {
    effects: (effects) => effects.filter((effect) => effect.kind !== "timer" || effect.timer.type !== "upkeep"),
  });
});

Deno.test("sequences rise: a holder that goes back to an older record", () => {
  const make: CoreMakers = {
    dht: (options) => {
      const core = new DhtCore(options), { records } = core;
      let looks = 0;
      Object.defineProperty(core, "records", {
        get: () => ({
          ...{ size: records.size, bytes: records.bytes },
          *all() {
            looks++;
            for (const record of records.all()) {
              yield looks > 60 ? Object.create(record, { sequence: { value: 1 } }) : record;
            }
          },
        }),
      });
      return core;
    },
  };
  mustFail(/went back to an older record|never made/, make);
});

Deno.test("delivery is at most once: an event twice, a topic that nobody wants, a run that starts twice", () => {
  const pubsub = (change: (message: PubsubMessage) => PubsubMessage[]): CoreMakers => ({
    pubsub: (options) =>
      altering(new PubsubCore(options), (effect) => {
        if (effect.kind !== "event" || effect.event.type !== "delivered") return [effect];
        const { event } = effect;
        return change(event.publish).map((publish) => ({
          ...effect,
          event: { ...event, publish: publish as typeof event.publish },
        }));
      }),
  });
  mustFail(/delivers an event on a.b twice/, pubsub((message) => [message, message]));
  mustFail(
    /delivers b.b to who wants a.\*/,
    pubsub((message) => message.kind === "publish" ? [{ ...message, topic: "b.b" }] : []),
  );
  mustFail(/starts run 1 twice/, {
    rpc: (options) =>
      altering(
        new RpcCore(options),
        (effect) => effect.kind === "event" && effect.event.type === "invoke" ? [effect, effect] : [effect],
      ),
  });
});

/** A core each of whose effects is replaced by some. */
function altering<M, C, T, E>(
  core: Core<M, C, T, E>,
  change: (
    effect: ReturnType<Core<M, C, T, E>["handle"]>[number],
  ) => readonly ReturnType<Core<M, C, T, E>["handle"]>[number][],
): Core<M, C, T, E> {
  return { handle: (input, now) => core.handle(input, now).flatMap((effect) => change(effect)) };
}

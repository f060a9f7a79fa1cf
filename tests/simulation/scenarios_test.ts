/** The scenarios, small, and some seeds of the swarm; a scenario notices a broken core. @module */

import assert from "node:assert/strict";
import { DhtClient, DhtCore } from "../../src/dht/mod.ts";
import { PubsubCore } from "../../src/pubsub/core.ts";
import { simulateCommand } from "../../src/cli/simulate/main.ts";
import { SimulationFailure } from "../../src/simulation/checkers/checker.ts";
import type { CoreMakers } from "../../src/simulation/nodes/cores.ts";
import type { ScenarioOptions } from "../../src/simulation/scenarios/scenario.ts";
import { scenarioOf } from "../../src/simulation/scenarios/scenarios.ts";
import { ATTACKS } from "../../src/simulation/scenarios/attacks.ts";
import { LIARS } from "../../src/simulation/scenarios/liars.ts";
import { PLAN } from "../../src/simulation/scenarios/plan.ts";
import { simulate } from "../../src/simulation/simulation.ts";

const run = (name: string, options: { nodes?: number; minutes?: number; make?: CoreMakers; seed?: string } = {}) => {
  const lines: string[] = [],
    result = scenarioOf(name).run({ seed: "1", print: (line) => void lines.push(line), ...options });
  assert.match(result, /^[0-9a-f]{32}$/);
  return lines;
};

const fail = (line: string) => assert.fail(line);

/** A hub that says that it keeps records, and forgets them. */
const FORGETS: CoreMakers = {
  dht: (options) => {
    const core = new DhtCore(options);
    const handle: typeof core.handle = (input, now) => {
      const sound = () => DhtCore.prototype.handle.call(core, input, now);
      if (input.kind !== "received" || input.message.kind !== "store") return sound();
      const { record, key, requestId } = input.message;
      if (record?.kind === "node") return sound();
      const message = { kind: "storeAck", key, requestId, refusal: undefined } as const;
      return [{ kind: "send", to: input.from, message, lane: "control" }];
    };
    return Object.assign(core, { handle });
  },
};

/** A hub that holds records and does not give them out. */
const HIDES: CoreMakers = {
  dht: (options, { role }) => {
    const core = role === "hub" ? new DhtCore(options) : new DhtClient(options);
    return {
      handle: (input, now) =>
        core.handle(input, now).map((effect) =>
          effect.kind === "send" && effect.message.kind === "findValueReply"
            ? { ...effect, message: { ...effect.message, records: [] } }
            : effect
        ),
    };
  },
};

const fails = (name: string, make: CoreMakers, rule: RegExp) =>
  assert.throws(
    () => run(name, { make, nodes: name === "dht-hangs" ? 3 : 60 }),
    (error) => error instanceof SimulationFailure && rule.test(error.message) || (assert.fail(String(error))),
  );

for (const { name } of PLAN) Deno.test(`scenario ${name}`, () => void run(name));

Deno.test("the plan's scenarios notice hubs that hide records", () => {
  fails("discovery-elsewhere", HIDES, /finds plan/);
});

Deno.test("scenario half-dies, and hubs that keep no records", () => {
  assert.match(run("half-dies", { nodes: 60 })[1]!, /^found 100 of 100 with 30 of 60 dead/);
  fails("half-dies", FORGETS, /every record is found, got/);
});

Deno.test("scenario holders-crash, and hubs that keep no records", () => {
  run("holders-crash", { nodes: 40 });
  fails("holders-crash", FORGETS, /has 20 holders, got [01]/);
});

Deno.test("scenario dht-hangs, and events that wait for something", () => {
  run("dht-hangs", { nodes: 3 });
  let published = 0;
  const make: CoreMakers = {
    pubsub: (options, { role }) => {
      const core = new PubsubCore(options);
      return {
        handle: (input, now) =>
          role === "hub" && input.kind === "received" && input.message.kind === "publish" && published++ > 60
            ? []
            : core.handle(input, now),
      };
    },
  };
  fails("dht-hangs", make, /all events arrive/);
});

Deno.test("figures: lookups, with and without churn, and newcomers; hubs that keep no records are noticed", () => {
  assert.match(run("lookups", { nodes: 40, minutes: 1 }).join(), /success +100.000 %/);
  assert.match(run("churn", { nodes: 40, minutes: 2 }).join(), /10 % replaced per minute/);
  assert.match(run("joining", { nodes: 30 })[1]!, /a newcomer is found by 10 others after/);
  fails("lookups", FORGETS, /99.9 % of \d+ lookups succeed/);
});

Deno.test("swarm: some seeds", () => {
  for (let seed = 1; seed <= 8; seed++) run("swarm", { seed: `swarm ${seed}`, minutes: 0.5 });
});

Deno.test("what was published before anybody was known is stored again after the join", () => {
  using simulation = simulate({ seed: "early", nodes: 30, cores: ["dht"], fidelity: "objects" });
  const early = simulation.add();
  assert.deepEqual(simulation.wait(early.app.register("early.bird")), { confirmed: 1, asked: 1 });
  simulation.run(10_000);
  simulation.crash(early);
  assert.equal(simulation.wait(simulation.hubs[3]!.app.providers("early.bird")).records.length, 1);
});

Deno.test("deno task simulate: seed and settings first, the result last, the same twice", () => {
  const lines = (...args: string[]) => {
    const out: string[] = [], code = simulateCommand(args, { print: (line) => void out.push(line), complain: fail });
    return { code, out };
  };
  const first = lines("--seed", "5", "--minutes", "0.2", "--nodes", "4"),
    again = lines("--seed", "5", "--minutes", "0.2", "--nodes", "4");
  assert.deepEqual(first, again);
  assert.equal(first.code, 0);
  assert.equal(first.out[0], "seed 5");
  assert.match(first.out[2]!, /^settings \{"nodes":4,/);
  assert.match(first.out.at(-1)!, /^result [0-9a-f]{32}$/);
  assert.match(lines("--help").out[0]!, /multi-hop-call/);
});

Deno.test("deno task simulate: every scenario says its settings first", () => {
  for (const { name } of [...PLAN, ...ATTACKS.slice(0, 1), ...LIARS.slice(0, 1)]) {
    const [settings] = run(name, { nodes: 20 });
    assert.match(settings!, /^settings \{"nodes":(3|20),/, name);
  }
});

Deno.test("deno task simulate: where a rule does not hold, what was just before, the rule, seed and step; exit code 1", () => {
  const lines: string[] = [];
  withMake("discovery-elsewhere", HIDES, () => {
    const print = (line: string) => void lines.push(line);
    assert.equal(simulateCommand(["--scenario", "discovery-elsewhere", "--seed", "9"], { print, complain: fail }), 1);
  });
  assert.deepEqual(lines.slice(0, 3), ["seed 9", "scenario discovery-elsewhere", 'settings {"nodes":3,"edges":3}']);
  const history = lines.slice(3, -1);
  assert(history.length > 10 && history.length <= 64);
  for (const line of history) assert.match(line, /^ {2}\d+\.\d{3} node \d+ (hub|edge) (dht|pubsub|rpc): .+ → .+/);
  assert.match(lines.at(-1)!, /^Cannot go on: .+; seed 9, step \d+$/);
});

Deno.test("deno task simulate: what it cannot do is one line, apart from the report, and exit code 2", () => {
  const complaint = (...args: string[]) => {
    const lines: string[] = [],
      code = simulateCommand(args, { print: fail, complain: (line) => void lines.push(line) });
    assert.equal(code, 2);
    assert.equal(lines.length, 1);
    assert.doesNotMatch(lines[0]!, /\n/);
    return lines[0]!;
  };
  assert.match(complaint("--scenario", "nonsense"), /a scenario is one of swarm, bootstrap-healthy.* got "nonsense"/);
  assert.match(complaint("--nodes", "many"), /--nodes is a whole number over 0, got "many"/);
  assert.match(complaint("--nodes", "2.5"), /--nodes is a whole number over 0, got "2.5"/);
  assert.match(complaint("--minutes", "0"), /--minutes is a number over 0, got "0"/);
  assert.match(complaint("--nodes", "-3"), /--nodes/); // the parser says it in three lines
  assert.match(complaint("--fast"), /--fast/);
  assert.match(complaint("--seed"), /--seed/);
  assert.match(complaint("swarm"), /swarm/);
});

Deno.test("deno task simulate: a bug of a core is not taken for a wrong argument", () => {
  const { error } = broken("--seed", "1");
  assert.deepEqual([(error as Error).name, (error as Error).message], ["TypeError", "a bug"]);
});

Deno.test("deno task simulate: without a seed one is drawn, and said before anything else", () => {
  const { lines: [first] } = broken(), { lines: [second] } = broken();
  assert.match(first!, /^seed \d+$/);
  assert.notEqual(first, second);
});

/** What a swarm prints and throws whose cores do not even begin: what an unknown seed draws is not run. */
function broken(...args: string[]): { lines: readonly string[]; error: unknown } {
  const lines: string[] = [], print = (line: string) => void lines.push(line);
  const dht = () => {
    throw new TypeError("a bug");
  };
  let error: unknown;
  withMake("swarm", { dht }, () => {
    try {
      simulateCommand(args, { print, complain: fail });
    } catch (thrown) {
      error = thrown;
    }
  });
  return { lines, error };
}

/** Runs something while a scenario has other cores. */
function withMake(name: string, make: CoreMakers, body: () => void): void {
  const scenario = scenarioOf(name), { run: before } = scenario;
  Object.assign(scenario, { run: (options: ScenarioOptions) => before({ ...options, make }) });
  try {
    body();
  } finally {
    Object.assign(scenario, { run: before });
  }
}

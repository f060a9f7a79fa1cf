/** Flags, commands, and what help says about them. @module */

import assert from "node:assert/strict";
import { commandHelp, commandOf, COMMANDS, helpText } from "../../src/cli/commands.ts";
import { nearest, type Option, OPTIONS, parseArguments } from "../../src/cli/options.ts";
import { ENVIRONMENT } from "../../src/node/environment.ts";

function parsed(text: string) {
  const { positionals, flags } = parseArguments(text.split(" ").filter((word) => word !== ""));
  return { positionals, flags: Object.fromEntries(flags) };
}

Deno.test("flags stand anywhere, with or without =, and lists add up", () => {
  assert.deepEqual(parsed("pub --realm org.a a.b 1 --json"), {
    positionals: ["pub", "a.b", "1"],
    flags: { realm: "org.a", json: "" },
  });
  assert.deepEqual(parsed("sub x -n 3 --realm=a --realm=b").flags, { count: "3", realm: "b" });
  assert.deepEqual(parsed("peer --ticket a --ticket b,c").flags, { ticket: "a,b,c" });
  assert.deepEqual(parsed("pub t -- -5").positionals, ["pub", "t", "-5"]);
  assert.deepEqual(parsed("pub t -").positionals, ["pub", "t", "-"]);
  assert.deepEqual(parsed(`pub t {"a":"--realm"}`).positionals, ["pub", "t", `{"a":"--realm"}`]);
});

Deno.test("a wrong flag is named, with the nearest cure", () => {
  const cases: [string, string][] = [
    ["--relm x", "Cannot use --relm: there is no such flag; did you mean --realm?"],
    ["--tick x", "Cannot use --tick: there is no such flag; did you mean --ticket?"],
    ["--zzzzzz", "Cannot use --zzzzzz: there is no such flag; macula --help lists them"],
    ["pub a -5", "Cannot use -5: there is no such flag; put -- before a value that begins with a dash"],
    ["--realm", "Cannot use --realm: a value is expected, as in --realm <name>"],
    ["--realm --json", "Cannot use --realm: a value is expected, as in --realm <name>"],
    ["--realm=", "Cannot use --realm: a value is expected, as in --realm <name>"],
    ["--json=yes", 'Cannot use --json: it takes no value, got "yes"'],
  ];
  for (const [text, message] of cases) assert.throws(() => parsed(text), { code: "invalid", message }, text);
});

Deno.test("the nearest name is offered only where one is near", () => {
  const names = ["realm", "ticket", "pub"];
  assert.equal(nearest("raelm", names), "realm");
  assert.equal(nearest("tick", names), "ticket");
  assert.equal(nearest("publi", names), "pub");
  assert.equal(nearest("quarrel", names), undefined);
  assert.equal(nearest("x", names), undefined);
});

Deno.test("words choose the command", () => {
  const of = (text: string, mode = "peer") => commandOf(parseArguments(text.split(" ").filter(Boolean)), () => mode);
  const named: [string, string][] = [
    ["", "peer"],
    ["start", "peer"],
    ["--gateway", "gateway"],
    ["start --gateway", "gateway"],
    ["gateway --gateway", "gateway"],
    ["publish a 1", "pub"],
    ["subscribe a", "sub"],
    ["--realm org.a call p", "call"],
  ];
  for (const [text, name] of named) assert.equal(of(text).command.name, name, text);
  assert.equal(of("", "gateway").command.name, "gateway");
  assert.deepEqual(of("call p {}").given.positionals, ["p", "{}"]);
  const { command, given } = of("join macula1x --ticket macula1y");
  assert.deepEqual([command.name, given.positionals, given.flags.get("ticket")], ["join", [], "macula1y,macula1x"]);
});

Deno.test("what does not fit a command is a usage error that says so", () => {
  const wrong: [string, string][] = [
    ["gatway", 'Cannot run "gatway": there is no such command; did you mean macula gateway?'],
    ["frobnicate", 'Cannot run "frobnicate": there is no such command; macula --help lists them'],
    ["pub", 'Cannot run macula pub: it is used as "macula pub <topic> [json]", got no argument'],
    ["sub", 'Cannot run macula sub: it is used as "macula sub <pattern>", got no argument'],
    ["gateway now", 'Cannot run macula gateway: it is used as "macula gateway", got 1 argument'],
    ["pub a 1 --count 3", "Cannot use --count with pub: it is for sub, ping"],
    ["pub a 1 --gateway", "Cannot use --gateway with pub: it starts a gateway, alone or after start"],
  ];
  for (const [text, message] of wrong) {
    const run = () => commandOf(parseArguments(text.split(" ")), () => "peer");
    assert.throws(run, { code: "invalid", message }, text);
  }
});

Deno.test("the tables agree with each other, and help shows all of them", () => {
  const text = helpText(), commands = COMMANDS.map(({ name }) => name);
  for (const [name, { commands: takers = [], variable }] of Object.entries(OPTIONS) as [string, Option][]) {
    for (const taker of takers) assert.ok(commands.includes(taker), `${name} is for ${taker}`);
    if (variable !== undefined) assert.ok(variable in ENVIRONMENT, variable);
    assert.match(text, new RegExp(`--${name}\\b`));
  }
  for (const name of Object.keys(ENVIRONMENT)) assert.ok(text.includes(name), name);
  for (const command of COMMANDS) {
    assert.ok(text.includes(`  ${command.name}`), command.name);
    assert.ok(commandHelp(command).startsWith(`macula ${command.name}`));
  }
  const help = [text, ...COMMANDS.map(commandHelp)].join("\n").split("\n");
  assert.deepEqual(help.filter((line) => line.length > 104), [], "lines fit a terminal");
  assert.match(commandHelp(COMMANDS.find(({ name }) => name === "sub")!), /-n, --count <n>/);
  assert.doesNotMatch(commandHelp(COMMANDS.find(({ name }) => name === "pub")!), /--count/);
});

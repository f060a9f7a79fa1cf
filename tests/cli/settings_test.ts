/** Flags over environment, and values that cannot be right. @module */

import assert from "node:assert/strict";
import { parseArguments } from "../../src/cli/options.ts";
import { modeOf, parseListen, Settings } from "../../src/cli/settings.ts";
import { parseEndpoint } from "../../src/names/mod.ts";
import {
  checkDialOnly,
  checkedTargets,
  dialOnly,
  dialOnlyOf,
  namedTargets,
  patienceHere,
  ticketFiles,
} from "../../src/cli/target.ts";
import type { Connection, DialOptions, Transport } from "../../src/transport/transport.ts";

function settings(text: string, values: Record<string, string> = {}): Settings {
  const { positionals, flags } = parseArguments(text.split(" ").filter(Boolean));
  return new Settings({ positionals, flags }, values);
}

Deno.test("a gateway that is just starting has as many times longer as this machine is slower than usual", () => {
  const cases = [[2_000, 50, 2_000], [2_000, 200, 2_000], [2_000, 2_000, 20_000], [10_000, 500, 25_000], [0, 9_000, 0]];
  for (const [patienceMs, startMs, expected] of cases) assert.equal(patienceHere(patienceMs!, startMs!), expected);
});

Deno.test("flags win over the environment, and the environment over defaults", () => {
  const values = { MACULA_REALM: "org.env", MACULA_HTTP_PORT: "81", MACULA_PORT: "82", MACULA_STATE_DIR: "/env" };
  const flagged = settings("--realm org.flag --http-port 0 --state-dir /flag --listen [::1]:7", values);
  assert.deepEqual(flagged.listen, { hostname: "::1", port: 7 });
  assert.deepEqual([flagged.httpPort, flagged.stateDir, flagged.peerDir], [0, "/flag", "/flag/peer"]);
  assert.deepEqual([flagged.realm, flagged.environment.text("MACULA_REALM")], ["org.flag", "org.flag"]);
  const plain = settings("", values);
  assert.deepEqual(plain.listen, { hostname: "127.0.0.1", port: 82 });
  assert.deepEqual([plain.httpPort, plain.stateDir], [81, "/env"]);
  assert.deepEqual([plain.realm, plain.environment.text("MACULA_REALM")], ["org.env", "org.env"]);
  assert.equal(settings("--ticket t", values).realm, undefined, "a hub that a flag names has its own");
  assert.equal(settings("--ticket t --realm org.flag", values).realm, "org.flag");
  const bare = settings("");
  assert.deepEqual([bare.listen.port, bare.httpPort, bare.environment.text("MACULA_REALM")], [
    9443,
    8080,
    "org.example.mesh",
  ]);
});

Deno.test("a bad value names the flag or the variable", () => {
  const cases: [() => unknown, RegExp][] = [
    [() => settings("--count 0").integer("count", 1), /^Cannot use --count: a whole number of at least 1 .* got "0"$/],
    [() => settings("--count x").integer("count", 1), /got "x"$/],
    [() => settings("--http-port 65536").httpPort, /^Cannot use --http-port: a whole number from 0 to 65535/],
    [() => settings("", { MACULA_HTTP_PORT: "http" }).httpPort, /^Cannot use MACULA_HTTP_PORT: a port/],
    [() => settings("", { MACULA_LISTEN: "not a host" }).listen, /^Cannot use MACULA_LISTEN: /],
    [
      () => settings("--log-level loud").logLevel("info"),
      /^Cannot use --log-level: one of off, error, warn, info, debug/,
    ],
    [() => settings("", { MACULA_LOG_LEVEL: "loud" }).logLevel("info"), /^Cannot use MACULA_LOG_LEVEL: /],
    [
      () => settings("--qos 3").choice("qos", ["0", "1", "2"]),
      /^Cannot use --qos: one of 0, 1, 2 is expected, got "3"$/,
    ],
    [() => settings("--realm ..").realm, /^Cannot use --realm: its segments are letters/],
    [() => settings("", { MACULA_REALM: ".." }).realm, /^Cannot use MACULA_REALM: its segments are letters/],
    [() => settings("", { HEALTH_PORT: "http" }).httpPort, /^Cannot use HEALTH_PORT: a port/],
    [() => settings("", { MACULA_PORT: "x" }).listen, /^Cannot use MACULA_PORT: a port/],
    [() => modeOf({ MACULA_MODE: "server" }), /^Cannot use MACULA_MODE: one of gateway, peer is expected/],
    [() => settings("", { GATEWAY_REALM: "x" }), /^Cannot use GATEWAY_REALM: set MACULA_REALM instead$/],
  ];
  for (const [run, message] of cases) assert.throws(run, { code: "invalid", message });
});

Deno.test("where to listen is read from every form of it", () => {
  const read: [string, object][] = [
    ["127.0.0.1:0", { hostname: "127.0.0.1", port: 0 }],
    ["gw.example.org:9443", { hostname: "gw.example.org", port: 9443 }],
    ["[2001:db8::1]:1", { hostname: "2001:db8::1", port: 1 }],
    ["[::]", { hostname: "::" }],
    ["0.0.0.0", { hostname: "0.0.0.0" }],
    [":9443", { port: 9443 }],
  ];
  for (const [text, address] of read) assert.deepEqual(parseListen(text), address, text);
  for (const text of ["::1:9", "a b:1", "h:65536", "h:", "", "[x]:1", "https://h:1"]) {
    assert.throws(() => parseListen(text), { code: "invalid", message: /^Cannot use --listen: host:port/ }, text);
  }
});

Deno.test("targets come from flags, else the environment, and from files", async () => {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, "macula1fromfile\n");
    const env = { MACULA_BOOTSTRAP_PEERS: `https://a:1, @${file}` };
    assert.deepEqual(await namedTargets(settings("", env)), ["https://a:1", "macula1fromfile"]);
    assert.deepEqual(await namedTargets(settings("--ticket t --url http://u", env)), ["t", "http://u"]);
    assert.deepEqual(await namedTargets(settings("gateway --bootstrap t,u --bootstrap v", env)), ["t", "u", "v"]);
    assert.deepEqual(await namedTargets(settings("", { MACULA_BOOTSTRAP_REGISTRY: "https://r:1" })), ["https://r:1"]);
    assert.deepEqual(await namedTargets(settings("")), []);
    assert.deepEqual(ticketFiles(settings("", env)), [file]);
    const missing = namedTargets(settings("--ticket @/does/not/exist"));
    await assert.rejects(missing, {
      code: "invalid",
      message: "Cannot read the ticket: there is no file /does/not/exist",
    });
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("a target that cannot be understood names the variable that it stands in", async () => {
  const wrong = (text: string, values = {}) => checkedTargets(settings(text, values));
  const cases: [Promise<unknown>, RegExp][] = [
    [
      wrong("", { MACULA_BOOTSTRAP_PEERS: "foo" }),
      /^Cannot use MACULA_BOOTSTRAP_PEERS: a ticket .* expected, got "foo"$/,
    ],
    [wrong("", { MACULA_BOOTSTRAP_REGISTRY: "macula1x" }), /^Cannot use MACULA_BOOTSTRAP_REGISTRY: it ends too early/],
    [wrong("gateway --bootstrap foo"), /^Cannot use --bootstrap: a ticket/],
    [wrong("--ticket foo"), /^Cannot connect: a ticket/],
  ];
  for (const [promise, message] of cases) await assert.rejects(promise, { code: "invalid", message });
  assert.deepEqual(await wrong("--url https://a:1"), ["https://a:1"]);
});

Deno.test("--dial-only refuses every other address, and says so at once where none is left", async () => {
  const allowed = dialOnlyOf(settings("--dial-only gw.example.org:9443,[::1]:5"))!;
  const dialled: string[] = [];
  const transport: Transport = {
    dial({ address }: DialOptions) {
      dialled.push(address.hostname);
      return Promise.resolve({} as Connection);
    },
    listen: () => Promise.reject(new Error("not used")),
    close: () => Promise.resolve(),
  };
  const restricted = dialOnly(transport, allowed), expect = { kind: "name" } as const;
  await restricted.dial({ address: { hostname: "GW.example.org", port: 9443 }, expect });
  await restricted.dial({ address: { hostname: "::1", port: 5 }, expect });
  for (const address of ["gw.example.org:9444", "127.0.0.1:9443"].map((text) => parseEndpoint(text))) {
    await assert.rejects(restricted.dial({ address, expect }), {
      code: "dial_not_allowed",
      message: /^Cannot dial .*: --dial-only allows gw.example.org:9443, \[::1\]:5$/,
    });
  }
  assert.deepEqual(dialled, ["GW.example.org", "::1"]);
  checkDialOnly(["https://gw.example.org:9443", "https://other:1"], allowed);
  checkDialOnly(["http://127.0.0.1:8080"], allowed);
  assert.throws(() => checkDialOnly(["https://other:1"], allowed), {
    code: "invalid",
    message: /^Cannot dial other:1/,
  });
});

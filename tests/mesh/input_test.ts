/** What an application gives that cannot be right: one clear error at once, and nothing is left behind. @module */

import assert from "node:assert/strict";
import { connect, createIdentity, issueCredential, startGateway, ValidationError } from "../../mod.ts";
import { World } from "../node/world.ts";

/** A value that no type allows. */
// deno-lint-ignore no-explicit-any
const wrong = (value: unknown) => value as any;

async function refused(cases: readonly (readonly [() => unknown, RegExp])[]): Promise<void> {
  for (const [run, message] of cases) {
    await assert.rejects(async () => await run(), (error: Error) => {
      assert(error instanceof ValidationError, `${message}: ${error}`);
      assert.match(error.message, message);
      return true;
    });
  }
}

Deno.test("connect: targets, time, identity and what is shown", () =>
  refused([
    [() => connect(wrong(5)), /^Cannot connect: a ticket \(macula1…\), .* expected, got 5$/],
    [() => connect(wrong(null)), /got null$/],
    [() => connect(wrong(["https://a:1", 5])), /got 5$/],
    [() => connect([]), /at least one target/],
    [() => connect("https://a:1", { timeout: 0 }), /^Cannot connect: timeout is over 0 ms, got 0$/],
    [() => connect("https://a:1", { timeout: NaN }), /got NaN$/],
    [() => connect("https://a:1", { timeout: wrong("5") }), /got 5$/],
    [() => connect("https://a:1", { identity: wrong({}) }), /identity is what createIdentity makes, got object$/],
    [() => connect("https://a:1", { auth: { token: wrong(5) } }), /a token is a text, got number$/],
    [() => connect("https://a:1", { auth: { apiKey: "short" } }), /at least 128 random bits/],
    [() => connect("https://a:1", { auth: { token: "a", apiKey: "b" } }), /another name of token, got two different/],
    [() => connect("https://a:1", { auth: { apiKey: "a", credential: "b" } }), /a token or a credential is shown/],
    [() => createIdentity(new Uint8Array(3)), /a seed has 32 bytes, got 3$/],
    [() => issueCredential(createIdentity(new Uint8Array(32)), wrong({})), /^Cannot /],
  ]));

Deno.test("startGateway: realm, addresses, bounds, admission", () => {
  const start = (options: object) => () => startGateway({ realm: "a.b", listen: { port: 0 }, ...options });
  return refused([
    [start({ realm: undefined }), /^Cannot use as a realm: it is a text, got undefined$/],
    [start({ realm: "A B" }), /^Cannot use as a realm: its segments/],
    [start({ listen: { port: 65_536 } }), /listen.port is an integer from 0 to 65535, got 65536$/],
    [start({ listen: { port: NaN } }), /got NaN$/],
    [start({ listen: { hostname: 5 } }), /listen.hostname is a host name or an IP address, got 5$/],
    [start({ http: { port: -1 } }), /http.port is an integer from 0 to 65535, got -1$/],
    [start({ limits: { clientMax: 5 } }), /limits has clientsMax, .*, got clientMax$/],
    [start({ limits: { clientsMax: 0 } }), /limits.clientsMax is a positive integer, got 0$/],
    [start({ identity: {} }), /identity is what createIdentity makes/],
    [start({ admission: { mode: "token" } }), /a token is a text, got undefined$/],
    [start({ admission: { mode: "credential" } }), /realmKey is an Ed25519 public key, got undefined$/],
  ]);
});

Deno.test("a mesh: names, times, handlers, values; what was refused is not left behind", async () => {
  await using world = new World();
  const gateway = await world.gateway(), mesh = await world.edge(gateway.ticket), circle: Record<string, unknown> = {};
  circle.self = circle;
  await refused([
    [() => mesh.publish(wrong(undefined), 1), /^Cannot use as a topic: it is a text, got undefined$/],
    [() => mesh.subscribe(wrong(null)), /^Cannot use as a pattern: it is a text, got null$/],
    [() => mesh.call(wrong(5)), /^Cannot use as a procedure: it is a text, got number$/],
    [() => mesh.call("a", 1, { timeout: -1 }), /^Cannot call a: timeout is over 0 ms, got -1$/],
    [() => mesh.ping(gateway.id, { timeout: NaN }), /^Cannot ping [0-9a-f]{64}: timeout is over 0 ms, got NaN$/],
    [() => mesh.drain({ timeout: -1 }), /^Cannot drain: timeout is at least 0 ms, got -1$/],
    [() => mesh.publish("a", circle), /^Cannot publish: .*, got one that JSON does not take \(Converting [^\n]*\)$/],
    [() => mesh.advertise("a.b", wrong(undefined)), /^Cannot advertise: the handler is a function, got undefined$/],
    [() => mesh.advertise("a.b", () => 1, { metadata: { a: 1n } }), /^Cannot advertise: .*BigInt\)$/],
    [() => mesh.advertise("a.*", () => 1), /^Cannot use as a procedure/],
  ]);
  assert.deepEqual([mesh.services(), mesh.subscriptions(), mesh.status], [[], [], "connected"]);
});

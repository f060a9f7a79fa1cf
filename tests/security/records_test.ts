/** Records in a realm of credentials: holders believe what their signer's credential allows it to say. @module */

import assert from "node:assert/strict";
import type { Identity } from "../../mod.ts";
import type { Failure } from "../../src/base/protocol.ts";
import {
  RECORD_TTL_MS,
  RecordVerifier,
  signRecord,
  type Statement,
  type VerifiedRecord,
} from "../../src/identity/mod.ts";
import { RecordRight } from "../../src/link/admission/record_right.ts";
import { parsePattern, parseProcedure, parseRealm } from "../../src/names/mod.ts";
import { World } from "../node/world.ts";
import { ManualTimers } from "../transport/manual_timers.ts";
import { credentialOf, foreignKey, identity, REALM, realmKey, type Wish } from "./world.ts";

const HUB = identity(100), EDGE = identity(1), OTHER = identity(2);
const HOUR_MS = 3_600_000;

type Said = { readonly role: "hub" | "edge" } | { readonly pattern: string } | { readonly procedure: string };

class Holder {
  readonly timers = new ManualTimers();
  readonly revoked = new Set<string>();
  readonly right: RecordRight;
  readonly #verifier = new RecordVerifier();

  constructor() {
    const isRevoked = (id: string) => this.revoked.has(id);
    const guard = { mode: "credential", realmKey: realmKey.publicKey, credential: () => undefined, isRevoked } as const;
    this.right = new RecordRight(guard, REALM, this.timers);
  }

  issue(node: Identity, wish: Wish): Promise<string> {
    return credentialOf(node, { from: this.timers.now(), lifeMs: HOUR_MS, ...wish });
  }

  /** What becomes of a record of `node` that carries this credential. */
  verdict(node: Identity, said: Said, credential: string | undefined): string {
    const now = this.timers.now(), realm = parseRealm(REALM), head = { realm, sequence: now, credential };
    const until = (kind: Statement["kind"]) => now + RECORD_TTL_MS[kind];
    const statement: Statement = "role" in said
      ? { kind: "node", ...head, expiresAt: until("node"), role: said.role, endpoints: [] }
      : "pattern" in said
      ? { kind: "interest", ...head, expiresAt: until("interest"), pattern: parsePattern(said.pattern) }
      : { kind: "provider", ...head, expiresAt: until("provider"), procedure: parseProcedure(said.procedure) };
    const { signed } = signRecord(node, statement), record = this.#verifier.verify(signed, { now, realm });
    assert(!("code" in record), (record as Failure).text);
    return this.right.fault(record as VerifiedRecord)?.code ?? "believed";
  }
}

Deno.test("records: what is believed follows from the credential that the record carries", async () => {
  const holder = new Holder(), hub = await holder.issue(HUB, { role: "hub" });
  const rights = { publish: ["**"], subscribe: ["sensor.**"], advertise: ["math.*"] };
  const edge = await holder.issue(EDGE, { rights });
  const cases: [string, Identity, Said, string | undefined][] = [
    ["believed", HUB, { role: "hub" }, hub],
    ["believed", HUB, { pattern: "anything.**" }, hub],
    ["believed", HUB, { procedure: "any.thing" }, hub],
    ["believed", EDGE, { role: "edge" }, edge],
    ["believed", EDGE, { pattern: "sensor.kitchen.*" }, edge],
    ["believed", EDGE, { procedure: "math.add" }, edge],
    ["record_without_credential", HUB, { role: "hub" }, undefined],
    ["record_not_allowed", EDGE, { role: "hub" }, edge],
    ["record_not_allowed", HUB, { role: "edge" }, hub],
    ["record_not_allowed", EDGE, { pattern: "**" }, edge],
    ["record_not_allowed", EDGE, { procedure: "secret.read" }, edge],
    ["credential_wrong_node", OTHER, { role: "hub" }, hub],
    ["credential_wrong_issuer", HUB, { role: "hub" }, await holder.issue(HUB, { role: "hub", by: foreignKey })],
    ["credential_wrong_realm", HUB, { role: "hub" }, await holder.issue(HUB, { role: "hub", realm: "org.other" })],
    ["credential_malformed", HUB, { role: "hub" }, "none"],
  ];
  for (const [verdict, node, said, credential] of cases) {
    assert.equal(holder.verdict(node, said, credential), verdict, JSON.stringify(said));
  }
});

Deno.test("records: a credential that was good once is looked at again: who shows it, when, and whether it was revoked", async () => {
  const holder = new Holder(), hub = await holder.issue(HUB, { role: "hub", id: "hub" });
  assert.equal(holder.verdict(HUB, { role: "hub" }, hub), "believed");
  assert.equal(holder.verdict(OTHER, { role: "hub" }, hub), "credential_wrong_node");
  holder.revoked.add("hub");
  assert.equal(holder.verdict(HUB, { role: "hub" }, hub), "credential_revoked");
  holder.revoked.delete("hub");
  await holder.timers.run(2 * HOUR_MS);
  assert.equal(holder.verdict(HUB, { role: "hub" }, hub), "credential_expired");
});

Deno.test("records: gateways with credentials find each other, and pass on calls and events, and who they are of", async () => {
  await using world = new World();
  const from = world.timers.now(), realm = "org.example.test", long = { realm, from, lifeMs: 1_000 * HOUR_MS };
  const start = async (seed: number, hostname: string, bootstrap: readonly string[] = []) => {
    const node = identity(seed), issued = await credentialOf(node, { role: "hub", ...long });
    return await world.gateway({
      identity: node,
      admission: { mode: "credential", realmKey: realmKey.publicKey },
      auth: { credential: () => issued },
      bootstrap,
    }, hostname);
  };
  const connect = async (seed: number, ticket: string) => {
    const credential = await credentialOf(identity(seed), long);
    return await world.edge(ticket, { identity: identity(seed), auth: { credential } });
  };
  const first = await start(61, "gate"), second = await start(62, "gate2", [first.ticket]);
  await world.run(5_000);
  assert.equal(first.links().filter(({ role }) => role === "hub").length, 1, "they are linked");
  const caller = await connect(1, first.ticket), provider = await connect(2, second.ticket);
  const callers: unknown[] = [];
  await world.passing(provider.advertise("math.add", ({ a, b }: { a: number; b: number }, { caller, proof }) => {
    callers.push([caller, proof]);
    return a + b;
  }));
  await world.run(5_000);
  assert.equal(await world.passing(caller.call("math.add", { a: 1, b: 2 })), 3);
  assert.deepEqual(callers, [[identity(1).id, "hub"]]);
  const events = provider.subscribe("sensor.*"), seen: unknown[] = [];
  await world.passing(events.ready);
  for (const number of [1, 2]) await world.passing(caller.publish("sensor.x", number, { acknowledge: true }));
  await world.passing(first.publish("sensor.y", 3, { acknowledge: true }));
  await world.run(100);
  await events.close();
  for await (const { data, publisher, proof } of events) seen.push([data, publisher, proof]);
  assert.deepEqual(seen, [[1, caller.id, "hub"], [2, caller.id, "hub"], [3, first.id, "hub"]]);
  for (const mesh of [first, second, caller, provider]) assert.deepEqual(mesh.stats().refused, {});
});

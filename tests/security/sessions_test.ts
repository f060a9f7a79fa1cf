/** Links and the credentials that they stand on, in virtual time: renewed, expired, revoked, narrowed. @module */

import assert from "node:assert/strict";
import type { AuditEntry, Gateway, Mesh, StartGatewayOptions } from "../../mod.ts";
import { CREDENTIAL_LEEWAY_MS } from "../../src/identity/mod.ts";
import { AUDIT_RATES, AuditLog } from "../../src/link/admission/audit.ts";
import { CredentialRights, VERDICTS_MAX } from "../../src/link/admission/rights.ts";
import { readCredential } from "../../src/identity/mod.ts";
import { REALM, World } from "../node/world.ts";
import { credentialOf, foreignKey, identity, realmKey, type Wish } from "./world.ts";

const EDGE = identity(1), OTHER = identity(2), HUB = identity(100);
const MINUTE_MS = 60_000;

/** A realm in virtual time. */
class Realm extends World {
  readonly revoked = new Set<string>();
  readonly audited: AuditEntry[] = [];
  hubCredential = "";

  /** A credential from now on, for ten minutes. */
  issue(node: typeof EDGE, wish: Wish = {}): Promise<string> {
    const from = this.timers.now();
    return credentialOf(node, { realm: REALM, from, lifeMs: 10 * MINUTE_MS, ...wish });
  }

  async hub(options: Partial<StartGatewayOptions> = {}): Promise<Gateway> {
    this.hubCredential ||= await this.issue(HUB, { role: "hub", lifeMs: 10_000 * MINUTE_MS });
    return await this.gateway({
      identity: HUB,
      admission: { mode: "credential", realmKey: realmKey.publicKey, isRevoked: (id) => this.revoked.has(id) },
      auth: { credential: () => this.hubCredential },
      audit: (entry) => void this.audited.push(entry),
      ...options,
    });
  }
}

/** Why links of a mesh ended. */
function ends(mesh: Mesh): string[] {
  const reasons: string[] = [];
  mesh.addEventListener("peerdown", (event) => void reasons.push(event.detail.reason));
  return reasons;
}

Deno.test("sessions: a link ends when its credential has expired, after a minute of leeway", async () => {
  await using realm = new Realm();
  const gateway = await realm.hub(), credential = await realm.issue(EDGE, { id: "short" });
  const mesh = await realm.edge(gateway.ticket, { identity: EDGE, auth: { credential } }), reasons = ends(mesh);
  await realm.run(10 * MINUTE_MS + CREDENTIAL_LEEWAY_MS - 1_000);
  assert.deepEqual([mesh.status, reasons], ["connected", []]);
  await realm.run(2_000);
  assert.deepEqual([mesh.status, reasons], ["degraded", ["credential_expired"]]);
  await realm.run(60_000);
  assert.equal(mesh.status, "degraded", "it dials again in vain");
  assert((gateway.stats().refused["credential_expired"] ?? 0) >= 2);
  const stay = realm.audited.find(({ action }) => action === "stay");
  assert.deepEqual({ ...stay, time: 0 }, {
    time: 0,
    node: EDGE.id,
    action: "stay",
    name: "short",
    verdict: "refused",
    reason: "credential_expired",
  });
});

Deno.test("sessions: a link goes on with a fresh credential, and a lost one comes back with it", async () => {
  await using realm = new Realm();
  const gateway = await realm.hub();
  let credential = await realm.issue(EDGE, { id: "first" });
  const mesh = await realm.edge(gateway.ticket, { identity: EDGE, auth: { credential: () => credential } });
  const reasons = ends(mesh), [before] = gateway.clients();
  for (let i = 0; i < 5; i++) {
    await realm.run(8 * MINUTE_MS);
    credential = await realm.issue(EDGE, { id: `fresh${i}` });
  }
  await realm.run(3 * MINUTE_MS);
  assert.deepEqual([mesh.status, reasons, gateway.clients()[0]?.id], ["connected", [], before?.id], "one link, 43 min");
  const renewals = realm.audited.filter(({ action }) => action === "renew");
  assert.deepEqual(renewals.map(({ verdict, reason }) => verdict + reason), Array(5).fill("allowed"));
  gateway.disconnect(EDGE.id);
  await realm.run(MINUTE_MS);
  assert.equal(mesh.status, "connected");
});

Deno.test("sessions: a fresh credential that is none is refused, and the old one still counts", async () => {
  await using realm = new Realm();
  const gateway = await realm.hub(), good = await realm.issue(EDGE);
  let credential = good;
  const mesh = await realm.edge(gateway.ticket, { identity: EDGE, auth: { credential: () => credential } });
  const reasons = ends(mesh), told: string[] = [];
  mesh.addEventListener("refused", (event) => void told.push(`${event.detail.code}: ${event.detail.text}`));
  credential = await realm.issue(EDGE, { by: foreignKey });
  await realm.run(2 * MINUTE_MS);
  credential = await realm.issue(OTHER);
  await realm.run(2 * MINUTE_MS);
  assert.deepEqual(told, [
    "credential_wrong_issuer: Cannot accept the credential: " +
    `it must be issued by the realm's key ${realmKey.id}, got "${foreignKey.id}"`,
    "credential_wrong_node: Cannot accept the credential: " +
    `it must be for the node ${EDGE.id} that shows it, got ${OTHER.id}`,
  ]);
  assert.deepEqual([mesh.status, reasons], ["connected", []]);
  await realm.run(8 * MINUTE_MS);
  assert.deepEqual(reasons, ["credential_expired"]);
});

Deno.test("sessions: who is turned away is told once, goes on trying, and is back soon after its credential changes", async () => {
  await using realm = new Realm();
  const gateway = await realm.hub(), logged: string[] = [], told: string[] = [];
  const note = (level: string) => (text: string) => void logged.push(`${level} ${text}`);
  const logger = { debug() {}, info: note("info"), warn: note("warn"), error: note("error") };
  let credential = await realm.issue(EDGE, { id: "first" });
  const mesh = await realm.edge(gateway.ticket, { identity: EDGE, logger, auth: { credential: () => credential } });
  mesh.addEventListener("turnedaway", ({ detail: { code } }) => void told.push(code));
  await realm.run(20 * MINUTE_MS);
  assert.deepEqual([mesh.status, told], ["degraded", ["credential_expired"]]);
  assert.deepEqual(logged.filter((line) => line.startsWith("error")), [
    "error the hub does not let this node in again",
  ]);
  assert(!logged.includes("info cannot attach, trying again"), "as it would not help");
  const tried = gateway.stats().refused["credential_expired"]!;
  assert(tried >= 10, `${tried} times: what holds at the hub may change too`);
  credential = await realm.issue(EDGE, { by: foreignKey });
  await realm.run(MINUTE_MS);
  assert.deepEqual(
    [mesh.status, told],
    ["degraded", ["credential_expired"]],
    "not trusting the hub is no refusal of it",
  );
  credential = await realm.issue(EDGE, { id: "second" });
  await realm.run(3_000);
  assert.equal(mesh.status, "connected");
  gateway.disconnect(EDGE.id);
  credential = await realm.issue(OTHER);
  await realm.run(MINUTE_MS);
  assert.equal(told.at(-1), "credential_wrong_node", "and told anew");
});

Deno.test("sessions: a fresh credential is presented within seconds", async () => {
  await using realm = new Realm();
  const gateway = await realm.hub(), month = { lifeMs: 43_200 * MINUTE_MS };
  let credential = await realm.issue(EDGE, { ...month, id: "old" });
  const mesh = await realm.edge(gateway.ticket, { identity: EDGE, auth: { credential: () => credential } });
  await realm.run(MINUTE_MS);
  credential = await realm.issue(EDGE, { ...month, id: "new" });
  await realm.run(6_000);
  realm.revoked.add("old");
  assert.equal(gateway.recheck(), 0, "the link stands on the new one");
  assert.equal(mesh.status, "connected");
});

Deno.test("sessions: revocation ends the link at the next recheck, and nobody else's", async () => {
  await using realm = new Realm();
  const gateway = await realm.hub();
  const lost = await realm.issue(EDGE, { id: "lost" }), kept = await realm.issue(OTHER, { id: "kept" });
  const mesh = await realm.edge(gateway.ticket, { identity: EDGE, auth: { credential: lost } }), reasons = ends(mesh);
  const other = await realm.edge(gateway.ticket, { identity: OTHER, auth: { credential: kept } });
  assert.equal(gateway.recheck(), 0);
  realm.revoked.add("lost");
  assert.equal(gateway.recheck(), 1);
  await realm.run(1_000);
  assert.deepEqual(reasons, ["credential_revoked"]);
  assert.deepEqual([mesh.status, other.status, gateway.clients().length], ["degraded", "connected", 1]);
  assert.equal(gateway.recheck(), 0);
  await realm.run(MINUTE_MS);
  assert.equal(mesh.status, "degraded");
});

Deno.test("sessions: more rights come at once; with fewer the edge attaches again and only what is allowed comes back", async () => {
  await using realm = new Realm();
  const gateway = await realm.hub(), rights = (...subscribe: string[]) => ({ rights: { subscribe, publish: ["a"] } });
  let credential = await realm.issue(EDGE, rights("a"));
  const mesh = await realm.edge(gateway.ticket, { identity: EDGE, auth: { credential: () => credential } });
  const reasons = ends(mesh), subscribed = mesh.subscribe("a");
  await realm.passing(subscribed.ready);
  await realm.passing(assert.rejects(mesh.subscribe("b").ready, { code: "not_allowed" }));
  credential = await realm.issue(EDGE, rights("a", "b"));
  await realm.run(2 * MINUTE_MS);
  const second = mesh.subscribe("b");
  await realm.passing(second.ready);
  assert.deepEqual(reasons, []);
  credential = await realm.issue(EDGE, rights("a"));
  await realm.run(2 * MINUTE_MS);
  assert.deepEqual([reasons, mesh.status], [["rights_changed"], "connected"]);
  await realm.passing(assert.rejects(second[Symbol.asyncIterator]().next(), {
    code: "not_allowed",
    message: "Cannot subscribe to b: the credential allows subscribe on a",
  }));
  const next = subscribed[Symbol.asyncIterator]().next();
  assert.equal((await realm.passing(mesh.publish("a", 7, { acknowledge: true }))).recipients, 1, "the other is there");
  assert.equal((await realm.passing(next)).value.data, 7);
});

Deno.test("sessions: an edge leaves a hub whose credential has expired, and stays with one that renews", async () => {
  await using realm = new Realm();
  realm.hubCredential = await realm.issue(HUB, { role: "hub" });
  const gateway = await realm.hub(), long = { lifeMs: 10_000 * MINUTE_MS };
  const credential = await realm.issue(EDGE, long);
  const mesh = await realm.edge(gateway.ticket, { identity: EDGE, auth: { credential } }), reasons = ends(mesh);
  await realm.run(6 * MINUTE_MS);
  realm.hubCredential = await realm.issue(HUB, { role: "hub" });
  await realm.run(8 * MINUTE_MS);
  assert.deepEqual([mesh.status, reasons], ["connected", []]);
  await realm.run(4 * MINUTE_MS);
  assert.deepEqual(reasons, ["credential_expired"]);
});

Deno.test("audit: a flood of refusals is cut down, by source and in all, and says how much is missing", () => {
  let now = 0;
  const entries: AuditEntry[] = [], log = new AuditLog((entry) => void entries.push(entry), () => now);
  const note = (remote: string) => {
    log.note({ remote, action: "publish", name: "x".repeat(1_000), verdict: "refused", reason: "not_allowed" });
  };
  for (let i = 0; i < 10_000; i++) note("one");
  assert.equal(entries.length, AUDIT_RATES.perSourceBurst);
  note("two");
  assert.deepEqual([entries.at(-1)?.remote, entries.at(-1)?.suppressed], ["two", 10_000 - AUDIT_RATES.perSourceBurst]);
  assert.equal(entries.at(-1)?.name.length, 255);
  for (let i = 0; i < 10_000; i++) note(`source${i}`);
  assert.equal(entries.length, AUDIT_RATES.inAllBurst);
  now += 1_000;
  for (let i = 0; i < 10_000; i++) note(`later${i}`);
  assert.equal(entries.length, AUDIT_RATES.inAllBurst + AUDIT_RATES.inAll);
});

Deno.test("rights: verdicts are kept in bounds, and forgotten with the credential that they came from", async () => {
  const wish = async (publish: string[]) => readCredential(await credentialOf(EDGE, { rights: { publish } }));
  const rights = new CredentialRights(await wish(["a.*"]));
  for (let i = 0; i < 3 * VERDICTS_MAX; i++) assert.equal(rights.refusal("publish", `a.t${i}`), undefined);
  assert(rights.size <= VERDICTS_MAX);
  assert.equal(rights.refusal("publish", "b")?.text, "Cannot publish on b: the credential allows publish on a.*");
  assert.equal(rights.refusal("call", "a.b")?.text, "Cannot call a.b: the credential allows call on nothing");
  rights.replace(await wish(["b"]));
  assert.deepEqual([rights.refusal("publish", "b"), rights.refusal("publish", "a.t1")?.code], [
    undefined,
    "not_allowed",
  ]);
  const many = new CredentialRights(await wish(Array.from({ length: 20 }, (_, i) => `p${i}`)));
  assert.match(many.refusal("publish", "q")!.text, /on p0, p1, p2, p3, p4, p5, p6, p7, …$/);
});

Deno.test("audit: a sink that fails costs no link, and the logger is told", async () => {
  await using realm = new Realm();
  const told: string[] = [],
    logger = { debug() {}, info() {}, warn() {}, error: (text: string) => void told.push(text) };
  const audit = () => {
    throw new Error("disk full");
  };
  const gateway = await realm.hub({ audit, logger }), credential = await realm.issue(EDGE);
  const mesh = await realm.edge(gateway.ticket, { identity: EDGE, auth: { credential } });
  assert.equal(mesh.status, "connected");
  assert.deepEqual(told, ["cannot write to the audit log"]);
});

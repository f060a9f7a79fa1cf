/** A gateway's certificate over time and over restarts. @module */

import assert from "node:assert/strict";
import { GatewayCertificate } from "../../src/gateway/certificate.ts";
import { createIdentity, issueLeaf } from "../../src/identity/mod.ts";
import { issueMemoryLeaf } from "../../src/transport/memory/mod.ts";
import type { TlsIdentity } from "../../src/transport/transport.ts";
import { until } from "../conformance/deadline.ts";
import { ManualTimers } from "../transport/manual_timers.ts";

const DAY_MS = 86_400_000;
const IDENTITY = createIdentity(new Uint8Array(32).fill(3));

/** A store in memory. */
class Store {
  text: string | undefined;
  load = () => Promise.resolve(this.text);
  save = (text: string) => {
    this.text = text;
    return Promise.resolve();
  };
}

function open(timers: ManualTimers, store: Store, hosts = ["127.0.0.1"]) {
  return GatewayCertificate.open({ identity: IDENTITY, realm: "org.example.test", hosts, timers, store });
}

Deno.test("a certificate survives a restart, and is issued anew for other hosts or when it is damaged", async () => {
  const timers = new ManualTimers(), store = new Store();
  const first = await open(timers, store), again = await open(timers, store);
  assert.equal(again.tls.cert, first.tls.cert);
  const moved = await open(timers, store, ["gateway.example"]);
  assert.notEqual(moved.tls.cert, first.tls.cert);
  store.text = store.text!.slice(0, 100);
  assert.notEqual((await open(timers, store, ["gateway.example"])).tls.cert, moved.tls.cert);
});

Deno.test("a certificate is replaced at half its life, and those who serve it are told", async () => {
  const timers = new ManualTimers(), store = new Store(), certificate = await open(timers, store);
  const before = certificate.tls.cert, replaced: TlsIdentity[] = [];
  certificate.watch((tls) => void replaced.push(tls), (error) => assert.fail(String(error)));
  await timers.run(5 * DAY_MS);
  assert.equal(replaced.length, 0);
  await timers.run(1 * DAY_MS);
  await until(() => replaced.length === 1, "it was replaced");
  assert.notEqual(replaced[0]!.cert, before);
  assert.equal(certificate.tls.cert, replaced[0]!.cert);
  assert(store.text!.includes(JSON.stringify(replaced[0]!.cert).slice(1, 60)));
  certificate.close();
  await timers.run(20 * DAY_MS);
  assert.equal(replaced.length, 1);
});

Deno.test("a certificate that was replaced too late is replaced at the start", async () => {
  const timers = new ManualTimers(), store = new Store(), first = await open(timers, store);
  await timers.run(10 * DAY_MS);
  assert.notEqual((await open(timers, store)).tls.cert, first.tls.cert);
});

Deno.test("a renewal that fails is told, and tried again until it succeeds, long before the end", async () => {
  const timers = new ManualTimers(), failures: unknown[] = [], replaced: TlsIdentity[] = [];
  let broken = false;
  const certificate = await GatewayCertificate.open({
    identity: IDENTITY,
    realm: "org.example.test",
    hosts: ["gate"],
    timers,
    certify: (identity, options) => broken ? Promise.reject(new Error("no disk")) : issueMemoryLeaf(identity, options),
  });
  const end = certificate.notAfter;
  broken = true;
  certificate.watch((tls) => void replaced.push(tls), (error) => void failures.push(error));
  await timers.run(5.5 * DAY_MS + 1_200_000);
  assert(failures.length > 10 && replaced.length === 0, `${failures.length} failures`);
  broken = false;
  await timers.run(DAY_MS / 8);
  assert.equal(replaced.length, 1);
  assert(timers.now() < end && certificate.notAfter > end);
  certificate.close();
  assert.equal(timers.outstanding, 0);
});

Deno.test("a given certificate that has ended is told, again and again; its files are its owner's to replace", async () => {
  const timers = new ManualTimers(), failures: string[] = [];
  const options = { identity: IDENTITY, realm: "org.example.test", hosts: ["gate"], timers };
  const given = await issueLeaf(IDENTITY, { ...options, now: timers.now() });
  const certificate = await GatewayCertificate.open({ ...options, given });
  certificate.watch(() => assert.fail("nobody replaces it"), (error) => void failures.push((error as Error).message));
  await timers.run(11 * DAY_MS);
  assert.deepEqual(failures, []);
  await timers.run(2 * DAY_MS);
  assert(failures.length > 1);
  assert.match(failures[0]!, /^Cannot prove the host name: the certificate must hold now, got 1969-12-31T\S+ to 1970/);
  const told = failures.length;
  certificate.replace(await issueLeaf(IDENTITY, { ...options, now: timers.now() }));
  await timers.run(DAY_MS);
  assert.equal(failures.length, told);
  certificate.close();
});

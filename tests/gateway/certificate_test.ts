/** A gateway's certificate over time and over restarts. @module */

import assert from "node:assert/strict";
import { GatewayCertificate } from "../../src/gateway/certificate.ts";
import { createIdentity } from "../../src/identity/mod.ts";
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

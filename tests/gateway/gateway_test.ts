/** A gateway on real QUIC, as its operator sees it. @module */

import assert from "node:assert/strict";
import { connect, type MeshError, startGateway, type StartGatewayOptions } from "../../mod.ts";
import denoJson from "../../deno.json" with { type: "json" };
import { VERSION } from "../../src/gateway/version.ts";
import { until } from "../conformance/deadline.ts";
import { certificateAuthority } from "./certificate_authority.ts";

function start(options: Partial<StartGatewayOptions> = {}) {
  return startGateway({ realm: "org.example.test", listen: { port: 0 }, http: { port: 0 }, ...options });
}

async function get(gateway: { httpAddress: { port: number } | undefined }, path: string, init?: RequestInit) {
  const response = await fetch(`http://127.0.0.1:${gateway.httpAddress!.port}${path}`, init);
  return { status: response.status, text: await response.text(), type: response.headers.get("content-type") };
}

Deno.test("the version is the one in deno.json", () => assert.equal(VERSION, denoJson.version));

Deno.test("HTTP shows health, readiness, life and the ticket", async () => {
  await using gateway = await start();
  const health = await get(gateway, "/health");
  assert.equal(health.status, 200);
  assert.match(health.type!, /^application\/json/);
  const { uptime, ...rest } = JSON.parse(health.text);
  assert.deepEqual([rest, Number.isInteger(uptime)], [{ status: "healthy", ready: true }, true]);
  assert.deepEqual(await get(gateway, "/ready"), { status: 200, text: "Ready", type: "text/plain;charset=UTF-8" });
  gateway.setReady(false);
  assert.equal((await get(gateway, "/ready?x=1")).status, 503);
  gateway.setReady(true);
  assert.equal((await get(gateway, "/live")).text, "Live");
  const card = JSON.parse((await get(gateway, "/.well-known/macula")).text);
  assert.equal(card.ticket, gateway.ticket);
  assert.equal(card.id, gateway.id);
  assert.equal((await get(gateway, "/else")).status, 404);
  assert.equal((await get(gateway, "/health", { method: "POST" })).status, 405);
});

Deno.test("an edge attaches by the gateway's web address; elsewhere than on loopback the id is needed", async () => {
  await using gateway = await start();
  const url = `http://127.0.0.1:${gateway.httpAddress!.port}`;
  await using byUrl = await connect(url, { realm: gateway.realm });
  assert.equal(byUrl.ticket, gateway.ticket);
  await using byId = await connect(`${url}/#${gateway.id}`, { realm: gateway.realm });
  assert.equal(byId.status, "connected");
  await assert.rejects(
    connect(`${url}/#${"00".repeat(32)}`, { realm: gateway.realm }),
    /expected 0000/,
  );
  await assert.rejects(connect("http://gateway.example"), /give the node id/);
});

Deno.test("a certificate of a real CA serves those who know the host name, and those with a ticket", async () => {
  const { ca, issue } = await certificateAuthority();
  const tls = await issue("localhost");
  await using gateway = await start({ tls, hostname: "localhost" });
  const { port } = gateway.address, caCerts = [ca];
  await using byName = await connect(`https://localhost:${port}`, { realm: gateway.realm, caCerts });
  assert.equal(byName.status, "connected");
  await using byTicket = await connect(gateway.ticket, { caCerts });
  assert.equal(byTicket.status, "connected");
  await assert.rejects(connect(`https://localhost:${port}`, { realm: gateway.realm }), {
    code: "untrusted",
  });
  await assert.rejects(connect(gateway.ticket), { code: "untrusted" });
});

Deno.test("a busy port is named, for QUIC and for HTTP", async () => {
  await using gateway = await start();
  const { port } = gateway.address, web = gateway.httpAddress!.port;
  await assert.rejects(start({ listen: { port } }), { code: "address_in_use", message: new RegExp(String(port)) });
  await assert.rejects(start({ http: { port: web } }), { code: "address_in_use", message: new RegExp(String(web)) });
});

Deno.test("an operator sees the clients and can end their links; they come back", async () => {
  await using gateway = await start();
  await using edge = await connect(gateway.ticket);
  const [client] = gateway.clients();
  assert.equal(client?.node, edge.id);
  assert.equal(client?.role, "edge");
  assert.equal(gateway.disconnect(edge.id, "maintenance"), 1);
  await until(() => gateway.clients().length === 1 && gateway.clients()[0]!.id !== client!.id, "the edge is back");
  assert.equal(gateway.disconnect("00".repeat(32)), 0);
});

Deno.test("a full gateway refuses newcomers and says so", async () => {
  await using gateway = await start({ limits: { clientsMax: 1 } });
  await using _first = await connect(gateway.ticket);
  const attempt = (timeout: number) =>
    connect(gateway.ticket, { timeout }).then(() => "welcome", (error: MeshError) => error.code);
  let outcome: string | undefined;
  // It tries until its time is over: one in which it got no answer was too short for this machine.
  for (let timeout = 500; outcome === undefined || outcome === "unreachable"; timeout *= 4) {
    outcome = await attempt(timeout);
  }
  assert.equal(outcome, "max_clients_reached");
  assert(gateway.stats().refused["max_clients_reached"]! >= 1);
});

Deno.test("another realm is refused with a code, at once", async () => {
  await using gateway = await start();
  await assert.rejects(connect(gateway.ticket, { realm: "org.example.other" }), {
    name: "RefusedError",
    code: "wrong_realm",
  });
});

Deno.test("draining finishes running calls and closes", async () => {
  const gateway = await start();
  await using edge = await connect(gateway.ticket);
  const going = Promise.withResolvers<void>(), may = Promise.withResolvers<void>();
  await gateway.advertise("slow.work", async () => {
    going.resolve();
    await may.promise;
    return "done";
  });
  const result = edge.call("slow.work");
  await going.promise;
  const drained = gateway.drain();
  assert.equal((await get(gateway, "/ready").catch(() => ({ status: 503 }))).status, 503);
  may.resolve();
  assert.equal(await result, "done");
  await drained;
  assert.equal(gateway.status, "closed");
});

Deno.test("diagnostics answer on every gateway", async () => {
  await using gateway = await start();
  await using edge = await connect(gateway.ticket);
  const hello = await edge.call<Record<string, unknown>>("com.macula.diagnostics.hello");
  assert.equal(hello["gateway"], gateway.id);
  assert.equal(hello["realm"], gateway.realm);
  const echo = await edge.call<Record<string, unknown>>("com.macula.diagnostics.echo", [1, "zwei", null]);
  assert.deepEqual(echo["echo"], [1, "zwei", null]);
  const info = await edge.call<{ system: Record<string, unknown> }>("com.macula.diagnostics.info");
  assert.equal(typeof info.system["memory_bytes"], "number");
});

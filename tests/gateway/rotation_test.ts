/** A gateway's certificate is replaced under load: no link ends, no dial fails; in virtual time and over real QUIC. @module */

import assert from "node:assert/strict";
import { connect } from "../../src/edge/connect.ts";
import { startGateway } from "../../src/gateway/start.ts";
import { issueLeaf, type Leaf } from "../../src/identity/mod.ts";
import { denoRuntime } from "../../src/node/runtime.ts";
import { issueMemoryLeaf } from "../../src/transport/memory/mod.ts";
import { createQuicTransport } from "../../src/transport/quic/mod.ts";
import { soon } from "../conformance/deadline.ts";
import { statuses, World } from "../node/world.ts";
import { shortLived } from "./short_lived.ts";

const MINUTE_MS = 60_000;

Deno.test("in virtual time: an hour of twenty-minute certificates, an event and a dial every twenty seconds", async () => {
  await using world = new World();
  const issued: Leaf[] = [], certify = shortLived(issueMemoryLeaf, 20 * MINUTE_MS, issued);
  const gateway = await world.gateway({ runtime: { ...world.runtime("gate"), certify } });
  const subscriber = await world.edge(gateway.ticket), publisher = await world.edge(gateway.ticket);
  const changes = [statuses(subscriber), statuses(publisher)], { id: first } = subscriber.links()[0]!;
  const readings = subscriber.subscribe<number>("load.tick");
  await world.passing(readings.ready);
  const received = readings[Symbol.asyncIterator]();
  for (let round = 0; round < 180; round++) {
    const { recipients } = await world.passing(publisher.publish("load.tick", round, { acknowledge: true }));
    assert.equal(recipients, 1);
    assert.equal((await world.passing(received.next())).value?.data, round);
    const newcomer = await world.edge(gateway.ticket, {}, `newcomer${round % 2}`);
    await world.passing(newcomer.close());
    const leaf = issued.at(-1)!, now = world.timers.now();
    assert(now >= leaf.notBefore && now < leaf.notBefore + 12 * MINUTE_MS, "replaced at half its life");
    await world.run(MINUTE_MS / 3);
  }
  assert(issued.length >= 6, `${issued.length} certificates`);
  assert.deepEqual(changes, [[], []], "no status changed");
  assert.equal(subscriber.links()[0]!.id, first, "the link is the first one, which outlived its certificate");
  await world.passing(readings.close());
});

Deno.test("over QUIC: links outlive their certificate, and dials go on while it is replaced", async () => {
  const issued: Leaf[] = [], certify = shortLived(issueLeaf, 8_000, issued), realm = "org.example.test";
  const transport = createQuicTransport();
  await using gateway = await startGateway({
    realm,
    listen: { port: 0 },
    runtime: { ...denoRuntime(transport), certify },
  });
  const first = issued[0]!;
  await using mesh = await connect(gateway.ticket);
  const changes = statuses(mesh), { id } = mesh.links()[0]!;
  /** Until the first certificate has ended, and a few times at least however slow the machine. */
  const load = async (action: (round: number) => Promise<unknown>) => {
    for (let round = 0; round < 5 || Date.now() < first.notAfter + 500; round++) await action(round);
  };
  await soon(
    Promise.all([
      load((round) => mesh.publish("load.tick", round, { acknowledge: true })),
      load(async () => await (await connect(gateway.ticket)).close()),
    ]),
    "the end of the first certificate",
  );
  assert(issued.length >= 2, `${issued.length} certificates`);
  assert.deepEqual(changes, []);
  assert.equal(mesh.links()[0]!.id, id);
  assert.deepEqual(Object.keys(gateway.stats().refused ?? {}), []);
  await mesh.close();
  await gateway.close();
  await transport.close();
});

/** The command line with peers of Macula 0.20. @module */

import assert from "node:assert/strict";
import { connect } from "../../mod.ts";
import { parseTicket } from "../../src/names/mod.ts";
import { createQuicTransport } from "../../src/transport/quic/mod.ts";
import { certificateAuthority } from "../gateway/certificate_authority.ts";
import { OriginalGateway } from "../legacy/outbound/original_gateway.ts";
import { idOf, OriginalPeer, REALM } from "../legacy/world.ts";
import { take } from "../node/world.ts";
import { soon } from "../conformance/deadline.ts";
import { runProgram, TestGateway } from "./program.ts";

Deno.test("macula gateway --allow-legacy: serves them within --legacy-allow, and says what it gives up", async () => {
  const realm = "io.macula.demo", flags = ["--allow-legacy", "--legacy-allow", "publish:sensor.*,call:**"];
  await using gateway = await TestGateway.start(["--realm", realm, ...flags]);
  assert.match(gateway.program.stderr, /legacy peers of Macula 0\.20 are served: .*claimed and not proven/);
  const { publicKey, addresses: [address] } = parseTicket(gateway.ticket), transport = createQuicTransport();
  await using mesh = await connect(gateway.ticket);
  await using wanted = mesh.subscribe("**");
  await wanted.ready;
  const connection = await transport.dial({ address: address!, expect: { kind: "key", publicKey } });
  const peer = await OriginalPeer.open(connection, idOf("a"));
  await peer.connect(realm);
  await peer.expect("pong");
  await peer.publish("light.on", 1);
  await peer.publish("sensor.a", { n: 1 });
  assert.deepEqual((await soon(take(wanted, 1), "the event")).map(({ topic, data }) => [topic, data]), [["sensor.a", {
    n: 1,
  }]]);
  const { stdout } = await gateway.run(["stats"]);
  assert.deepEqual(JSON.parse(stdout).legacy.refused, { publish_not_allowed: 1 });
  await transport.close();
});

Deno.test("macula gateway: what cannot be allowed is a usage error", async () => {
  const cases: [string[], RegExp][] = [
    [["--legacy-allow", "publish:**"], /Cannot use --legacy-allow alone: .* served with --allow-legacy only/],
    [
      ["--allow-legacy", "--legacy-allow", "publish"],
      /an entry is publish, subscribe, call, advertise, a colon and a pattern, got "publish"/,
    ],
  ];
  for (const [flags, sentence] of cases) {
    const folder = await Deno.makeTempDir({ prefix: "macula-" });
    const fixed = ["gateway", "--listen", "127.0.0.1:0", "--http-port", "0", "--state-dir", folder];
    const { code, stderr } = await runProgram([...fixed, ...flags]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, sentence);
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("macula pub --legacy: an event at a gateway of the original; without the realm's name it is not dialled", async () => {
  const authority = await certificateAuthority(), caFile = await Deno.makeTempFile({ suffix: ".pem" });
  await Deno.writeTextFile(caFile, authority.ca);
  await using gateway = await OriginalGateway.open(await authority.issue("localhost"));
  const env = { MACULA_TLS_CACERTFILE: caFile };
  const target = ["--legacy", "--url", `https://localhost:${gateway.port}`];
  const sent = await runProgram(["pub", "light.on", '{"level":3}', ...target, "--realm", REALM], { env });
  assert.equal(sent.code, 0, sent.stderr);
  assert.deepEqual(Object.keys(JSON.parse(sent.stdout)), ["id"]); // how many got it nobody says
  assert.deepEqual(
    gateway.of("publish").map(({ topic, payload }) => [topic, new TextDecoder().decode(payload)]),
    [["light.on", '{"level":3}']],
  );
  const refused = await runProgram(["pub", "light.on", "1", ...target], { env });
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /a wrong realm freezes a gateway of Macula 0\.20, so it must be given/);
  assert.equal(gateway.of("connect").length, 1);
  await Deno.remove(caFile);
});

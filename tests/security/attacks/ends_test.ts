/** What ends a link, and where it is told. @module */

import assert from "node:assert/strict";
import { openAuditFile } from "../../../src/cli/admission/audit_file.ts";
import { parseArguments } from "../../../src/cli/options.ts";
import { Settings } from "../../../src/cli/settings.ts";
import { SILENT } from "../../../src/mesh/options.ts";
import { openStateFolder } from "../../../src/store/mod.ts";
import { decodeFrame } from "../../../src/wire/mod.ts";
import { soon, until } from "../../conformance/deadline.ts";
import { credentialOf, edge, guardOf, identity, openGateway, Outside, selfOf } from "../world.ts";
import { ID, inside, Peer, RAW } from "./insider.ts";

const ALICE = identity(2);

Deno.test("attacks: what ends a link is counted and in the audit log", async (t) => {
  await using world = await inside();
  const { gateway, audited } = world;
  const counted = (code: string) => until(() => gateway.stats().refused[code] === 1, code);
  await t.step("a frame that is none", async () => {
    const { controlWriter } = await world.outside.welcomed(gateway, await raw());
    await controlWriter.write(new Uint8Array([1, 0x10, 0, 0, 0, 0, 0, 1, 0xc1]));
    await counted("malformed_frame");
  });
  await t.step("stream after stream", async () => {
    const { connection, control } = await world.outside.welcomed(gateway, await raw());
    const flood = assert.rejects(async () => {
      for (let i = 0; i < 1_000; i++) {
        const { writable, readable } = await connection.openBidi(), writer = writable.getWriter();
        await writer.write(Uint8Array.of(1)).catch(() => {}); // it was refused
        await Promise.all([writer.close(), readable.cancel()].map((done) => done.catch(() => {})));
      }
    });
    const last = decodeFrame((await soon(control.next(), "the last word"))!);
    assert(last.kind === "error");
    assert.deepEqual([last.code, last.text], [
      "too_many_streams",
      "Cannot read on: beside the first two-way stream at most 16 are opened in vain, got more",
    ]);
    await soon(flood, "the end");
    await counted("too_many_streams");
  });
  const ends = audited.filter(({ action, verdict }) => action === "stay" && verdict === "refused");
  assert.deepEqual(ends.map(({ node, reason }) => [node, reason]), [
    [RAW.id, "malformed_frame"],
    [RAW.id, "too_many_streams"],
  ]);
});

Deno.test("attacks: what has no room is refused and counted, by the gateway's own word", async () => {
  await using world = await inside();
  await using operator = await edge(world.gateway, ALICE);
  const peer = await world.peer(), name = (i: number) => `demo.p${i}`;
  await peer.say({ kind: "advertise", requestId: 1, procedures: Array.from({ length: 1_001 }, (_, i) => name(i)) });
  await assert.rejects(peer.answer("advertiseAck"), {
    code: "too_many_procedures",
    message: "Cannot advertise: a client has at most 1000 procedures",
  });
  const topics = Array.from({ length: 10_001 }, (_, i) => name(i));
  await peer.say({ kind: "subscribe", topics, qos: 0, requestId: 2 });
  await assert.rejects(peer.answer("suback"), {
    code: "too_many_subscriptions",
    message: "Cannot subscribe: a client has at most 10000 patterns, got 10001",
  });
  await peer.say({ kind: "cast", procedure: "demo.p", args: ID, fromNode: ALICE.idBytes });
  await until(() => world.gateway.stats().refused["not_the_caller"] === 1, "a cast in another's name");
  const { refused } = await operator.call<{ refused: object }>("_mesh.stats");
  assert.deepEqual(refused, { too_many_procedures: 1, too_many_subscriptions: 1, not_the_caller: 1 });
});

async function raw() {
  return selfOf(RAW, { guard: guardOf({ credential: await credentialOf(RAW) }) });
}

Deno.test("attacks: who reads nothing loses what need not arrive, then its link, and is counted", async () => {
  await using outside = new Outside();
  await using gateway = await openGateway({ limits: { queueBytesMax: 64 << 10 } });
  const peer = new Peer(await outside.welcomed(gateway, selfOf(RAW)));
  await peer.say({ kind: "subscribe", topics: ["**"], qos: 0, requestId: 1 });
  await until(() => peer.heard.some(({ kind }) => kind === "suback"), "the subscription");
  const body = new Uint8Array(32 << 10);
  for (let i = 0; i < 200; i++) await gateway.publish("demo.x", body);
  const { dropped } = gateway.stats().messages;
  assert(dropped > 0 && gateway.clients().length === 1, `${dropped} dropped`);
  for (let i = 0; i < 20; i++) void gateway.publish("demo.x", body, { acknowledge: true });
  await until(() => gateway.stats().refused["slow_consumer"] === 1, "the end of the link");
  assert.equal(gateway.clients().length, 0);
});

Deno.test("attacks: an audit log that cannot be written costs no link; what is in it stays one line each", async () => {
  const path = await Deno.makeTempDir({ prefix: "macula-audit-" }),
    folder = await openStateFolder(path, { lock: false });
  const told: string[] = [], logger = { ...SILENT, error: (text: string) => void told.push(text) };
  const entry = { time: 1, action: "publish", verdict: "refused", reason: "invalid_topic" } as const;
  const open = (file: string) =>
    openAuditFile(new Settings(parseArguments(["gateway", "--audit-log", file]), {}), folder, logger);
  try {
    using good = open(`${path}/audit.jsonl`);
    good.sink!({ ...entry, name: 'a\n{"verdict":"allowed"}\r\u2028"' });
    const lines = (await Deno.readTextFile(`${path}/audit.jsonl`)).split("\n");
    assert.deepEqual([lines.length, JSON.parse(lines[0]!).name.length > 0, lines[1]], [2, true, ""]);
    assert.equal((await Deno.stat(`${path}/audit.jsonl`)).mode! & 0o777, 0o600);
    using full = open("/dev/full");
    for (let i = 0; i < 3; i++) full.sink!({ ...entry, name: "a" });
    assert.deepEqual(told, ["cannot write the audit log"]);
    assert.throws(() => open(`${path}/no/such/folder/audit.jsonl`), /^MeshError: Cannot write .*audit\.jsonl/);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});

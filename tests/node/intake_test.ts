/** What comes for the hash table is proven, so many signatures a turn. @module */

import assert from "node:assert/strict";
import { toHex } from "../../src/base/bytes.ts";
import { seededRandom } from "../../src/base/random.ts";
import type { DhtMessage } from "../../src/dht/messages.ts";
import { createIdentity, recordKey, signRecord } from "../../src/identity/mod.ts";
import { parseProcedure, parseRealm } from "../../src/names/mod.ts";
import { Intake, SIGNATURES_PER_TURN, WAITING_BYTES_MAX, WAITING_BYTES_PER_LINK_MAX } from "../../src/node/intake.ts";
import type { Store, Value } from "../../src/wire/mod.ts";
import { encodeFrame } from "../../src/wire/mod.ts";
import { ManualTimers } from "../transport/manual_timers.ts";

const REALM = parseRealm("org.example.test");
const IDENTITY = createIdentity(seededRandom("provider").bytes(32));

/** An intake, what it gave, and how many signatures each turn checked. */
function open() {
  const timers = new ManualTimers(), given: [string, DhtMessage][] = [];
  const isHub = (peer: string) => !peer.startsWith("edge");
  const intake = new Intake({ realm: REALM, timers, isHub, give: (from, message) => void given.push([from, message]) });
  const turn = async () => {
    const before = intake.checks;
    await timers.run(0);
    return intake.checks - before;
  };
  return { intake, timers, given, turn };
}

/** A store of a record of its own for each number; forged ones are never remembered. */
function store(number: number, { forged = false, padding = 0 } = {}): Store {
  const head = { realm: REALM, sequence: number, expiresAt: 1_200_000 };
  const { key, signed } = signRecord(IDENTITY, { kind: "provider", ...head, procedure: parseProcedure("math.add") });
  const signature = forged ? new Uint8Array(64).fill(number) : signed.signature;
  const value = new Map<string, Value>([["body", signed.body], ["signature", signature]]);
  if (padding > 0) value.set("padding", new Uint8Array(padding));
  return { kind: "store", key, value, requestId: number };
}

const numbersOf = (given: readonly [string, DhtMessage][], from: string) =>
  given.filter(([one]) => one === from).map(([, message]) => message.requestId);

Deno.test("a turn checks 200 signatures, later ones the rest, in each link's order and nobody waits for another's flood", async () => {
  const { intake, given, turn } = open(), count = 2 * SIGNATURES_PER_TURN + 50;
  for (let i = 0; i < count; i++) intake.received("flood", store(i, { forged: true }));
  assert.equal(given.length, SIGNATURES_PER_TURN);
  assert.equal(intake.checks, SIGNATURES_PER_TURN);
  for (let i = 0; i < 10; i++) intake.received("honest", store(1_000 + i));
  intake.received("honest", { kind: "findNode", target: IDENTITY.idBytes, requestId: 2_000 });
  assert.deepEqual(numbersOf(given, "honest"), []);
  // The virtual clock runs all turns that are due: one after the other they check what is left.
  const left = count - SIGNATURES_PER_TURN + 10;
  assert.equal(await turn(), left);
  const honest = given.findLastIndex(([from]) => from === "honest");
  assert.equal(honest < SIGNATURES_PER_TURN + 30, true, `the last honest one was number ${honest}`);
  assert.deepEqual(numbersOf(given, "flood"), Array.from({ length: count }, (_, i) => i));
  assert.deepEqual(numbersOf(given, "honest"), [...Array.from({ length: 10 }, (_, i) => 1_000 + i), 2_000]);
  assert.deepEqual([intake.waitingBytes, intake.dropped], [0, 0]);
});

Deno.test("one message with more records than a turn checks goes on where it stopped", async () => {
  const { intake, timers, given } = open(), count = 3 * SIGNATURES_PER_TURN - 100, turns: number[] = [];
  const value = Array.from({ length: count }, (_, i) => {
    return store(i, { forged: i % 2 === 0 }).value;
  });
  const after = timers.after.bind(timers);
  timers.after = (ms, action) =>
    after(ms, () => { // counts what each turn checks
      const before = intake.checks;
      action();
      turns.push(intake.checks - before);
    });
  intake.received("a", { kind: "findValueReply", requestId: 1, value });
  assert.deepEqual([given.length, intake.checks], [0, SIGNATURES_PER_TURN]);
  await timers.run(0);
  assert.deepEqual(turns.slice(0, 2), [SIGNATURES_PER_TURN, SIGNATURES_PER_TURN - 100]);
  assert.equal(intake.checks, count, "none is checked twice");
  const [[, reply]] = given as [[string, DhtMessage]];
  assert.equal(reply.kind === "findValueReply" && reply.records.length, count / 2);
});

Deno.test("a record that is known costs nothing", async () => {
  const { intake, given, turn } = open();
  for (let i = 0; i < 5 * SIGNATURES_PER_TURN; i++) intake.received("a", store(1));
  assert.deepEqual([given.length, intake.checks, await turn()], [5 * SIGNATURES_PER_TURN, 1, 0]);
});

Deno.test("answers of an edge are not read: nobody asks one", () => {
  const { intake, given } = open(), value = [store(1).value], requestId = 1;
  intake.received("edge", { kind: "findValueReply", requestId, value });
  intake.received("edge", { kind: "findNodeReply", requestId, nodes: [] });
  intake.received("edge", { kind: "storeAck", requestId, key: IDENTITY.idBytes });
  assert.deepEqual([given.length, intake.checks], [0, 0]);
  intake.received("edge", store(1));
  assert.deepEqual([given.length, intake.checks], [1, 1]);
});

Deno.test("what waits is a copy: the frame's memory is used again", async () => {
  const { intake, given, turn } = open();
  for (let i = 0; i < SIGNATURES_PER_TURN; i++) intake.received("flood", store(i, { forged: true }));
  const message = store(1);
  intake.received("a", message);
  message.key.fill(0);
  for (const part of (message.value as Map<string, Uint8Array>).values()) part.fill(0);
  await turn();
  const [, last] = given.at(-1)!;
  const key = recordKey(REALM, "provider", "math.add");
  assert.equal(last.kind === "store" && last.refusal === undefined && toHex(last.key), toHex(key));
});

Deno.test("what waits is bounded for each link and in all; beyond it is dropped and counted", async () => {
  const { intake, timers, given } = open();
  for (let i = 0; i < SIGNATURES_PER_TURN; i++) intake.received("flood", store(i, { forged: true }));
  const large = store(1_000, { padding: 100_000 });
  const bytes = encodeFrame(large).length, perLink = Math.floor(WAITING_BYTES_PER_LINK_MAX / bytes);
  const links = Math.ceil(WAITING_BYTES_MAX / bytes / perLink) + 1;
  let sent = 0;
  for (let link = 0; link < links; link++) {
    for (let i = 0; i < perLink + 1; i++, sent++) intake.received(`link-${link}`, large);
    if (link === 0) assert.equal(intake.dropped, 1);
  }
  assert.equal(intake.waitingBytes <= WAITING_BYTES_MAX && intake.waitingBytes > WAITING_BYTES_MAX - bytes, true);
  const before = given.length;
  intake.forget("link-0");
  await timers.run(0);
  assert.equal(given.length - before, sent - intake.dropped - perLink, "who is gone is not heard");
  assert.equal(intake.waitingBytes, 0);
});

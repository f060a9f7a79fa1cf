/** Rules of the simulator that no broken core of `checkers_test.ts` gets to: each given what it must not let pass. @module */

import assert from "node:assert/strict";
import type { Checker } from "../../src/simulation/checkers/checker.ts";
import { answeredInTime, effectsAreSound } from "../../src/simulation/checkers/contract.ts";
import { deliveredOnce } from "../../src/simulation/checkers/delivery.ts";
import {
  holdersAreSound,
  repliesAreSound,
  sequencesRise,
  tablesAreSound,
} from "../../src/simulation/checkers/hash_table.ts";
import { standardCheckers } from "../../src/simulation/checkers/standard.ts";
import type { Mint } from "../../src/simulation/nodes/mint.ts";
import type { AnyEffect, AnyInput, Participant, Step } from "../../src/simulation/nodes/world.ts";
import { type Settings, settingsOf } from "../../src/simulation/settings.ts";
import { fakeInterest, fakeNode, idWith } from "../dht/fakes.ts";

const NOW = 1_000_000;
const BELIEVES = { made: () => true } as unknown as Mint;
const DOUBTS = { made: () => false } as unknown as Mint;
const OWN = fakeNode(idWith(0));

/** A hub with a table and records as they should not be. */
function hub(
  { known = [], held = [], count = held.length, ...more }: {
    readonly known?: readonly unknown[];
    readonly held?: readonly unknown[];
    readonly count?: number;
    readonly epoch?: number;
  },
): Participant {
  const hashTable = {
    table: { entries: () => known.values() },
    records: { size: count, bytes: 0, all: () => held },
  };
  const links = { to: () => ({ node: "the one who asks" }) };
  return {
    index: 7,
    role: "hub",
    isAlive: true,
    epoch: 1,
    signer: OWN,
    hashTable,
    links,
    ...more,
  } as unknown as Participant;
}

function settings(dht: Settings["dht"] = {}, mint = BELIEVES): Settings & { readonly mint: Mint } {
  return { ...settingsOf({ dht }), mint };
}

function look(checker: Checker, host: Participant): string | undefined {
  return checker.second!([host], NOW);
}

function step(host: Participant, core: Step["core"], input: unknown, ...effects: unknown[]): Step {
  return { at: NOW, host, core, input: input as AnyInput, effects: effects as AnyEffect[] };
}

Deno.test("routing tables: an edge, the node itself, a bucket of more than k; others pass, and so do the dead", () => {
  const near = [0x80, 0x81, 0x82].map((byte) => fakeNode(idWith(byte))),
    rule = tablesAreSound(settings({ closestCount: 2 }));
  assert.equal(look(rule, hub({ known: near.slice(0, 2) })), undefined);
  assert.equal(look(rule, hub({ known: [...near.slice(0, 2), fakeNode(idWith(0x40))] })), undefined);
  assert.match(look(rule, hub({ known: near }))!, /over 2 nodes in bucket 0/);
  assert.match(look(rule, hub({ known: [fakeNode(idWith(0x80), { role: "edge" })] }))!, /holds an edge/);
  assert.match(look(rule, hub({ known: [OWN] }))!, /holds itself/);
  assert.equal(look(rule, { ...hub({ known: [OWN] }), isAlive: false }), undefined);
});

Deno.test("holders: too many in all, of one node, under one key; forged; long expired", () => {
  const key = idWith(1), fresh = { expiresAt: NOW + 1_000 };
  const [a, b, c] = [0x80, 0x81, 0x82].map((byte) => fakeInterest(idWith(byte), key, fresh));
  const rule = (dht: Settings["dht"], mint?: Mint) => holdersAreSound(settings(dht, mint));
  assert.equal(look(rule({}), hub({ held: [a, b, c] })), undefined);
  assert.match(look(rule({ recordsMax: 2 }), hub({ held: [a, b, c] }))!, /holds 3 records/);
  assert.match(look(rule({ recordsPerNodeMax: 2 }), hub({ held: [a, a, a] }))!, /too many records of one node/);
  assert.match(look(rule({ recordsPerKeyMax: 2 }), hub({ held: [a, b, c] }))!, /too many under one key/);
  assert.match(look(rule({}, DOUBTS), hub({ held: [a] }))!, /never made/);
  const late = fakeInterest(idWith(0x80), key, { expiresAt: NOW - 1_000_000 });
  assert.match(look(rule({}), hub({ held: [late] }))!, /expired long ago/);
});

Deno.test("sequences: an older statement in the place of a newer one; in another life of the node it may be", () => {
  const key = idWith(1),
    of = (sequence: number) => fakeInterest(idWith(0x80), key, { sequence }),
    rule = sequencesRise();
  const host = hub({ held: [of(5)] }),
    turned = (sequence: number, epoch = 1) => look(rule, Object.assign(host, hub({ held: [of(sequence)], epoch })));
  assert.equal(turned(5), undefined);
  assert.equal(turned(6), undefined);
  assert.equal(turned(4, 2), undefined);
  assert.match(turned(3, 2)!, /went back to an older record/);
});

Deno.test("replies: a record of another key, one that nobody made", () => {
  const key = idWith(1), input = { kind: "received", from: "link", message: { kind: "findValue", key } };
  const reply = (record: unknown) => ({
    kind: "send",
    to: "link",
    message: { kind: "findValueReply", nodes: [], records: [record] },
  });
  const check = (mint: Mint, record: unknown) =>
    repliesAreSound(settings({}, mint)).step!(step(hub({}), "dht", input, reply(record)));
  assert.equal(check(BELIEVES, fakeInterest(idWith(0x80), key)), undefined);
  assert.match(check(BELIEVES, fakeInterest(idWith(0x80), idWith(2)))!, /a record of another key/);
  assert.match(check(DOUBTS, fakeInterest(idWith(0x80), key))!, /never made/);
});

Deno.test("delivery: a subscription that was never made, or is over", () => {
  const rule = deliveredOnce(), host = hub({}), publish = { topic: "a.b", messageId: idWith(1) };
  const event = { kind: "event", event: { type: "delivered", subscriptions: [1], publish } };
  const give = (command: unknown, ...effects: unknown[]) =>
    rule.step!(step(host, "pubsub", { kind: "command", id: 1, command }, ...effects));
  const wrong = /delivers to a subscription that there is not, 1/;
  assert.match(give({ type: "other" }, event)!, wrong);
  assert.equal(give({ type: "subscribe", subscription: 1, pattern: "a.*" }, event), undefined);
  assert.match(give({ type: "unsubscribe", subscription: 1 }, event)!, wrong);
});

Deno.test("answers: a call that is open for too long; an event may wait for a link", () => {
  const rule = answeredInTime(1_000),
    open = (core: string, type: string) =>
      ({ ...hub({}), openCommands: [{ core, type, at: NOW - 1_001 }] }) as unknown as Participant;
  assert.match(look(rule, open("rpc", "call"))!, /has not answered rpc call for 1001 ms/);
  assert.match(look(rule, open("dht", "findNode"))!, /has not answered dht findNode/);
  assert.equal(look(rule, open("pubsub", "publish")), undefined);
});

Deno.test("effects: a delay below zero or without end, a second failure", () => {
  const rule = effectsAreSound(), host = hub({});
  const give = (...effects: unknown[]) => rule.step!(step(host, "dht", { kind: "timer" }, ...effects));
  for (const afterMs of [-1, Infinity]) assert.match(give({ kind: "timer", afterMs })!, /sets a timer for/);
  assert.equal(give({ kind: "fail", id: 0 }, { kind: "fail", id: 0 }), undefined, "0 is nobody's");
  assert.match(give({ kind: "answer", id: 1 }, { kind: "fail", id: 1 })!, /answers command 1 twice/);
});

Deno.test("each simulation has all rules, fresh", () => {
  const names = standardCheckers(settings()).map(({ name }) => name);
  assert.deepEqual(names, [
    "a core's effects are sound",
    "every question is answered",
    "replies are sound",
    "routing tables are sound",
    "holders are sound",
    "sequences rise",
    "delivery is at most once",
  ]);
});

/** The hash table at a hub: inputs in, effects out. @module */

import assert from "node:assert/strict";
import { toHex } from "../../src/base/bytes.ts";
import { DhtCore } from "../../src/dht/core.ts";
import {
  type Contact,
  type DhtCommand,
  type DhtMessage,
  INTRODUCE_BACK,
  type StoreMessage,
} from "../../src/dht/messages.ts";
import type { VerifiedRecord } from "../../src/identity/record.ts";
import { fakeInterest, fakeNode, idWith, optionsFor } from "./fakes.ts";

import { Bench, INTEREST, introduction, KEY, nodeAt, nodesReply, NOW, OWN, SELF, send, sent, store } from "./bench.ts";

Deno.test("a hub that knows nobody introduces itself, and asks the first one that it knows for itself", () => {
  const bench = new Bench(), node = nodeAt(0x80);
  assert.deepEqual(bench.up("link-1", node), [send("link-1", { ...introduction(SELF), requestId: INTRODUCE_BACK })]);
  assert.deepEqual(bench.received("link-1", introduction(node)), [
    send("link-1", { kind: "findNode", target: OWN, requestId: 1, sender: undefined }),
    { kind: "timer", afterMs: 500, timer: { type: "deadlines", at: NOW + 500 } },
  ]);
  assert.deepEqual([...bench.core.table.entries()], [node]);
  assert.deepEqual(bench.core.records.size, 0);
});

Deno.test("who is dialled hears who we are, others only when they ask", () => {
  const bench = new Bench(), [a, b] = [nodeAt(0x80), nodeAt(0x81)];
  bench.meet(a);
  assert.deepEqual(bench.up("link-b", b), [], "it has dialled us");
  assert.deepEqual(bench.received("link-b", { ...introduction(b), requestId: INTRODUCE_BACK }), [
    send("link-b", introduction(SELF)),
  ]);
  const c = nodeAt(0x82), question: DhtMessage = { kind: "findNode", target: KEY, requestId: 1, sender: c };
  bench.up("link-c", c);
  bench.received("link-c", question);
  assert.deepEqual([...bench.core.table.entries()], [a, b, c]);
  bench.received("link-b", { ...question, sender: nodeAt(0x99) });
  assert.equal(bench.core.table.size, 3, "it is not the one who asks");
  bench.up("link-d", nodeAt(0x83));
  assert.deepEqual(
    bench.command({ type: "join" })[0],
    send("link-d", { ...introduction(SELF), requestId: INTRODUCE_BACK }),
  );
});

Deno.test("an edge is no contact, and is not introduced to", () => {
  const bench = new Bench(), edge = fakeNode(idWith(0x70), { role: "edge" });
  assert.deepEqual(bench.up("link-1", edge, "edge"), []);
  bench.command({ type: "contact", record: edge });
  assert.equal(bench.core.table.size, 0);
});

Deno.test("find_node from a hub is answered with the closest known, ourselves among them, the one who asks not", () => {
  const bench = new Bench(), [a, b] = [nodeAt(0x80), nodeAt(0x40)];
  bench.meet(a, b);
  const ask = (target: Uint8Array) =>
    bench.received(a.node, { kind: "findNode", target, requestId: 5, sender: undefined });
  assert.deepEqual(ask(OWN), [send(a.node, nodesReply(5, SELF, b))]);
  assert.deepEqual(ask(b.nodeBytes), [send(a.node, nodesReply(5, b, SELF))]);
});

Deno.test("store is acknowledged, kept and given out; find_value names nodes too", () => {
  const bench = new Bench(), a = nodeAt(0x80);
  bench.meet(a);
  assert.deepEqual(bench.received(a.node, store(INTEREST, 3)), [
    { kind: "event", event: { type: "changed", record: INTEREST } },
    send(a.node, { kind: "storeAck", key: KEY, requestId: 3, refusal: undefined }),
  ]);
  assert.deepEqual(bench.received(a.node, store(INTEREST)), []);
  assert.deepEqual(bench.received(a.node, { kind: "findValue", key: KEY, requestId: 4, page: 0, sender: undefined }), [
    send(a.node, {
      kind: "findValueReply",
      requestId: 4,
      records: [INTEREST],
      nodes: [SELF],
      more: undefined,
      refusal: undefined,
    }),
  ]);
});

Deno.test("what is not kept is acknowledged with a code", () => {
  const bench = new Bench(), a = nodeAt(0x80), forged = { code: "bad_signature", text: "no" };
  bench.meet(a);
  bench.received(a.node, store(fakeInterest(idWith(0x99), KEY, { sequence: 5 })));
  const cases: [StoreMessage, string][] = [
    [store(INTEREST, 1), "stale"],
    [store(INTEREST, 1, idWith(0x81)), "key_mismatch"],
    [store(fakeInterest(OWN, KEY, { expiresAt: NOW }), 1), "expired"],
    [{ ...store(INTEREST, 1), record: undefined, refusal: forged }, "bad_signature"],
  ];
  for (const [message, code] of cases) {
    const [effect, ...others] = bench.received(a.node, message);
    assert(effect?.kind === "send" && effect.message.kind === "storeAck", code);
    assert.deepEqual([effect.message.refusal?.code, others], [code, []]);
  }
});

Deno.test("a record for which there is no room is refused and told", () => {
  const bench = new Bench({ recordsPerKeyMax: 1 }), [a, b] = [nodeAt(0x80), nodeAt(0x81)];
  for (const one of [a, b]) bench.meet(one);
  bench.received(a.node, store(fakeInterest(idWith(0x98), KEY)));
  const [told, answer] = bench.received(b.node, store(fakeInterest(idWith(0x99), KEY), 1));
  assert.deepEqual(told, { kind: "event", event: { type: "full", code: "key_full" } });
  assert(answer?.kind === "send" && answer.message.kind === "storeAck" && answer.message.refusal?.code === "key_full");
});

Deno.test("find_node: asks the closest, dials those without a link, and answers when the closest have answered", () => {
  const bench = new Bench(), [a, b] = [nodeAt(0x80), nodeAt(0x81)];
  bench.meet(a);
  const first = bench.command({ type: "findNode", target: KEY });
  const asked = first.find(({ kind }) => kind === "send");
  assert(asked?.kind === "send" && asked.message.kind === "findNode");
  const id = asked.message.requestId!;
  assert.deepEqual(first, [send(a.node, { kind: "findNode", target: KEY, requestId: id, sender: undefined })]);
  assert.deepEqual(bench.received(b.node, nodesReply(id, b)), [], "it was not asked");
  assert.deepEqual(bench.received(a.node, nodesReply(id, b)), [
    { kind: "contact", peer: b.node, record: b },
    send(b.node, { kind: "findNode", target: KEY, requestId: id + 1, sender: SELF }),
  ]);
  bench.up("link-b", b);
  assert.deepEqual(bench.received("link-b", nodesReply(id + 1, a)), [
    { kind: "answer", id: 7, value: { nodes: [a, b], hops: 1, queries: 2 } },
  ]);
  assert.equal(bench.core.table.size, 2);
});

Deno.test("find_value merges what several holders have, and says who lacks it", () => {
  const bench = new Bench(), [a, b, c] = [nodeAt(0x80), nodeAt(0x81), nodeAt(0x82)];
  bench.meet(a, b, c);
  const [newer, foreign, gone, mine] = [
    fakeInterest(idWith(0x99), KEY, { sequence: 2 }),
    fakeInterest(idWith(0x98), idWith(0x83)),
    fakeInterest(idWith(0x97), KEY, { withdrawn: true, sequence: 9 }),
    fakeInterest(idWith(0x96), KEY),
  ];
  bench.received(a.node, store(mine));
  const asked = sent(bench.command({ type: "findValue", key: KEY }));
  const ids = asked.map((text) => Number(text.split(" ")[2]));
  const answer = (node: Contact, requestId: number, records: VerifiedRecord[]) =>
    bench.received(node.node, {
      kind: "findValueReply",
      requestId,
      records,
      nodes: [],
      more: undefined,
      refusal: undefined,
    });
  assert.deepEqual(answer(a, ids[0]!, [INTEREST, foreign, gone]), []);
  assert.deepEqual(answer(b, ids[1]!, [newer, fakeInterest(idWith(0x97), KEY)]), []);
  assert.deepEqual(answer(c, ids[2]!, [foreign]), [
    { kind: "answer", id: 7, value: { records: [mine, newer], lacking: [c], complete: true, hops: 1, queries: 3 } },
  ]);
});

Deno.test("find_value goes on with the next page, and a quorum ends it", () => {
  const bench = new Bench(), [a, b] = [nodeAt(0x80), nodeAt(0x81)];
  bench.meet(a, b);
  const [first] = sent(bench.command({ type: "findValue", key: KEY, quorum: 1 }));
  const requestId = Number(first!.split(" ")[2]);
  const part = { kind: "findValueReply", nodes: [], refusal: undefined } as const;
  const next = bench.received(a.node, { ...part, requestId, records: [], more: 1 });
  assert.deepEqual(next, [
    send(a.node, { kind: "findValue", key: KEY, requestId: requestId + 2, page: 1, sender: undefined }),
  ]);
  const found = bench.received(a.node, { ...part, requestId: requestId + 2, records: [INTEREST], more: undefined });
  assert.deepEqual(found, [
    { kind: "answer", id: 7, value: { records: [INTEREST], lacking: [], complete: true, hops: 1, queries: 2 } },
  ]);
});

Deno.test("store asks the closest and this node; some that cannot be reached are not a failure", () => {
  const bench = new Bench(), [a, b] = [nodeAt(0x80), nodeAt(0x81)];
  bench.meet(a, b);
  const stores = bench.answerAll(bench.command({ type: "store", record: INTEREST }));
  assert.deepEqual(sent(stores).map((text) => text.slice(0, 8)), ["80 store", "81 store"]);
  assert.equal(bench.core.records.size, 1);
  bench.received(a.node, { kind: "storeAck", key: KEY, requestId: undefined, refusal: undefined });
  assert.deepEqual(bench.down(b.node), [{ kind: "answer", id: 7, value: { confirmed: 2, asked: 3 } }]);
});

Deno.test("a store that nobody keeps fails, with the reason where there is one", () => {
  const refusal = { code: "key_full", text: "full" };
  for (const expected of ["key_full", "no_holder"]) {
    const bench = new Bench({ closestCount: 1 }), a = nodeAt(0x80);
    bench.meet(a);
    const [effect] = bench.answerAll(bench.command({ type: "store", record: INTEREST }));
    assert(effect?.kind === "send" && effect.message.kind === "store");
    const { requestId, key } = effect.message;
    const end = expected === "no_holder"
      ? bench.down(a.node)
      : bench.received(a.node, { kind: "storeAck", key, requestId, refusal });
    assert(end[0]?.kind === "fail");
    assert.equal(end[0].error.code, expected);
  }
});

Deno.test("a hub alone keeps its records itself", () => {
  const bench = new Bench(), answers = bench.command({ type: "store", record: INTEREST });
  assert.deepEqual(answers.filter(({ kind }) => kind === "answer"), [
    { kind: "answer", id: 7, value: { confirmed: 1, asked: 1 } },
  ]);
  const found = bench.command({ type: "findValue", key: KEY });
  assert.deepEqual(found, [{
    kind: "answer",
    id: 7,
    value: { records: [INTEREST], lacking: [], complete: true, hops: 0, queries: 0 },
  }]);
});

Deno.test("a node that does not answer within 2 s has failed", () => {
  const bench = new Bench(), a = nodeAt(0x80);
  bench.up(a.node, a);
  assert.deepEqual(sent(bench.received(a.node, introduction(a))), ["80 findNode 1"]);
  assert.deepEqual(bench.later(1_999), []);
  bench.later(1);
  assert.equal(bench.core.table.size, 1, "one failure of three");
  assert.deepEqual(bench.received(a.node, nodesReply(1)), [], "too late");
});

Deno.test("a node that does not answer within half a second does not hold up the others", () => {
  const bench = new Bench(), nodes = [0x80, 0x81, 0x82, 0x83].map(nodeAt);
  bench.meet(...nodes);
  assert.deepEqual(sent(bench.command({ type: "findNode", target: KEY })).length, 3);
  assert.deepEqual(sent(bench.later(499)), []);
  assert.deepEqual(sent(bench.later(1)).map((text) => text.slice(0, 2)), ["83"]);
});

Deno.test("published records are renewed at half of their life, and withdrawn ones are not", () => {
  const random = { number: () => 0, bytes: (length: number) => new Uint8Array(length), fork: () => random };
  const core = new DhtCore(optionsFor(OWN, { random }));
  const give = (command: DhtCommand, now: number) => core.handle({ kind: "command", id: 1, command }, now);
  const effects = give({ type: "publish", record: INTEREST }, 0);
  const timers = effects.filter((effect) => effect.kind === "timer" && effect.timer.type === "deadlines");
  assert.deepEqual(timers, [{ kind: "timer", afterMs: 150_000, timer: { type: "deadlines", at: 150_000 } }]);
  const at = (now: number) => core.handle({ kind: "timer", timer: { type: "deadlines", at: now } }, now);
  assert.deepEqual(at(150_000), [{ kind: "event", event: { type: "renew", record: INTEREST } }]);
  const fresh = fakeInterest(idWith(0x99), KEY, { sequence: 2, expiresAt: 450_000 });
  give({ type: "publish", record: fresh }, 150_000);
  const gone = fakeInterest(idWith(0x99), KEY, { sequence: 3, expiresAt: 450_000, withdrawn: true });
  give({ type: "withdraw", record: gone }, 160_000);
  assert.deepEqual(at(190_000).filter(({ kind }) => kind === "event"), []);
  assert.deepEqual(at(300_000), []);
});

Deno.test("a closer newcomer is handed the records that it should hold", () => {
  const bench = new Bench({ closestCount: 2, handOverRanks: 1 }), [far, near, nearer] = [0x02, 0x90, 0x80].map(nodeAt);
  bench.meet(far!);
  bench.received(far!.node, store(INTEREST));
  bench.up(near!.node, near!);
  const handed = (node: Contact) =>
    bench.received(node.node, introduction(node)).filter((one) => one.kind === "send" && one.message.kind === "store");
  assert.deepEqual(handed(near!), [send(near!.node, store(INTEREST))]);
  assert.deepEqual(handed(near!), [], "it is no newcomer any more");
  bench.up(nearer!.node, nearer!);
  assert.deepEqual(handed(nearer!), [], "that is for the one between it and us");
});

Deno.test("a full bucket has its oldest probed, and evicts it after three failures", () => {
  const bench = new Bench({ closestCount: 1 }), [old, fresh] = [nodeAt(0x80), nodeAt(0x81)];
  bench.meet(old);
  assert.deepEqual(sent(bench.command({ type: "contact", record: fresh })), ["80 findNode 2"]);
  assert.deepEqual(sent(bench.later(1_999)), []);
  assert.deepEqual(sent(bench.later(1)), ["80 findNode 3"]);
  assert.deepEqual(sent(bench.later(2_000)), ["80 findNode 4"]);
  assert.deepEqual(sent(bench.later(2_000)), ["81 findNode 5"], "the newcomer is to show that it is alive");
  assert.deepEqual([...bench.core.table.entries()], [fresh]);
});

Deno.test("upkeep: the oldest of each bucket is probed, expired records go, stale buckets are refreshed", () => {
  const bench = new Bench({ refreshAfterMs: 60_000 }), a = nodeAt(0x80);
  bench.meet(a);
  bench.received(a.node, store(INTEREST));
  bench.now += 400_000;
  const effects = bench.core.handle({ kind: "timer", timer: { type: "upkeep" } }, bench.now);
  assert.deepEqual(effects[0], { kind: "timer", afterMs: 60_000, timer: { type: "upkeep" } });
  const [probe, refresh, ...others] = effects.filter((effect) => effect.kind === "send").map(({ message }) => message);
  assert(probe?.kind === "findNode" && refresh?.kind === "findNode");
  assert.deepEqual([toHex(probe.target), others], [a.node, []]);
  assert((refresh.target[0]! & 0x80) !== 0, "an id in the range of the bucket");
  assert.equal(bench.core.records.size, 0);
});

Deno.test("upkeep: hubs that were evicted while their links went on are introduced to again, at most twenty a round", () => {
  const bench = new Bench({ refreshAfterMs: Infinity }), [a, b] = [nodeAt(0x80), nodeAt(0x81)];
  bench.meet(a);
  bench.up("link-b", b);
  const upkeep = () =>
    bench.core.handle({ kind: "timer", timer: { type: "upkeep" } }, bench.now)
      .filter((effect) => effect.kind === "send");
  assert.deepEqual(upkeep(), [send("link-b", { ...introduction(SELF), requestId: INTRODUCE_BACK })]);
  bench.received("link-b", introduction(b));
  assert.deepEqual(upkeep(), [], "it is known again");
  for (let i = 0; i < 19; i++) bench.up(`edge-${i}`, fakeNode(idWith(0x90, i), { role: "edge" }), "edge");
  for (let i = 0; i < 30; i++) bench.up(`link-${i}`, fakeNode(idWith(0x40, i)));
  assert.equal(upkeep().length, 20);
  for (let i = 0; i < 20; i++) bench.received(`link-${i}`, introduction(fakeNode(idWith(0x40, i))));
  assert.deepEqual(upkeep(), [], "there is no room for more in their bucket");
});

Deno.test("a hub looks up for its edge, at most so often at once", () => {
  const bench = new Bench({ lookupsPerLinkMax: 1 }), a = nodeAt(0x80), edge = fakeNode(idWith(0x70), { role: "edge" });
  bench.meet(a);
  bench.up("edge", edge, "edge");
  const asked = bench.received("edge", { kind: "findValue", key: KEY, requestId: 9, page: 0, sender: undefined });
  assert.deepEqual(sent(asked).map((text) => text.slice(0, 12)), ["80 findValue"]);
  const [refused] = bench.received("edge", { kind: "findNode", target: KEY, requestId: 10, sender: undefined });
  assert(refused?.kind === "send" && refused.message.kind === "findNodeReply");
  assert.equal(refused.message.refusal?.code, "overloaded");
  const requestId = Number(sent(asked)[0]!.split(" ")[2]);
  const head = { kind: "findValueReply", records: [INTEREST], more: undefined, refusal: undefined } as const;
  assert.deepEqual(bench.received(a.node, { ...head, requestId, nodes: [] }), [
    send("edge", { ...head, requestId: 9, nodes: [a] }),
  ]);
  bench.received("edge", { kind: "findNode", target: KEY, requestId: 11, sender: undefined });
  assert.deepEqual(sent(bench.down("edge")), [], "nobody waits any more");
});

Deno.test("an edge's own record is handed on; another's is not", () => {
  const bench = new Bench(), edge = fakeNode(idWith(0x70), { role: "edge" }), own = fakeInterest(idWith(0x70), KEY);
  bench.up("edge", edge, "edge");
  const effects = bench.received("edge", store(own, 1));
  assert.deepEqual(effects.filter(({ kind }) => kind === "send"), [
    send("edge", { kind: "storeAck", key: KEY, requestId: 1, refusal: undefined }),
  ]);
  const [refused] = bench.received("edge", store(INTEREST, 2));
  assert(refused?.kind === "send" && refused.message.kind === "storeAck");
  assert.equal(refused.message.refusal?.code, "not_the_publisher");
});

Deno.test("so many lookups run, so many wait, and more are refused", () => {
  const bench = new Bench({ lookupsMax: 1, lookupsWaitingMax: 1 }), a = nodeAt(0x80);
  bench.meet(a);
  const [first] = sent(bench.command({ type: "findNode", target: KEY }, 1));
  assert.deepEqual(bench.command({ type: "findNode", target: KEY }, 2), []);
  const [refused] = bench.command({ type: "findNode", target: KEY }, 3);
  assert(refused?.kind === "fail" && refused.error.code === "overloaded" && refused.id === 3);
  const next = bench.received(a.node, nodesReply(Number(first!.split(" ")[2])));
  assert.equal(next[0]?.kind, "answer");
  assert.deepEqual(sent(next).length, 1, "the one that waited begins");
  assert.deepEqual(bench.command({ type: "abandon", command: 2 }, 0), []);
  assert.equal(sent(bench.command({ type: "findNode", target: KEY }, 4)).length, 1);
});

/** An edge asks through its hub. @module */

import assert from "node:assert/strict";
import { DhtClient } from "../../src/dht/client.ts";
import type { DhtCommand, DhtEffect, DhtMessage } from "../../src/dht/messages.ts";
import { fakeInterest, fakeNode, idWith, optionsFor } from "./fakes.ts";

const OWN = idWith(0x70), HUB = fakeNode(idWith(0x01)), KEY = idWith(0x80), NOW = 1_000;
const RECORD = fakeInterest(OWN, KEY);

/** An edge attached to a hub, and shorthands for inputs. */
function bench() {
  const core = new DhtClient(optionsFor(OWN, { hubTimeoutMs: 10_000 }));
  return {
    core,
    up: () => core.handle({ kind: "peerUp", peer: "hub", node: HUB.nodeBytes, role: "hub" }, NOW),
    down: () => core.handle({ kind: "peerDown", peer: "hub", reason: "gone" }, NOW),
    command: (command: DhtCommand, now = NOW) => core.handle({ kind: "command", id: 7, command }, now),
    received: (message: DhtMessage, from = "hub") => core.handle({ kind: "received", from, message }, NOW),
  };
}

function sent(message: DhtMessage): DhtEffect {
  return { kind: "send", to: "hub", message, lane: "control" };
}

Deno.test("an edge asks its hub, and answers what the hub has found", () => {
  const one = bench();
  assert.deepEqual(one.up(), []);
  assert.deepEqual(one.command({ type: "findNode", target: KEY }), [
    sent({ kind: "findNode", target: KEY, requestId: 1, sender: undefined }),
    { kind: "timer", afterMs: 10_000, timer: { type: "deadlines", at: NOW + 10_000 } },
  ]);
  const reply: DhtMessage = { kind: "findNodeReply", requestId: 1, nodes: [HUB], refusal: undefined };
  assert.deepEqual(one.received(reply, "stranger"), []);
  assert.deepEqual(one.received(reply), [{ kind: "answer", id: 7, value: { nodes: [HUB], hops: 1, queries: 1 } }]);
  assert.deepEqual(one.received(reply), []);
});

Deno.test("values come in pages", () => {
  const one = bench(), other = fakeInterest(idWith(0x71), KEY);
  one.up();
  one.command({ type: "findValue", key: KEY });
  const head = { kind: "findValueReply", nodes: [], refusal: undefined } as const;
  assert.deepEqual(one.received({ ...head, requestId: 1, records: [RECORD], more: 1 }), [
    sent({ kind: "findValue", key: KEY, requestId: 2, page: 1, sender: undefined }),
  ]);
  assert.deepEqual(one.received({ ...head, requestId: 2, records: [other], more: undefined }), [
    { kind: "answer", id: 7, value: { records: [RECORD, other], lacking: [], complete: true, hops: 1, queries: 1 } },
  ]);
});

Deno.test("it keeps nothing for others", () => {
  const one = bench();
  one.up();
  for (const kind of ["findNode", "findValue", "store"] as const) {
    const about = { requestId: 1, target: KEY, key: KEY, page: 0, record: RECORD, refusal: undefined };
    assert.deepEqual(one.received({ kind, ...about } as DhtMessage), []);
  }
});

Deno.test("stores are confirmed or refused by the hub; published records are renewed", () => {
  const one = bench();
  one.up();
  const [store] = one.command({ type: "publish", record: RECORD });
  assert.deepEqual(store, sent({ kind: "store", key: KEY, requestId: 1, record: RECORD, refusal: undefined }));
  const ack = { kind: "storeAck", key: KEY } as const, refusal = { code: "key_full", text: "full" };
  assert.deepEqual(one.received({ ...ack, requestId: undefined, refusal: undefined }), [
    { kind: "answer", id: 7, value: { confirmed: 1, asked: 1 } },
  ]);
  one.command({ type: "store", record: RECORD });
  assert.deepEqual(one.received({ ...ack, requestId: 2, refusal }), [{ kind: "fail", id: 7, error: refusal }]);
  const events: DhtEffect[] = [];
  let timer = { type: "deadlines", at: NOW + 10_000 } as const as { type: "deadlines"; at: number };
  for (let i = 0; i < 5; i++) {
    for (const effect of one.core.handle({ kind: "timer", timer }, timer.at)) {
      if (effect.kind === "event") events.push(effect);
      if (effect.kind === "timer" && effect.timer.type === "deadlines") timer = effect.timer;
    }
  }
  assert.deepEqual(events, [{ kind: "event", event: { type: "renew", record: RECORD } }]);
  assert(timer.at > 130_000 && timer.at <= 150_500, "half of its life, or a little earlier");
});

Deno.test("without a hub it fails at once; with a lost or silent one, then", () => {
  const one = bench();
  const codes = (effects: readonly DhtEffect[]) =>
    effects.flatMap((one) => one.kind === "fail" ? [one.error.code] : []);
  assert.deepEqual(codes(one.command({ type: "findNode", target: KEY })), ["unavailable"]);
  one.up();
  one.command({ type: "findNode", target: KEY });
  one.command({ type: "store", record: RECORD });
  assert.deepEqual(codes(one.down()), ["connection_lost", "connection_lost"]);
  one.up();
  one.command({ type: "findValue", key: KEY }, NOW + 1);
  const first = one.core.handle({ kind: "timer", timer: { type: "deadlines", at: NOW + 10_000 } }, NOW + 10_000);
  assert.deepEqual(codes(first), []);
  const later = NOW + 10_001;
  assert.deepEqual(codes(one.core.handle({ kind: "timer", timer: { type: "deadlines", at: later } }, later)), [
    "timeout",
  ]);
  one.command({ type: "findNode", target: KEY });
  one.command({ type: "abandon", command: 7 });
  assert.deepEqual(codes(one.down()), []);
});

Deno.test("what a lost hub has not answered is asked of another one", () => {
  const one = bench();
  one.up();
  one.core.handle({ kind: "peerUp", peer: "second", node: idWith(0x02), role: "hub" }, NOW);
  one.command({ type: "store", record: RECORD });
  assert.deepEqual(one.down(), [
    { ...sent({ kind: "store", key: KEY, requestId: 2, record: RECORD, refusal: undefined }), to: "second" },
  ]);
});

/** Nodes that take their time: who waits for them, and for how long. @module */

import assert from "node:assert/strict";
import type { Contact, DhtEffect, RecordsFound } from "../../src/dht/messages.ts";
import type { VerifiedRecord } from "../../src/identity/mod.ts";
import { Bench, INTEREST, introduction, KEY, nodeAt, nodesReply, sent } from "./bench.ts";

Deno.test("find_value says whether most of the closest have answered; slow ones are waited for by those who have nothing", () => {
  const bench = new Bench(), [a, b, c] = [nodeAt(0x80), nodeAt(0x81), nodeAt(0x82)];
  bench.meet(a, b, c);
  const ask = (quorum?: number) => {
    const effects = bench.command({ type: "findValue", key: KEY, ...quorum === undefined ? {} : { quorum } });
    return sent(effects).map((text) => Number(text.split(" ")[2]));
  };
  const reply = (node: Contact, requestId: number, records: VerifiedRecord[] = []) => {
    const part = { kind: "findValueReply", nodes: [], more: undefined, refusal: undefined } as const;
    return bench.received(node.node, { ...part, requestId, records });
  };
  const values = (effects: readonly DhtEffect[]) =>
    effects.flatMap((one) => one.kind === "answer" ? [one.value as RecordsFound] : [])
      .map(({ records, complete }) => [records.length, complete]);
  const [, second] = ask(3);
  reply(b, second!);
  assert.deepEqual(values(bench.later(500)), [], "nothing was found so far");
  assert.deepEqual(values(bench.later(1_500)), [[0, false]], "this node and another, of four");
  const [first, next] = ask(3);
  reply(a, first!);
  assert.deepEqual(values(reply(b, next!)), [[0, true]], "three of four, and the fourth was silent before");
  bench.received(c.node, introduction(c));
  const [third, fourth] = ask(3);
  reply(a, third!);
  assert.deepEqual(values(reply(b, fourth!)), [], "it has said something since");
  assert.deepEqual(values(bench.later(500)), [[0, true]], "but most have nothing");
  const [one] = ask(3);
  assert.deepEqual(values(reply(a, one!, [INTEREST])), [], "others may have more");
  assert.deepEqual(values(bench.later(500)), [[1, false]], "and are not waited for when they are slow");
  const [last] = ask();
  reply(a, last!, [INTEREST]);
  assert.deepEqual(values(bench.later(500)), [], "unless everything is asked for");
});

Deno.test("a store waits neither for who is slow to be found nor, once most have confirmed, for who is slow to keep it", () => {
  const bench = new Bench(), [a, b, c] = [nodeAt(0x80), nodeAt(0x81), nodeAt(0x82)];
  bench.meet(a, b, c);
  for (const effect of bench.command({ type: "store", record: INTEREST })) {
    if (effect.kind !== "send" || effect.message.kind !== "findNode" || effect.to === c.node) continue;
    assert.deepEqual(sent(bench.received(effect.to as string, nodesReply(effect.message.requestId!))), []);
  }
  const stores = bench.later(500);
  assert.deepEqual(sent(stores).map((text) => text.slice(0, 8)), ["80 store", "81 store", "82 store"]);
  const ids = stores.flatMap((one) =>
    one.kind === "send" && one.message.kind === "store" ? [one.message.requestId] : []
  );
  assert.equal(ids[2], undefined, "it may keep it, and need not say so");
  const ack = { kind: "storeAck", key: KEY, refusal: undefined } as const;
  assert.deepEqual(bench.received(a.node, { ...ack, requestId: ids[0] }), []);
  const answer = bench.later(500).find(({ kind }) => kind === "answer");
  assert.deepEqual(answer?.kind === "answer" && answer.value, { confirmed: 2, asked: 3 });
  assert.deepEqual(bench.received(b.node, { ...ack, requestId: ids[1] }), [], "late is not wrong");
});

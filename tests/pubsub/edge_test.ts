/** The pub/sub core of an edge. @module */

import assert from "node:assert/strict";
import { burstEvents, type Publish } from "../../src/wire/mod.ts";
import { answer, Bench, burst, event, HUB, type PubsubEffect, recall, send, subscribe, told } from "./hub.ts";

function attached(options = {}): Bench {
  const bench = new Bench("edge", options);
  bench.up("h", HUB, "hub");
  return bench;
}

function acknowledged(messageId: number): Publish {
  return event("x", { qos: 1, acknowledge: true, messageId: new Uint8Array(16).fill(messageId) });
}

/** The hub has answered for what was wanted when it was attached to. */
function restored(hub: string): PubsubEffect {
  return told({ type: "restored", hub });
}

function failed(command: number, code: string, effects: readonly PubsubEffect[]): void {
  const [effect] = effects;
  assert(effect?.kind === "fail", JSON.stringify(effects));
  assert.deepEqual([effect.id, effect.error.code, effects.length], [command, code, 1]);
}

Deno.test("edge: an interest is told to the hub and confirmed by it", () => {
  const bench = attached();
  assert.deepEqual(bench.subscribe(1, "x.*"), [send("h", subscribe(1, "x.*"), "control")]);
  assert.deepEqual(bench.subscribe(2, "x.*"), [], "on its way already");
  assert.deepEqual(bench.received("h", { kind: "suback", requestId: 1 }), [
    answer(1),
    answer(2),
    recall("h", 1, "x.*"),
  ]);
  assert.deepEqual(bench.subscribe(3, "x.*"), [answer(3), recall("h", 2, "x.*")], "confirmed already");
  assert.deepEqual(bench.received("h", event("x.y")), [
    told({ type: "delivered", subscriptions: [1, 2, 3], publish: event("x.y") }),
  ]);
  assert.deepEqual(bench.received("h", event("y")), []);
  assert.deepEqual(bench.received("h", event("x..")), []);
});

Deno.test("edge: a burst is delivered as it is where its topic is known and there is room for it, else one by one", () => {
  const bench = attached(), message = burst("x.y"), asked: unknown[] = [];
  const room = (has: boolean) => (subscriptions: readonly number[], count: number) => {
    asked.push([subscriptions, count]);
    return has;
  };
  bench.subscribe(1, "x.*");
  bench.subscribe(2, "**");
  assert.equal(bench.takesWhole("h", message), false);
  assert.deepEqual(
    bench.received("h", message),
    burstEvents(message).map((publish) => told({ type: "delivered", subscriptions: [1, 2], publish })),
  );
  assert.equal(bench.takesWhole("h", message), false, "kept events may come, before newer ones only");
  for (const requestId of [1, 2]) {
    bench.received("h", { kind: "suback", requestId });
    bench.received("h", { kind: "recalled", requestId });
  }
  assert.deepEqual([room(true), room(false)].map((one) => bench.takesWhole("h", message, one)), [
    true,
    false,
  ]);
  assert.deepEqual(asked, [[[1, 2], 3], [[1, 2], 3]]);
  assert.deepEqual(bench.received("h", message), [told({ type: "burst", subscriptions: [1, 2], burst: message })]);
  for (const one of [1, 2]) bench.unsubscribe(one);
  assert.deepEqual(bench.received("h", message), [], "nobody wants it any more");
  assert.equal(bench.takesWhole("h", message), true, "and that is known now");
  assert.deepEqual(bench.received("h", message), []);
});

Deno.test("edge: what its publisher repeats through another hub is delivered once; for others that is no repetition", () => {
  const bench = attached(), first = acknowledged(7), another = { ...first, publisher: new Uint8Array(32).fill(9) };
  bench.subscribe(1, "x");
  const delivered = (publish: Publish) => [told({ type: "delivered", subscriptions: [1], publish })];
  assert.deepEqual(bench.received("h", first), delivered(first));
  bench.down("h");
  bench.up("g", HUB, "hub");
  assert.deepEqual(bench.received("g", first), [], "seed 1042 of the swarm: its hub had come back without memory");
  assert.deepEqual(bench.received("g", another), delivered(another), "nobody can take the id of another's event");
  assert.deepEqual(bench.received("g", event("x")), delivered(event("x")));
});

Deno.test("edge: the hub is told when the last subscription of a pattern goes", () => {
  const bench = attached();
  bench.subscribe(1, "x");
  bench.subscribe(2, "x");
  bench.received("h", { kind: "suback", requestId: 1 });
  assert.deepEqual(bench.unsubscribe(1), [answer(3)]);
  assert.deepEqual(bench.unsubscribe(2), [
    send("h", { kind: "unsubscribe", topics: ["x"] }, "control"),
    answer(4),
  ]);
  assert.deepEqual(bench.received("h", event("x")), []);
});

Deno.test("edge: unwanted before it was confirmed, wanted again: the old confirmation is not taken for the new", () => {
  const bench = attached();
  bench.subscribe(1, "x");
  const closed = { code: "closed", text: "Cannot subscribe to x: the subscription was closed" };
  assert.deepEqual(bench.unsubscribe(1), [
    { kind: "fail", id: 1, error: closed },
    send("h", { kind: "unsubscribe", topics: ["x"] }, "control"),
    answer(2),
  ]);
  assert.deepEqual(bench.subscribe(2, "x"), [send("h", subscribe(2, "x"), "control")]);
  assert.deepEqual(bench.received("h", { kind: "suback", requestId: 1 }), []);
  assert.deepEqual(bench.received("h", { kind: "suback", requestId: 2 }), [answer(3), recall("h", 2, "x")]);
});

Deno.test("edge: one of two that wait is closed: only that one fails", () => {
  const bench = attached();
  bench.subscribe(1, "x");
  bench.subscribe(2, "x");
  const effects = bench.unsubscribe(1);
  assert.deepEqual(effects.map((effect) => effect.kind === "fail" ? effect.id : effect), [1, answer(3)]);
  assert.deepEqual(bench.received("h", { kind: "suback", requestId: 1 }), [answer(2), recall("h", 1, "x")]);
});

Deno.test("edge: a refusal fails who waits and is told to who had it", () => {
  const bench = attached();
  const refusal = { code: "too_many_subscriptions", text: "no" };
  bench.subscribe(1, "x");
  assert.deepEqual(bench.received("h", { kind: "suback", requestId: 1, ...refusal }), [
    { kind: "fail", id: 1, error: refusal },
  ]);
  bench.unsubscribe(1);
  bench.subscribe(2, "y");
  bench.received("h", { kind: "suback", requestId: 2 });
  bench.down("h");
  assert.deepEqual(bench.up("h2", HUB, "hub"), [send("h2", subscribe(3, "y"), "control")]);
  assert.deepEqual(bench.received("h2", { kind: "suback", requestId: 3, ...refusal }), [
    told({ type: "interestRefused", subscription: 2, ...refusal }),
    restored("h2"),
  ]);
});

Deno.test("edge: of several that are refused together each is asked for alone", () => {
  const bench = new Bench("edge"), refusal = { code: "not_allowed", text: "no" };
  bench.subscribe(1, "good");
  bench.subscribe(2, "bad");
  assert.deepEqual(bench.up("h", HUB, "hub"), [send("h", subscribe(1, "good", "bad"), "control")]);
  assert.deepEqual(bench.received("h", { kind: "suback", requestId: 1, ...refusal }), [
    send("h", subscribe(2, "good"), "control"),
    send("h", subscribe(3, "bad"), "control"),
  ]);
  assert.deepEqual(bench.received("h", { kind: "suback", requestId: 2 }), [answer(1), recall("h", 2, "good")]);
  assert.deepEqual(bench.received("h", { kind: "suback", requestId: 3, ...refusal }), [
    { kind: "fail", id: 2, error: refusal },
    restored("h"),
  ]);
});

Deno.test("edge: attached again it wants everything again, each pattern once, and what waits is answered then", () => {
  const bench = new Bench("edge");
  assert.deepEqual(bench.subscribe(1, "x"), []);
  assert.deepEqual(bench.subscribe(2, "y"), []);
  assert.deepEqual(bench.subscribe(3, "x"), []);
  assert.deepEqual(bench.up("h", HUB, "hub"), [send("h", subscribe(1, "x", "y"), "control")]);
  bench.down("h");
  assert.deepEqual(
    bench.received("h", { kind: "suback", requestId: 1 }),
    [],
    "that one belongs to a link that is gone",
  );
  assert.deepEqual(bench.up("h2", HUB, "hub"), [send("h2", subscribe(2, "x", "y"), "control")]);
  assert.deepEqual(bench.received("h2", { kind: "suback", requestId: 2 }), [
    answer(1),
    answer(3),
    answer(2),
    recall("h2", 2, "x", "y"),
    restored("h2"),
  ]);
});

Deno.test("edge: many patterns go in several messages", () => {
  const bench = new Bench("edge");
  for (let i = 0; i < 1_001; i++) bench.subscribe(i, `t.${i}`);
  const counts = bench.up("h", HUB, "hub").map((effect) =>
    effect.kind === "send" && effect.message.kind === "subscribe" ? effect.message.topics.length : 0
  );
  assert.deepEqual(counts, [500, 500, 1]);
});

Deno.test("edge: what was wanted is restored when the hub has answered for all of it, and that is told once", () => {
  const bench = new Bench("edge");
  for (let i = 0; i < 501; i++) bench.subscribe(i, `t.${i}`);
  bench.up("h", HUB, "hub");
  bench.subscribe(1_000, "later");
  const suback = (requestId: number) => bench.received("h", { kind: "suback", requestId });
  assert.deepEqual([suback(2).at(-1), suback(2)], [recall("h", 2, "t.500"), []]);
  assert.deepEqual(suback(1).at(-1), restored("h"), "whatever was wanted since");
  assert.deepEqual(suback(3), [answer(502), recall("h", 3, "later")]);
  bench.down("h");
  assert.deepEqual(new Bench("edge").up("h2", HUB, "hub"), [restored("h2")], "there is nothing to restore");
});

Deno.test("edge: what is not wanted any more is not waited for, what is asked for again is", () => {
  const bench = new Bench("edge"), refusal = { code: "not_allowed", text: "no" };
  bench.subscribe(1, "x");
  bench.subscribe(2, "y");
  bench.up("h", HUB, "hub");
  bench.received("h", { kind: "suback", requestId: 1, ...refusal });
  bench.unsubscribe(1);
  assert.deepEqual(bench.received("h", { kind: "suback", requestId: 2 }), []);
  assert.deepEqual(bench.received("h", { kind: "suback", requestId: 3 }), [
    answer(2),
    recall("h", 3, "y"),
    restored("h"),
  ]);
});

Deno.test("edge: QoS 0 is answered when it is handed over, an acknowledged one when the hub says so", () => {
  const bench = attached();
  assert.deepEqual(bench.publish(event("x")), [send("h", event("x"), "events"), answer(1)]);
  const timer = { type: "acknowledgements", at: 31_000 } as const;
  assert.deepEqual(bench.publish(acknowledged(1)), [
    send("h", acknowledged(1), "events"),
    { kind: "timer", afterMs: 30_000, timer },
  ]);
  const { messageId } = acknowledged(1);
  assert.deepEqual(bench.received("h", { kind: "puback", messageId, recipients: 4 }), [answer(2, { recipients: 4 })]);
  assert.deepEqual(bench.received("h", { kind: "puback", messageId, recipients: 4 }), []);
  bench.publish(acknowledged(2));
  const refusal = { code: "not_the_publisher", text: "no" }, second = acknowledged(2).messageId;
  assert.deepEqual(bench.received("h", { kind: "puback", messageId: second, recipients: 0, ...refusal }), [
    { kind: "fail", id: 3, error: refusal },
  ]);
  bench.now = 31_000;
  assert.deepEqual(bench.timer(timer), []);
});

Deno.test("edge: an acknowledgement that does not come is a timeout, of that event only", () => {
  const bench = attached();
  bench.publish(acknowledged(1));
  bench.now += 5_000;
  bench.publish(acknowledged(2));
  bench.now = 31_000;
  const effects = bench.timer({ type: "acknowledgements", at: 31_000 });
  assert.deepEqual(effects.at(-1), {
    kind: "timer",
    afterMs: 5_000,
    timer: { type: "acknowledgements", at: 36_000 },
  });
  failed(1, "timeout", effects.slice(0, -1));
  assert.deepEqual(bench.timer({ type: "acknowledgements", at: 31_000 }), [], "out of date");
  bench.now = 36_000;
  failed(2, "timeout", bench.timer({ type: "acknowledgements", at: 36_000 }));
});

Deno.test("edge: an event without an answer is repeated over the next link, before what was published since", () => {
  const bench = attached();
  bench.publish(acknowledged(1));
  bench.down("h");
  assert.deepEqual(bench.publish(event("x")), []);
  assert.deepEqual(bench.publish(acknowledged(2)), []);
  assert.deepEqual(bench.up("h2", HUB, "hub"), [
    restored("h2"),
    send("h2", acknowledged(1), "events"),
    send("h2", event("x"), "events"),
    answer(2),
    send("h2", acknowledged(2), "events"),
  ]);
  const { messageId } = acknowledged(1);
  assert.deepEqual(bench.received("h2", { kind: "puback", messageId, recipients: 0 }), [answer(1, { recipients: 0 })]);
  bench.down("h2");
  assert.deepEqual(bench.up("h3", HUB, "hub"), [
    restored("h3"),
    send("h3", acknowledged(2), "events"), // an answered one is not
  ]);
});

Deno.test("edge: the backlog is bounded by number and by bytes, and keeps the order", () => {
  const bench = new Bench("edge", { backlog: { eventsMax: 3, bytesMax: 1_000 } });
  for (let i = 1; i <= 3; i++) assert.deepEqual(bench.publish(event(`x.${i}`)), []);
  failed(4, "unavailable", bench.publish(event("x.4")));
  const sent = bench.up("h", HUB, "hub").flatMap((effect) => effect.kind === "send" ? [effect.message] : []);
  assert.deepEqual(sent, [event("x.1"), event("x.2"), event("x.3")]);
  bench.down("h");
  assert.deepEqual(bench.publish(event("y", { payload: new Uint8Array(800) })), []);
  failed(6, "unavailable", bench.publish(event("y", { payload: new Uint8Array(100) })));
  bench.command({ type: "abandon", command: 5 });
  assert.deepEqual(bench.publish(event("y", { payload: new Uint8Array(100) })), [], "what is abandoned makes room");
  assert.deepEqual(bench.up("h", HUB, "hub").length, 3);
});

Deno.test("edge: an abandoned publish is neither repeated nor answered", () => {
  const bench = attached();
  bench.publish(acknowledged(1));
  bench.command({ type: "abandon", command: 1 });
  bench.down("h");
  assert.deepEqual(bench.up("h2", HUB, "hub"), [restored("h2")]);
  assert.deepEqual(bench.received("h2", { kind: "puback", messageId: acknowledged(1).messageId, recipients: 1 }), []);
  bench.now = 31_000;
  assert.deepEqual(bench.timer({ type: "acknowledgements", at: 31_000 }), []);
});

Deno.test("edge: what waits for acknowledgement is bounded", () => {
  const bench = attached({ unacknowledgedMax: 2 });
  bench.publish(acknowledged(1));
  bench.publish(acknowledged(2));
  failed(3, "queue_full", bench.publish(acknowledged(3)));
  bench.received("h", { kind: "puback", messageId: acknowledged(1).messageId, recipients: 0 });
  assert.deepEqual(bench.publish(acknowledged(3)), [send("h", acknowledged(3), "events")]);
});

Deno.test("edge: hears what its hub could not hand over, from nobody else", () => {
  const bench = attached();
  assert.deepEqual(bench.received("h", { kind: "missed", count: 3 }), [told({ type: "missed", count: 3 })]);
  bench.down("h");
  assert.deepEqual(bench.received("h", { kind: "missed", count: 3 }), []);
});

Deno.test("edge: one timer is outstanding, however many events wait", () => {
  const bench = attached(), outstanding: { at: number }[] = [];
  const note = (effects: readonly PubsubEffect[]) => {
    for (const effect of effects) if (effect.kind === "timer") outstanding.push(effect.timer);
  };
  for (let i = 0; i < 2_000; i++) {
    const messageId = new Uint8Array(16);
    new DataView(messageId.buffer).setUint32(0, i);
    note(bench.publish(event("x", { acknowledge: true, messageId })));
    bench.now += 100;
    if (i % 2 === 0) bench.received("h", { kind: "puback", messageId, recipients: 0 });
    while (outstanding.length > 0 && outstanding[0]!.at <= bench.now) {
      note(bench.timer({ type: "acknowledgements", at: outstanding.shift()!.at }));
    }
    assert(outstanding.length <= 1, `${outstanding.length}`);
  }
});

/** A hub among hubs: events go on to those that want them, once, and what is not known yet waits. @module */

import assert from "node:assert/strict";
import { toHex } from "../../src/base/bytes.ts";
import type { Topic } from "../../src/names/mod.ts";
import { RELAY_LIMITS, type RelayLimits } from "../../src/pubsub/relays.ts";
import { burstEvents, type Publish } from "../../src/wire/mod.ts";
import { ALICE, answer, Bench, BOB, burst, event, id, type PubsubEffect, send, subscribe, told } from "./hub.ts";

const FAR = id(50), FURTHER = id(60), FAR_ID = toHex(FAR), FURTHER_ID = toHex(FURTHER);
const X = "x" as Topic, ASKED = told({ type: "interest", topic: X });

/** A hub with Alice and Bob attached, and linked with two others. */
function hub(limits: Partial<RelayLimits> = {}): Bench {
  const bench = new Bench("hub", { directory: true, relays: { ...RELAY_LIMITS, ...limits } });
  bench.up("a", ALICE);
  bench.up("b", BOB);
  bench.up("f", FAR, "hub");
  bench.up("g", FURTHER, "hub");
  return bench;
}

function interested(bench: Bench, hubs: string[], topic: Topic = X): readonly PubsubEffect[] {
  return bench.command({ type: "interested", topic, hubs, forMs: 1_000 });
}

/** An event of Alice's that she wants an answer to. */
function acknowledged(byte: number, fields: Partial<Publish> = {}): Publish {
  return event("x", { acknowledge: true, messageId: new Uint8Array(16).fill(byte), ...fields });
}

function puback(to: string, byte: number, recipients: number): PubsubEffect {
  return send(to, { kind: "puback", messageId: new Uint8Array(16).fill(byte), recipients }, "control");
}

/** What another hub says. */
function handed(byte: number, recipients: number) {
  return { kind: "puback", messageId: new Uint8Array(16).fill(byte), recipients } as const;
}

Deno.test("relays: the first event waits for the mesh, later ones do not; those here get all at once", () => {
  const bench = hub(), one = event("x"), two = event("x", { payload: Uint8Array.of(2) });
  bench.received("b", subscribe(undefined, "x"));
  assert.deepEqual(bench.received("a", one), [send(["b"], one, "events"), ASKED]);
  assert.deepEqual(bench.received("a", two), [send(["b"], two, "events")], "asked already");
  assert.deepEqual(interested(bench, [FAR_ID, FURTHER_ID]), [
    send([FAR_ID, FURTHER_ID], one, "events"),
    send([FAR_ID, FURTHER_ID], two, "events"),
  ]);
  bench.now += 999;
  assert.deepEqual(bench.received("a", one), [send(["b"], one, "events"), send([FAR_ID, FURTHER_ID], one, "events")]);
  bench.now += 1;
  assert.deepEqual(bench.received("a", one).slice(1), [send([FAR_ID, FURTHER_ID], one, "events"), ASKED]);
  assert.equal(bench.received("a", one).length, 2, "asked already");
  interested(bench, []);
  assert.deepEqual(bench.received("a", one), [send(["b"], one, "events")]);
  const own = event("x");
  assert.deepEqual(bench.publish(own), [send(["b"], own, "events"), answer(3)]);
});

Deno.test("relays: another hub's event goes to those here and no further, whoever published it", () => {
  const bench = hub(), theirs = event("x", { publisher: id(99) });
  bench.received("b", subscribe(undefined, "x"));
  bench.subscribe(1, "x");
  assert.deepEqual(bench.received("f", theirs), [
    send(["b"], theirs, "events"),
    told({ type: "delivered", subscriptions: [1], publish: theirs }),
  ]);
  const asking = acknowledged(1, { publisher: id(99) });
  assert.deepEqual(bench.received("f", asking).at(-1), puback("f", 1, 2));
  assert.deepEqual(bench.received("g", asking), [puback("g", 1, 2)], "a repetition is answered, not delivered");
  const { publisher: _, ...anonymous } = theirs;
  assert.deepEqual(bench.received("f", anonymous).map(({ kind }) => kind), ["event"], "refused");
  assert.deepEqual(bench.received("f", event("a..b")).map(({ kind }) => kind), ["event"], "refused");
});

Deno.test("relays: who wants to know hears the sum of all hubs, when the last has answered", () => {
  const bench = hub(), message = acknowledged(1);
  bench.received("b", subscribe(undefined, "x"));
  assert.deepEqual(bench.received("a", message), [send(["b"], message, "events"), ASKED]);
  assert.deepEqual(interested(bench, [FAR_ID, FURTHER_ID]).slice(0, 1), [
    send([FAR_ID, FURTHER_ID], message, "events"),
  ]);
  assert.deepEqual(bench.received("f", handed(1, 2)), []);
  assert.deepEqual(bench.received("f", handed(1, 2)), [], "each counts once");
  assert.deepEqual(bench.received("g", handed(1, 3)), [puback("a", 1, 6)]);
  assert.deepEqual(bench.received("g", handed(1, 3)), []);
  assert.deepEqual(bench.received("a", message), [puback("a", 1, 1)], "a repetition is not sent again");
  bench.publish(acknowledged(2));
  assert.deepEqual(bench.received("f", handed(2, 1)), []);
  assert.deepEqual(bench.received("g", { ...handed(2, 0), code: "no" }), [answer(2, { recipients: 2 })]);
  interested(bench, []);
  assert.deepEqual(bench.received("a", acknowledged(3)).at(-1), puback("a", 3, 1));
});

Deno.test("relays: a hub that does not answer, or is lost, does not hold up the others", () => {
  const bench = hub();
  bench.received("a", acknowledged(1));
  const timer = interested(bench, [FAR_ID, FURTHER_ID]).at(-1);
  assert(timer?.kind === "timer" && timer.afterMs === 2_000);
  bench.received("f", handed(1, 2));
  bench.now += 2_000;
  assert.deepEqual(bench.timer(timer.timer), [puback("a", 1, 2)]);
  assert.deepEqual(bench.received("g", handed(1, 1)), [], "too late");
  bench.received("a", acknowledged(2));
  bench.received("f", handed(2, 2));
  assert.deepEqual(bench.down("g"), [puback("a", 2, 2)]);
  assert.deepEqual(bench.received("a", event("x")), [send([FAR_ID], event("x"), "events")], "not sent there any more");
  bench.up("f2", FAR, "hub");
  bench.received("a", acknowledged(3));
  assert.deepEqual(bench.down("f"), [], "there is another link to it");
  assert.deepEqual(bench.received("f2", handed(3, 1)), [puback("a", 3, 1)]);
  interested(bench, [toHex(id(70))]);
  bench.received("a", acknowledged(4));
  assert.deepEqual(bench.down(toHex(id(70))), [puback("a", 4, 0)], "it could not be dialled");
});

Deno.test("relays: when interest changes the topics below are asked for anew, and events wait for the answer", () => {
  const bench = hub(), topics = ["a", "a.b", "a.b.c", "ab", "z"] as Topic[];
  for (const topic of topics) {
    bench.received("a", event(topic));
    interested(bench, [], topic);
  }
  const asked = () =>
    topics.filter((topic) => {
      const effects = bench.received("a", event(topic)), asks = effects.some(({ kind }) => kind === "event");
      if (asks) interested(bench, [FAR_ID], topic);
      return asks;
    });
  assert.deepEqual(asked(), []);
  bench.command({ type: "outdated", name: "a.b" });
  assert.deepEqual(asked(), ["a.b", "a.b.c"]);
  bench.command({ type: "outdated", name: "" });
  assert.deepEqual(asked(), topics);
  bench.command({ type: "outdated", name: "z" });
  bench.received("a", event("z"));
  bench.command({ type: "outdated", name: "z" });
  assert.deepEqual(bench.received("a", event("z")), [], "the answer is on its way");
  assert.equal(interested(bench, [FAR_ID], "z" as Topic).length, 2);
});

Deno.test("relays: topics, events that wait and answers that are waited for are bounded", () => {
  const bench = hub({ topicsMax: 2, heldMax: 2, heldBytesMax: 600, pendingMax: 1 });
  const asks = (topic: string) => bench.received("a", event(topic)).some(({ kind }) => kind === "event");
  for (const topic of ["one", "two"]) {
    assert.equal(asks(topic), true);
    interested(bench, [], topic as Topic);
  }
  assert.equal(asks("three"), true);
  assert.deepEqual([asks("two"), asks("one")], [false, true], "the first of them was forgotten");
  assert.equal(asks("four"), true, "two wait: it is asked for, and does not go on");
  assert.deepEqual(interested(bench, [FAR_ID], "four" as Topic), []);
  const large = hub({ heldBytesMax: 600 }), payload = new Uint8Array(1_000);
  large.received("a", event("x", { payload }));
  assert.deepEqual(interested(large, [FAR_ID]), [], "too large to wait");
  assert.deepEqual(large.received("a", event("x", { payload })).length, 1, "and not to go on");
  const answers = hub({ pendingMax: 1 });
  answers.received("a", event("x"));
  interested(answers, [FAR_ID]);
  assert.deepEqual(answers.received("a", acknowledged(1)).map(({ kind }) => kind), ["send", "timer"]);
  assert.deepEqual(answers.received("a", acknowledged(2)).at(-1), puback("a", 2, 0), "not waited for");
});

Deno.test("relays: what waits does not hold on to the chunk that it came in", () => {
  const bench = hub(), chunk = new Uint8Array(65_536);
  bench.received("a", event("x", { payload: chunk.subarray(0, 10), frame: chunk.subarray(0, 100) }));
  const [sent] = interested(bench, [FAR_ID]);
  assert(sent?.kind === "send" && sent.message.kind === "publish");
  assert.deepEqual([sent.message.frame, sent.message.payload.buffer.byteLength], [undefined, 10]);
});

Deno.test("relays: a burst goes on as it is only while it is known that no other hub wants it", () => {
  const bench = hub(), message = burst("x"), events = burstEvents(message);
  bench.received("b", subscribe(undefined, "x"));
  const [first, ...rest] = events.map((one) => send(["b"], one, "events"));
  assert.deepEqual(bench.received("a", message), [first, ASKED, ...rest], "the mesh is asked, and they wait");
  assert.equal(bench.takesWhole("a", message), false);
  assert.deepEqual(interested(bench, [FAR_ID]), events.map((one) => send([FAR_ID], one, "events")));
  assert.equal(bench.takesWhole("a", message), false);
  assert.deepEqual(
    bench.received("a", message),
    events.flatMap((one) => [send(["b"], one, "events"), send([FAR_ID], one, "events")]),
  );
  interested(bench, []);
  assert.deepEqual(bench.received("a", message), [send(["b"], message, "events")]);
  bench.now += 1_000;
  assert.equal(bench.takesWhole("a", message), false, "it is time to ask again");
  assert.ok(bench.received("f", burst("x", id(77))).every((one) => one.kind === "send" && one.to.includes("b")));
});

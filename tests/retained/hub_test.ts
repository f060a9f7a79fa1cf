/** Retained events at the core of a hub, and of an edge: inputs in, effects out. @module */

import assert from "node:assert/strict";
import type { Peer } from "../../src/base/protocol.ts";
import type { Pattern } from "../../src/names/mod.ts";
import { RETAINED_LIMITS } from "../../src/pubsub/retained/retained.ts";
import type { PubsubMessage, PubsubTimer } from "../../src/pubsub/messages.ts";
import type { Publish } from "../../src/wire/mod.ts";
import { ALICE, answer, Bench, BOB, event, HUB, id, type PubsubEffect, send, subscribe, told } from "../pubsub/hub.ts";

const G1 = id(21), G2 = id(22), ONE = "15".repeat(32), TWO = "16".repeat(32);

function retained(topic: string, at: number, fields: Partial<Publish> = {}): Publish {
  return event(topic, { retain: true, at, messageId: new Uint8Array(16).fill(at), ...fields });
}

function recall(requestId: number, ...topics: string[]): PubsubMessage {
  return { kind: "recall", requestId, topics };
}

/** A kept event as it goes over the wire. */
function kept(publish: Publish): Publish {
  return { ...publish, kept: true };
}

/** A hub that serves two links, with links to two others. */
function hub(directory = true): Bench {
  const bench = new Bench("hub", { directory });
  bench.up("a", ALICE);
  bench.up("b", BOB);
  bench.up("l1", G1, "hub");
  bench.up("l2", G2, "hub");
  return bench;
}

function keepers(bench: Bench, ...hubs: Peer[]): readonly PubsubEffect[] {
  return bench.command({ type: "keepers", hubs });
}

function recalled(to: string, requestId: number, more?: string): PubsubEffect {
  const head = { kind: "recalled", requestId } as const;
  return send(to, more === undefined ? head : { ...head, more }, "events");
}

function timers(effects: readonly PubsubEffect[]): readonly PubsubEffect[] {
  return effects.filter(({ kind }) => kind !== "timer");
}

function isKeepersQuestion(effect: PubsubEffect): boolean {
  return effect.kind === "event" && effect.event.type === "keepers";
}

Deno.test("retained hub: keeps the last, and gives it to a link for its own patterns alone", () => {
  const bench = hub(false), first = retained("x.y", 1), last = retained("x.y", 2);
  bench.received("a", first);
  bench.received("a", last);
  bench.received("a", event("x.z"));
  assert.deepEqual(bench.received("b", recall(1, "x.*")), [recalled("b", 1)], "it has not subscribed to it");
  bench.received("b", subscribe(1, "x.*"));
  assert.deepEqual(bench.received("b", recall(2, "x.*", "secret")), [
    send(["b"], kept(last), "events"),
    recalled("b", 2),
  ]);
  bench.received("a", retained("x.y", 3, { payload: new Uint8Array(0) }));
  bench.now += 20;
  assert.deepEqual(timers(bench.received("b", recall(3, "x.*"))), [recalled("b", 3)]);
});

Deno.test("retained hub: an event that does not say when is kept with the time of the hub", () => {
  const bench = hub(false);
  bench.received("b", subscribe(1, "x"));
  const { at: _, ...publish } = retained("x", 7), stamped = { ...publish, at: 1_000 };
  assert.deepEqual(bench.received("a", publish), [send(["b"], stamped, "events")]);
  assert.deepEqual(bench.received("b", recall(1, "x")), [send(["b"], kept(stamped), "events"), recalled("b", 1)]);
});

Deno.test("retained hub: at the bound an event is refused whole, with the reason", () => {
  const bench = new Bench("hub", { retained: { ...RETAINED_LIMITS, retainedTopicsMax: 1, retainedShare: 1 } });
  bench.up("a", ALICE);
  bench.up("b", BOB);
  bench.received("b", subscribe(1, "**"));
  bench.received("a", retained("x", 1));
  const text = "Cannot retain the event on y: the hub keeps at most 1 topics and 16777216 bytes of one publisher";
  const failure = { code: "retained_share_full", text }, { messageId } = retained("y", 2);
  const refused = told({ type: "refused", peer: "a", action: "publish", name: "y", ...failure });
  assert.deepEqual(bench.received("a", retained("y", 2)), [
    refused,
    send("a", { kind: "error", about: messageId, ...failure }, "control"),
  ]);
  assert.deepEqual(bench.received("a", retained("y", 2, { qos: 1, acknowledge: true })), [
    refused,
    send("a", { kind: "puback", messageId, recipients: 0, ...failure }, "control"),
  ]);
  const full = { ...failure, code: "retained_full", text: text.slice(0, -" of one publisher".length) };
  assert.deepEqual(bench.publish(retained("y", 2, { publisher: HUB })), [{ kind: "fail", id: 1, error: full }]);
});

Deno.test("retained hub: who publishes cannot say that an event was kept", () => {
  const bench = hub(false);
  bench.received("b", subscribe(1, "x"));
  const [refused, notice] = bench.received("a", kept(retained("x", 1)));
  assert(refused?.kind === "event" && refused.event.type === "refused" && refused.event.code === "not_a_hub");
  assert(notice?.kind === "send" && notice.to === "a");
  assert.deepEqual(bench.core.state.retained, { topics: 0, bytes: 0 });
});

Deno.test("retained hub: states once that it keeps some, and no longer when nothing is left", () => {
  const bench = hub(), interest = told({ type: "interest", topic: "x" as never });
  const keeping = told({ type: "keeping", isKeeping: true });
  assert.deepEqual(bench.received("a", retained("x", 1)), [interest, keeping]);
  assert.deepEqual(bench.received("a", retained("x", 2)), []);
  assert.deepEqual(bench.received("a", retained("x", 3, { payload: new Uint8Array(0) })), [
    told({ type: "keepers" }),
  ], "a deletion is for all that keep some");
  const deletion = kept(retained("x", 3, { payload: new Uint8Array(0) }));
  assert.deepEqual(timers(keepers(bench, ONE)), [send([ONE], deletion, "events")]);
  assert.deepEqual(keepers(bench, ONE), [], "told once");
});

Deno.test("retained hub: asks those that keep some, and gives the latest of each topic when all have answered", () => {
  const bench = hub();
  bench.received("a", subscribe(1, "x.*"));
  bench.received("b", retained("x.own", 5, { publisher: BOB }));
  bench.received("b", retained("x.old", 5, { publisher: BOB }));
  assert.deepEqual(timers(bench.received("a", recall(1, "x.*"))), [told({ type: "keepers" })]);
  assert.deepEqual(timers(keepers(bench, TWO, ONE)), [
    send(ONE, { kind: "recall", requestId: 1, topics: ["x.*"] }, "control"),
    send(TWO, { kind: "recall", requestId: 2, topics: ["x.*"] }, "control"),
  ]);
  const newest = retained("x.old", 7), middle = retained("x.old", 6), foreign = retained("y", 9);
  for (const one of [newest, foreign]) assert.deepEqual(bench.received("l1", kept(one)), []);
  assert.deepEqual(bench.received("l1", { kind: "recalled", requestId: 1 }), []);
  assert.deepEqual(bench.received("l2", kept(middle)), []);
  assert.deepEqual(bench.received("l2", { kind: "recalled", requestId: 1 }), [], "not its request");
  assert.deepEqual(bench.received("l2", { kind: "recalled", requestId: 2 }), [
    send(["a"], kept(newest), "events"),
    send(["a"], kept(retained("x.own", 5, { publisher: BOB })), "events"),
    recalled("a", 1),
  ]);
  assert.deepEqual(bench.core.state.retained?.topics, 1, "what is later elsewhere is not kept here any more");
});

Deno.test("retained hub: a hub is asked for more only as long as its pages lead on", () => {
  const bench = hub();
  bench.received("a", subscribe(1, "x.*"));
  const given = (requestId: number, more: string) => {
    keepers(bench, ONE);
    return bench.received("l1", { kind: "recalled", requestId, more });
  };
  bench.received("a", recall(1, "x.*"));
  assert.deepEqual(given(1, "x.5"), [recalled("a", 1, "x.5")]);
  bench.received("a", { kind: "recall", requestId: 2, topics: ["x.*"], after: "x.5" });
  assert.deepEqual(given(2, "x.5"), [recalled("a", 2)]);
});

Deno.test("retained hub: a hub that is silent is asked again for all that is wanted; its answer is given then", () => {
  const bench = hub();
  bench.received("a", subscribe(1, "x"));
  bench.received("b", subscribe(1, "y"));
  bench.received("a", recall(1, "x"));
  keepers(bench, ONE, TWO);
  bench.received("l2", { kind: "recalled", requestId: 2 });
  bench.now += RETAINED_LIMITS.recallWithinMs;
  const at = bench.now, [answered, again] = bench.timer({ type: "retained", at });
  assert.deepEqual(answered, recalled("a", 1));
  assert.deepEqual(again, { kind: "timer", afterMs: 1_000, timer: { type: "retained", at: at + 1_000 } });
  bench.now += 1_000;
  assert.deepEqual(timers(bench.timer({ type: "retained", at: bench.now })), [told({ type: "keepers" })]);
  assert.deepEqual(timers(keepers(bench, ONE, TWO)), [
    send(ONE, { kind: "recall", requestId: 3, topics: ["x", "y"] }, "control"),
  ]);
  bench.received("l1", kept(retained("y", 3)));
  assert.deepEqual(bench.received("l1", { kind: "recalled", requestId: 3 }), [
    send(["b"], kept(retained("y", 3)), "events"),
  ]);
  bench.now += 10_000;
  assert.deepEqual(bench.timer({ type: "retained", at: bench.now - 10_000 }), [], "it is missing no more");
});

Deno.test("retained hub: a link to a hub that breaks, and one that is new, is asked for what is wanted; an orderly end is not", () => {
  const bench = hub();
  bench.received("a", subscribe(1, "x"));
  const asked = (effects: readonly PubsubEffect[]) => effects.some(({ kind }) => kind === "timer");
  assert.equal(asked(keepers(bench, ONE)), true, "one that is new");
  bench.timer({ type: "retained", at: bench.now });
  keepers(bench, ONE);
  bench.received("l1", { kind: "recalled", requestId: 1 });
  assert.equal(asked(keepers(bench, ONE)), false);
  bench.core.handle({ kind: "peerDown", peer: "l1", reason: "closed" }, bench.now);
  assert.deepEqual(bench.up("l1", G1, "hub"), []);
  bench.core.handle({ kind: "peerDown", peer: "l1", reason: "connection_lost" }, bench.now);
  assert.deepEqual(timers(bench.up("l3", G1, "hub")), [told({ type: "keepers" })], "at once when it is there again");
});

Deno.test("retained hub: answers another hub, deletions too; anybody else without a subscription gets nothing", () => {
  const bench = hub(), event = retained("x", 1), gone = retained("y", 2, { payload: new Uint8Array(0) });
  bench.received("a", event);
  bench.received("a", gone);
  for (const pattern of ["**", "#bad", "x"]) bench.received("a", recall(1, pattern));
  assert.deepEqual(bench.received("l1", recall(4, "**", "not..one")), [
    send("l1", kept(event), "events"),
    send("l1", kept(gone), "events"),
    recalled("l1", 4),
  ]);
  assert.deepEqual(bench.received("l1", { kind: "recall", requestId: 5, topics: ["x", "y"], after: "x" }), [
    send("l1", kept(gone), "events"),
    recalled("l1", 5),
  ]);
  assert.deepEqual(bench.received("nobody", recall(6, "**")), []);
});

Deno.test("retained hub: questions that wait are bounded, in all and of one link", () => {
  const limits = { ...RETAINED_LIMITS, recallsPerLinkMax: 2, recallsMax: 3 };
  const bench = new Bench("hub", { directory: true, retained: limits });
  const refusals = (effects: readonly PubsubEffect[]) =>
    effects.filter((one) =>
      one.kind === "send" && one.message.kind === "recalled" && one.message.code === "too_many_recalls"
    ).length;
  for (const link of ["a", "b", "c"]) {
    bench.up(link, id(link.charCodeAt(0)));
    bench.received(link, subscribe(1, "x"));
  }
  const ask = (link: string) => refusals(bench.received(link, recall(1, "x")));
  assert.deepEqual([ask("a"), ask("a"), ask("a"), ask("a")], [0, 0, 0, 1], "one is asked, two wait");
  assert.deepEqual([ask("b"), ask("c")], [0, 1]);
  bench.down("a");
  assert.deepEqual([ask("c"), ask("c")], [0, 0], "what a link has asked goes with it");
});

Deno.test("retained hub: many that wait for different parts are answered a round at a time, each in a turn of its own", () => {
  for (const directory of [false, true]) {
    const bench = hub(directory), questions = 5_000, answered = new Set<number>(), due: PubsubTimer[] = [];
    const note = (effects: readonly PubsubEffect[]) => {
      for (const one of effects) {
        if (one.kind === "timer") due.push(one.timer);
        if (one.kind === "send" && one.message.kind === "recalled") answered.add(one.message.requestId);
      }
      if (!effects.some(isKeepersQuestion)) return;
      // A node that is alone answers at once: another round in the same turn would be within this one.
      const more = keepers(bench);
      assert.ok(!more.some(isKeepersQuestion));
      note(more);
    };
    bench.received("a", retained("x", 1));
    bench.received("b", subscribe(1, "x", "*"));
    note(bench.received("b", recall(0, "*")));
    const ask = { kind: "recall", topics: ["x"] } as const;
    for (let i = 1; i < questions; i++) note(bench.received("b", { ...ask, requestId: i, after: `t${i}` }));
    assert.equal(answered.size, 1, "a round that looks at all topics is followed by a pause");
    for (let turns = 0; answered.size < questions; turns++) {
      const timer = due.shift();
      assert.ok(timer !== undefined && turns <= 2 * questions, `${answered.size} after ${turns} turns`);
      bench.now = Math.max(bench.now, timer.at);
      note(bench.timer(timer));
    }
  }
});

Deno.test("retained hub: a subscription of its own that has ended before the mesh knew of it is given nothing", () => {
  const bench = hub();
  bench.received("a", retained("x", 1));
  bench.subscribe(1, "x");
  bench.subscribe(2, "x");
  bench.unsubscribe(1);
  bench.command({ type: "recorded", pattern: "x" as Pattern, confirmation: { confirmed: 1, asked: 1 } });
  const given = keepers(bench).flatMap((one) =>
    one.kind === "event" && one.event.type === "delivered" ? [one.event.subscriptions] : []
  );
  assert.deepEqual(given, [[2]]);
});

Deno.test("retained edge: what is kept is for subscriptions that have not had it", () => {
  const bench = new Bench("edge");
  bench.up("h", HUB, "hub");
  const got = (publish: Publish) => {
    const [effect] = bench.received("h", publish);
    return effect?.kind === "event" && effect.event.type === "delivered" ? effect.event.subscriptions : [];
  };
  bench.subscribe(1, "x");
  assert.deepEqual(got(retained("x", 5)), [1], "live");
  assert.deepEqual([got(kept(retained("x", 5))), got(kept(retained("x", 4)))], [[], []], "had it, or a later one");
  bench.subscribe(2, "x");
  assert.deepEqual([got(kept(retained("x", 5))), got(kept(retained("x", 5)))], [[2], []]);
  assert.deepEqual(got(kept(retained("x", 6))), [1, 2], "a later one is for all");
  assert.deepEqual(got(retained("x", 7, { payload: new Uint8Array(0) })), [1, 2]);
  assert.deepEqual(got(kept(retained("x", 6))), [], "it was deleted since");
});

Deno.test("retained edge: a kept event comes before newer ones of its topic, or not at all", () => {
  const bench = new Bench("edge");
  bench.up("h", HUB, "hub");
  const delivered = (publish: Publish) => bench.received("h", publish).length > 0;
  bench.subscribe(1, "*");
  bench.received("h", { kind: "suback", requestId: 1 });
  assert.equal(delivered(event("x", { at: 9 })), true);
  assert.equal(delivered(kept(retained("x", 8))), false, "an ordinary one that is newer came first");
  assert.equal(delivered(kept(retained("y", 8))), true);
  bench.received("h", { kind: "recalled", requestId: 1 });
  bench.subscribe(2, "x");
  const [effect] = bench.received("h", kept(retained("x", 8)));
  assert(effect?.kind === "event" && effect.event.type === "delivered");
  assert.deepEqual(effect.event.subscriptions, [2], "one that began after that is given what is kept");
});

Deno.test("retained edge: asks page by page, and anew after a reconnect", () => {
  const bench = new Bench("edge");
  bench.up("h", HUB, "hub");
  bench.subscribe(1, "x.*");
  bench.received("h", { kind: "suback", requestId: 1 });
  assert.deepEqual(bench.received("h", { kind: "recalled", requestId: 1, more: "x.5" }), [
    send("h", { kind: "recall", requestId: 1, topics: ["x.*"], after: "x.5" }, "control"),
  ]);
  assert.deepEqual(bench.received("h", { kind: "recalled", requestId: 1 }), []);
  assert.deepEqual(bench.received("h", { kind: "recalled", requestId: 1, more: "x.9" }), [], "nobody asked");
  bench.down("h");
  bench.up("g", HUB, "hub");
  assert.deepEqual(bench.received("g", { kind: "suback", requestId: 2 })[0], {
    ...send("g", recall(2, "x.*"), "control"),
  });
  assert.deepEqual(bench.unsubscribe(1).at(-1), answer(2));
});

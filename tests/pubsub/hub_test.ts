/** The pub/sub core of a hub: inputs in, effects out. @module */

import assert from "node:assert/strict";
import { NOTICES_PER_SECOND_MAX } from "../../src/pubsub/clients.ts";
import { burstEvents } from "../../src/wire/mod.ts";
import { ALICE, answer, Bench, BOB, burst, CAROL, event, HUB, id, send, subscribe, told } from "./hub.ts";

function hub(options = {}): Bench {
  const bench = new Bench("hub", options);
  bench.up("a", ALICE);
  bench.up("b", BOB);
  return bench;
}

Deno.test("hub: confirms an interest, and delivers to all who have it but not to the publisher", () => {
  const bench = hub();
  assert.deepEqual(bench.received("b", subscribe(1, "home.*.temp")), [
    send("b", { kind: "suback", requestId: 1 }, "control"),
  ]);
  assert.deepEqual(bench.received("b", subscribe(undefined, "home.**")), []);
  const message = event("home.kitchen.temp");
  assert.deepEqual(bench.received("a", message), [send(["b"], message, "events")], "once a link");
  assert.deepEqual(bench.received("a", event("other")), []);
});

Deno.test("hub: the publisher gets its own event only if it subscribed", () => {
  const bench = hub();
  bench.received("a", subscribe(1, "x"));
  assert.deepEqual(bench.received("a", event("x")), [send(["a"], event("x"), "events")]);
  bench.received("a", { kind: "unsubscribe", topics: ["x"] });
  assert.deepEqual(bench.received("a", event("x")), []);
});

Deno.test("hub: its own application subscribes and publishes like any other", () => {
  const bench = hub();
  assert.deepEqual(bench.subscribe(1, "x.*"), [answer(1)]);
  assert.deepEqual(bench.subscribe(2, "x.**"), [answer(2)]);
  const message = event("x.y");
  assert.deepEqual(bench.received("a", message), [
    told({ type: "delivered", subscriptions: [1, 2], publish: message }),
  ]);
  bench.received("b", subscribe(undefined, "x.y"));
  const own = event("x.y", { publisher: HUB, acknowledge: true });
  const delivered = told({ type: "delivered", subscriptions: [1, 2], publish: own });
  assert.deepEqual(bench.publish(own), [send(["b"], own, "events"), delivered, answer(3, { recipients: 2 })]);
  assert.deepEqual(bench.unsubscribe(1), [answer(4)]);
  assert.deepEqual(bench.unsubscribe(1), [answer(5)], "twice is once");
  assert.deepEqual(bench.audience("x.y"), [answer(6, { links: ["b"], own: true })]);
  assert.equal(bench.core.state.subscriptions, 2);
});

Deno.test("hub: counts recipients in the acknowledgement", () => {
  const bench = hub();
  bench.received("b", subscribe(undefined, "x"));
  bench.subscribe(1, "x");
  const message = event("x", { qos: 1, acknowledge: true }), { messageId } = message;
  assert.deepEqual(bench.received("a", message), [
    send(["b"], message, "events"),
    told({ type: "delivered", subscriptions: [1], publish: message }),
    send("a", { kind: "puback", messageId, recipients: 2 }, "control"),
  ]);
});

Deno.test("hub: a repeated event is answered again and delivered once, also over another link", () => {
  const bench = hub();
  bench.received("b", subscribe(undefined, "x"));
  const message = event("x", { qos: 1, acknowledge: true }), { messageId } = message;
  assert.equal(bench.received("a", message).length, 2);
  bench.down("a");
  bench.up("a2", ALICE);
  assert.deepEqual(bench.received("a2", message), [
    send("a2", { kind: "puback", messageId, recipients: 1 }, "control"),
  ]);
  const other = event("x", { qos: 1, acknowledge: true, publisher: BOB });
  assert.equal(bench.received("b", other).length, 2, "another publisher's id of the same bytes is another event");
  bench.now += 60_000;
  assert.equal(bench.received("a2", message).length, 2, "it remembers for a minute");
});

Deno.test("hub: an event that is not the sender's own goes nowhere", () => {
  const bench = hub();
  bench.received("b", subscribe(undefined, "x"));
  const text = "Cannot publish: the event must carry the sender's own node id";
  const failure = { code: "not_the_publisher", text }, about = event("x").messageId;
  const refused = told({ type: "refused", peer: "a", action: "publish", name: "x", ...failure });
  const notice = send("a", { kind: "error", about, ...failure }, "control");
  assert.deepEqual(bench.received("a", event("x", { publisher: BOB })), [refused, notice]);
  const { publisher: _, ...anonymous } = event("x");
  assert.deepEqual(bench.received("a", anonymous), [refused, notice]);
  const asked = event("x", { publisher: BOB, acknowledge: true }), { messageId } = asked;
  const puback = { kind: "puback", messageId, recipients: 0, code: "not_the_publisher", text } as const;
  assert.deepEqual(bench.received("a", asked), [refused, send("a", puback, "control")]);
});

Deno.test("hub: a topic that is none goes nowhere, and the answer shows it shortened", () => {
  const bench = hub();
  bench.received("b", subscribe(undefined, "**"));
  for (const topic of ["", "a..b", "a.*", "x".repeat(256), "ä"]) {
    const [refused, notice, ...rest] = bench.received("a", event(topic));
    assert(refused?.kind === "event" && refused.event.type === "refused" && refused.event.code === "invalid_topic");
    assert(notice?.kind === "send" && notice.message.kind === "error" && rest.length === 0);
  }
  const [, effect] = bench.received("a", event("y".repeat(300), { acknowledge: true }));
  assert(effect?.kind === "send" && effect.message.kind === "puback" && effect.message.text!.length < 200);
});

Deno.test("hub: a bad pattern refuses the whole request", () => {
  const bench = hub();
  const [effect] = bench.received("b", subscribe(5, "good", "b.**x"));
  assert(effect?.kind === "send" && effect.message.kind === "suback");
  assert.deepEqual([effect.message.requestId, effect.message.code], [5, "invalid_pattern"]);
  assert.deepEqual(bench.received("a", event("good")), []);
  const unasked = bench.received("b", subscribe(undefined, "#"));
  assert.deepEqual(unasked.map((one) => one.kind), ["event"], "nobody asked for the answer");
});

Deno.test("hub: what a link's rights do not allow is refused, counted, and told to the link", () => {
  const bench = hub(), failure = { code: "not_allowed", text: "no" }, asked: string[] = [];
  bench.up("c", CAROL, "edge", {
    refusal: (action, name) => {
      asked.push(`${action} ${name}`);
      return name.startsWith("secret") ? failure : undefined;
    },
  });
  bench.received("b", subscribe(undefined, "**"));
  const refused = (action: "publish" | "subscribe", name: string) =>
    told({ type: "refused", peer: "c", action, name, ...failure });
  const own = (topic: string, fields = {}) => event(topic, { publisher: CAROL, ...fields }), { messageId } = own("x");
  assert.deepEqual(bench.received("c", own("open.x")), [send(["b"], own("open.x"), "events")]);
  assert.deepEqual(bench.received("c", own("secret.x")), [
    refused("publish", "secret.x"),
    send("c", { kind: "error", about: messageId, ...failure }, "control"),
  ]);
  assert.deepEqual(bench.received("c", own("secret.x", { acknowledge: true })), [
    refused("publish", "secret.x"),
    send("c", { kind: "puback", messageId, recipients: 0, ...failure }, "control"),
  ]);
  assert.deepEqual(bench.received("c", subscribe(1, "open.*", "secret.**")), [
    send("c", { kind: "suback", requestId: 1, ...failure }, "control"),
    refused("subscribe", "secret.**"),
  ]);
  assert.deepEqual(bench.received("a", event("open.x")).length, 1, "and nothing of the request was taken");
  assert.deepEqual(asked.slice(-2), ["subscribe open.*", "subscribe secret.**"]);
});

Deno.test("hub: a link is told of 100 refused events a second, and all are counted", () => {
  const bench = hub(), effects = () => bench.received("a", event("x", { publisher: BOB })).map((one) => one.kind);
  for (let i = 0; i < NOTICES_PER_SECOND_MAX; i++) assert.deepEqual(effects(), ["event", "send"]);
  assert.deepEqual(effects(), ["event"]);
  bench.now += 1_000;
  assert.deepEqual(effects(), ["event", "send"]);
});

Deno.test("hub: a link's subscriptions are bounded; the same one counts once", () => {
  const bench = hub({ subscriptionsPerLinkMax: 2 });
  const code = (effects: ReturnType<Bench["received"]>) =>
    effects[0]?.kind === "send" && effects[0].message.kind === "suback" ? effects[0].message.code : "no suback";
  assert.equal(code(bench.received("b", subscribe(1, "x", "x", "y"))), undefined);
  assert.equal(code(bench.received("b", subscribe(2, "x", "y"))), undefined);
  assert.equal(code(bench.received("b", subscribe(3, "z"))), "too_many_subscriptions");
  bench.received("b", { kind: "unsubscribe", topics: ["x"] });
  assert.equal(code(bench.received("b", subscribe(4, "z"))), undefined);
  assert.equal(bench.core.state.subscriptions, 2);
});

Deno.test("hub: all subscriptions together are bounded; a link that goes makes room", () => {
  const bench = hub({ subscriptionsMax: 2 });
  bench.received("a", subscribe(1, "x", "y"));
  const [refusal] = bench.received("b", subscribe(1, "z"));
  assert(refusal?.kind === "send" && refusal.message.kind === "suback");
  assert.equal(refusal.message.code, "too_many_subscriptions");
  assert.deepEqual(bench.down("a"), []);
  assert.deepEqual(bench.received("b", subscribe(2, "z")), [send("b", { kind: "suback", requestId: 2 }, "control")]);
  assert.equal(bench.core.state.subscriptions, 1);
});

Deno.test("hub: who comes later is in the audience of a topic that was busy before", () => {
  const bench = hub();
  assert.deepEqual(bench.received("a", event("x")), []);
  bench.received("b", subscribe(undefined, "*"));
  assert.deepEqual(bench.received("a", event("x")), [send(["b"], event("x"), "events")]);
  bench.down("b");
  assert.deepEqual(bench.received("a", event("x")), []);
});

Deno.test("hub: answers an unsubscribe that asks for it, and does not mind nonsense", () => {
  const bench = hub();
  assert.deepEqual(bench.received("a", { kind: "unsubscribe", topics: ["x", "*.#", ""], requestId: 3 }), [
    send("a", { kind: "suback", requestId: 3 }, "control"),
  ]);
  assert.deepEqual(bench.received("a", { kind: "missed", count: 1e9 }), [], "clients cannot make it miss events");
  assert.deepEqual(bench.received("a", { kind: "suback", requestId: 1 }), []);
  assert.deepEqual(bench.received("a", { kind: "puback", messageId: id(1).slice(0, 16), recipients: 3 }), []);
});

Deno.test("hub: a burst goes on as it is to those who want its topic", () => {
  const bench = hub(), message = burst("x");
  assert.equal(bench.takesWhole("a", message), false, "whose topic is not known yet is looked at one by one");
  assert.deepEqual(bench.received("a", message), []);
  assert.equal(bench.takesWhole("a", message), true);
  assert.deepEqual(bench.received("a", message), [], "nobody wants it");
  bench.received("b", subscribe(undefined, "x"));
  assert.equal(bench.takesWhole("a", message), false, "who wants it is looked up again");
  const sent = bench.received("a", message);
  assert.deepEqual(sent, burstEvents(message).map((one) => send(["b"], one, "events")));
  assert.equal(bench.takesWhole("a", message), true);
  assert.deepEqual(bench.received("a", message), [send(["b"], message, "events")]);
});

Deno.test("hub: the events of a burst are looked at one by one where something is wrong with them, or its own application wants them", () => {
  const bench = hub(), message = burst("x"), events = burstEvents(message);
  bench.received("b", subscribe(undefined, "**"));
  for (const topic of ["x", "y"]) bench.received("a", event(topic)); // who wants them is known
  assert.equal(bench.takesWhole("a", message), true);
  assert.equal(bench.takesWhole("b", message), false, "who sends it must be its publisher");
  const codes = bench.received("b", message).flatMap((one) =>
    one.kind === "event" ? [(one.event as { code: string }).code] : []
  );
  assert.deepEqual(codes, Array(3).fill("not_the_publisher"));
  assert.equal(bench.takesWhole("c", message), false, "a link that is not there");
  bench.up("c", CAROL, "edge", {
    refusal: (_action, name) => name === "y" ? { code: "not_allowed", text: "no" } : undefined,
  });
  assert.equal(bench.takesWhole("c", burst("x", CAROL)), true);
  assert.equal(bench.takesWhole("c", burst("y", CAROL)), false, "rights count");
  assert.ok(bench.received("c", burst("y", CAROL)).every((one) => one.kind !== "send" || one.to === "c"));
  assert.equal(bench.takesWhole("a", burst("not a topic")), false);
  assert.ok(bench.received("a", burst("not a topic")).every((one) => one.kind !== "send" || one.to === "a"));
  bench.subscribe(1, "x");
  bench.received("a", event("x"));
  assert.equal(bench.takesWhole("a", message), false);
  assert.deepEqual(
    bench.received("a", message),
    events.flatMap((one) => [
      send(["b"], one, "events"),
      told({ type: "delivered", subscriptions: [1], publish: one }),
    ]),
  );
});

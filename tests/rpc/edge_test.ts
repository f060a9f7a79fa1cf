/** The RPC core of an edge: inputs in, effects out. @module */

import assert from "node:assert/strict";
import {
  abort,
  ALICE,
  answer,
  Bench,
  BOB,
  brief,
  cancel,
  HUB,
  id,
  invoke,
  refusal,
  request,
  RESULT,
  result,
  send,
  START,
} from "./bench.ts";

function attached(): Bench {
  const bench = new Bench("edge");
  bench.up("h", HUB, "hub");
  return bench;
}

Deno.test("edge: a call goes to the hub and its answer back", () => {
  const bench = attached();
  assert.deepEqual(bench.call(1), [send("h", request(1))]);
  assert.equal(bench.core.pendingCalls, 1);
  assert.deepEqual(bench.received("other", result(1)), [], "only from who was asked");
  assert.deepEqual(bench.received("h", result(1)), [answer(1, RESULT)]);
  assert.deepEqual(bench.received("h", result(1)), []);
  assert.equal(bench.core.pendingCalls, 0);
  const { encoding: _, ...plain } = result(2);
  bench.call(2);
  assert.deepEqual(bench.received("h", plain), [answer(2, RESULT)], "without encoding it is JSON");
  bench.call(3);
  assert.deepEqual(bench.received("h", refusal(3, "handler:sad")), [
    { kind: "fail", id: 3, error: { code: "handler:sad", text: "no" } },
  ]);
});

Deno.test("edge: its own handler comes first, unless another strategy is asked for", () => {
  const bench = attached();
  bench.advertise(7);
  assert.deepEqual(bench.call(1), [invoke(1, 7)]);
  assert.deepEqual(bench.handled(1), [answer(2, RESULT)]);
  assert.deepEqual(bench.call(2, { strategy: "round_robin" }), [send("h", request(2, { strategy: "round_robin" }))]);
});

Deno.test("edge: the hub may hand its own call back to it", () => {
  const bench = attached();
  bench.advertise(7);
  const asked = request(1, { strategy: "random" });
  bench.call(1, { strategy: "random" });
  assert.deepEqual(bench.received("h", asked), [invoke(1, 7, { from: "h" })]);
  assert.deepEqual(bench.handled(1), [send("h", result(1, ALICE))]);
  assert.deepEqual(bench.received("h", result(1, ALICE)), [answer(2, RESULT)]);
});

Deno.test("edge: a busy handler of its own hands over to the hub", () => {
  const bench = attached();
  bench.advertise(7, "math.add", 1);
  assert.deepEqual(brief(bench.call(1)), ["invoke 1"]);
  assert.deepEqual(brief(bench.call(2)), ["h rpcRequest"]);
  bench.handled(1);
  assert.deepEqual(brief(bench.call(3)), ["invoke 2"]);
});

Deno.test("edge: an own handler that takes too long is told, and so is the caller", () => {
  const bench = attached();
  bench.advertise(7);
  bench.call(1, {}, 1_000);
  assert.deepEqual(bench.pass(999), []);
  assert.deepEqual(brief(bench.pass(1)), ["abort 1", "fail 2 timeout"]);
  assert.deepEqual(bench.handled(1), [], "nobody waits any more");
});

Deno.test("edge: no answer in time: the caller hears it and the hub, too", () => {
  const bench = attached();
  bench.call(1, {}, 1_000);
  bench.call(2, {}, 500);
  bench.call(3, {}, 2_000);
  bench.received("h", result(3));
  const effects = bench.pass(10_000);
  assert.deepEqual(brief(effects), ["h rpcCancel", "fail 2 timeout", "h rpcCancel", "fail 1 timeout"]);
  assert.deepEqual(effects[0], send("h", cancel(2, "timeout")));
});

Deno.test("edge: a call waits for a link, within its time, and tells what is left of it", () => {
  const bench = new Bench("edge");
  assert.deepEqual(bench.call(1), []);
  bench.call(2, {}, 1_000);
  assert.deepEqual(brief(bench.pass(2_000)), ["fail 2 timeout"]);
  assert.deepEqual(bench.up("h", HUB, "hub"), [
    { kind: "event", event: { type: "restored", hub: "h" } },
    send("h", request(1, { deadlineMs: 3_000 })),
  ]);
  assert.deepEqual(bench.received("h", result(1)), [answer(1, RESULT)]);
});

Deno.test("edge: a lost link fails what it had, and nothing is sent twice", () => {
  const bench = attached();
  bench.call(1);
  assert.deepEqual(brief(bench.down("h")), ["fail 1 connection_lost"]);
  assert.deepEqual(bench.call(2), []);
  assert.deepEqual(brief(bench.up("h2", HUB, "hub")), ["restored h2", "h2 rpcRequest"]);
});

Deno.test("edge: who gives up is not answered; the hub or the handler hears why", () => {
  const bench = attached();
  bench.call(1);
  assert.deepEqual(bench.command({ type: "cancel", command: 1, reason: "aborted" }), [send("h", cancel(1, "aborted"))]);
  assert.deepEqual(bench.received("h", result(1)), []);
  bench.advertise(7);
  bench.call(2);
  assert.deepEqual(bench.command({ type: "cancel", command: 4, reason: "aborted" }), [abort(1, "aborted")]);
  bench.down("h");
  bench.call(3, { strategy: "random" });
  assert.deepEqual(bench.command({ type: "cancel", command: 6, reason: "aborted" }), [], "it was never sent");
  assert.deepEqual(bench.up("h", HUB, "hub").filter((one) => one.kind === "send" && one.lane === "calls"), []);
  assert.deepEqual(bench.command({ type: "cancel", command: 99, reason: "aborted" }), []);
});

Deno.test("edge: the same request id twice is refused", () => {
  const bench = attached();
  bench.call(1);
  assert.deepEqual(brief(bench.call(1)), ["fail 2 duplicate_request"]);
  bench.advertise(7);
  assert.deepEqual(bench.received("h", request(5, { fromNode: BOB })), [invoke(1, 7, { caller: BOB, from: "h" })]);
  assert.deepEqual(brief(bench.received("h", request(5, { fromNode: BOB }))), ["h rpcReply duplicate_request"]);
});

Deno.test("edge: serves calls from its hub; several handlers of one name take turns", () => {
  const bench = attached();
  bench.advertise(7);
  bench.advertise(8);
  const registrations = [1, 2, 3, 4].map((byte) => {
    const [effect] = bench.received("h", request(byte));
    return effect?.kind === "event" && effect.event.type === "invoke" ? effect.event.registration : 0;
  });
  assert.deepEqual(registrations, [7, 8, 7, 8]);
  assert.deepEqual(bench.handled(3), [send("h", result(3, ALICE))]);
  const failed = { ...refusal(1, "handler:bad", ALICE) };
  assert.deepEqual(bench.handled(1, "handler:bad"), [send("h", failed)]);
  assert.deepEqual(bench.handled(1), [], "once");
});

Deno.test("edge: what it does not serve, or is not meant for it, is not run", () => {
  const bench = attached();
  assert.deepEqual(brief(bench.received("h", request(1))), ["h rpcReply no_handler"]);
  bench.advertise(7, "math.add", 1);
  assert.deepEqual(brief(bench.received("h", request(2, { targetNode: BOB }))), ["h rpcReply node_unreachable"]);
  assert.deepEqual(brief(bench.received("h", request(3, { targetNode: ALICE }))), ["invoke 1"]);
  assert.deepEqual(brief(bench.received("h", request(4))), ["h rpcReply overloaded"]);
});

Deno.test("edge: a handler's deadline is the caller's; one without gets 30 s, none more than a day", () => {
  const bench = attached();
  bench.advertise(7);
  bench.received("h", request(1, { deadlineMs: 200 }));
  const { deadlineMs: _, ...endless } = request(2);
  assert.deepEqual(bench.received("h", endless), [invoke(2, 7, { deadlineMs: 30_000, from: "h" })]);
  assert.deepEqual(bench.received("h", request(3, { deadlineMs: 2 ** 50 })), [
    invoke(3, 7, { deadlineMs: 86_400_000, from: "h" }),
  ]);
  assert.deepEqual(bench.pass(200), [abort(1, "timeout")]);
  assert.deepEqual(bench.handled(1), [send("h", result(1, ALICE))], "a late answer is its caller's to drop");
  assert.deepEqual(bench.pass(30_000), [abort(2, "timeout")]);
});

Deno.test("edge: a cancelled or lost caller stops the handler", () => {
  const bench = attached();
  bench.advertise(7);
  bench.received("h", request(1));
  bench.received("h", request(2));
  assert.deepEqual(bench.received("x", cancel(1, "aborted")), [], "not by somebody else");
  assert.deepEqual(bench.received("h", cancel(1, "aborted")), [abort(1, "aborted")]);
  assert.deepEqual(bench.received("h", { kind: "rpcCancel", requestId: request(2).requestId }), [
    abort(2, "cancelled"),
  ]);
  bench.handled(1);
  assert.deepEqual(bench.down("h"), [abort(2, "caller_gone")]);
});

Deno.test("edge: a call for one node goes up; its own id stays here", () => {
  const bench = attached();
  bench.advertise(7);
  assert.deepEqual(bench.call(1, { targetNode: BOB }), [send("h", request(1, { targetNode: BOB }))]);
  assert.deepEqual(bench.call(2, { targetNode: ALICE }), [invoke(1, 7)]);
  assert.deepEqual(brief(bench.call(3, { targetNode: ALICE, procedure: "other" })), ["fail 4 no_handler"]);
});

Deno.test("edge: tells the hub what it serves, and again after a reconnect", () => {
  const bench = new Bench("edge");
  assert.deepEqual(bench.advertise(7, "math.add", 10, "{}"), []);
  bench.advertise(8, "math.mul");
  assert.deepEqual(bench.advertise(9, "_mesh.ping"), [answer(3)], "the mesh's own names are nobody's business");
  const add = { kind: "advertise", requestId: 1, procedures: ["math.add"], metadata: "{}" } as const;
  const mul = { kind: "advertise", requestId: 2, procedures: ["math.mul"] } as const;
  assert.deepEqual(bench.up("h", HUB, "hub"), [send("h", add, "control"), send("h", mul, "control")]);
  assert.deepEqual(bench.received("h", { kind: "advertiseAck", requestId: 2 }), [answer(2)]);
  assert.deepEqual(brief(bench.advertise(10, "math.mul")), ["h advertise"]);
  bench.down("h");
  assert.deepEqual(bench.received("h", { kind: "advertiseAck", requestId: 1 }), []);
  assert.deepEqual(brief(bench.up("h2", HUB, "hub")), ["h2 advertise", "h2 advertise"]);
  assert.deepEqual(bench.received("h2", { kind: "advertiseAck", requestId: 4 }), [answer(1)]);
  assert.deepEqual(brief(bench.advertise(11, "later")), ["h2 advertise"]);
  const last = bench.received("h2", { kind: "advertiseAck", requestId: 5 });
  assert.deepEqual(brief(last), ["answer 4", "restored h2"], "whatever is served since");
  assert.deepEqual(bench.received("h2", { kind: "advertiseAck", requestId: 6 }), [answer(5)], "told once");
});

Deno.test("edge: the hub is told when the last handler of a name goes", () => {
  const bench = attached();
  bench.advertise(7);
  bench.advertise(8);
  bench.advertise(9, "_mesh.ping");
  assert.deepEqual(brief(bench.command({ type: "unadvertise", registration: 7 })), ["fail 1 closed", "answer 4"]);
  bench.received("h", { kind: "advertiseAck", requestId: 2 });
  const gone = { kind: "unadvertise", requestId: 3, procedures: ["math.add"] } as const;
  assert.deepEqual(bench.command({ type: "unadvertise", registration: 8 }), [send("h", gone, "control"), answer(5)]);
  assert.deepEqual(bench.command({ type: "unadvertise", registration: 8 }), [answer(6)]);
  assert.deepEqual(bench.command({ type: "unadvertise", registration: 9 }), [answer(7)]);
});

Deno.test("edge: a refused procedure fails who waits and is told to who had it", () => {
  const bench = attached(), no = { code: "too_many_procedures", text: "no" };
  bench.advertise(7);
  assert.deepEqual(bench.received("h", { kind: "advertiseAck", requestId: 1, ...no }), [
    { kind: "fail", id: 1, error: no },
  ]);
  bench.advertise(8);
  bench.received("h", { kind: "advertiseAck", requestId: 2 });
  bench.command({ type: "unadvertise", registration: 7 });
  bench.down("h");
  bench.up("h", HUB, "hub");
  assert.deepEqual(bench.received("h", { kind: "advertiseAck", requestId: 3, ...no }), [
    { kind: "event", event: { type: "registrationRefused", registration: 8, ...no } },
    { kind: "event", event: { type: "restored", hub: "h" } },
  ]);
});

Deno.test("edge: casts run here or go up, and are never answered", () => {
  const bench = attached(), cast = { kind: "cast", procedure: "math.add", args: Uint8Array.of(1) } as const;
  assert.deepEqual(bench.command({ type: "cast", cast }), [send("h", cast), answer(1)]);
  bench.advertise(7, "math.add", 1);
  const ran = bench.command({ type: "cast", cast });
  assert.deepEqual(ran, [invoke(1, 7, { encoding: undefined, deadlineMs: undefined }), answer(3)]);
  assert.deepEqual(bench.received("h", cast), [], "a busy handler drops it");
  assert.deepEqual(bench.handled(1), []);
  assert.deepEqual(brief(bench.received("h", { ...cast, targetNode: ALICE, fromNode: BOB })), ["invoke 2"]);
  assert.deepEqual(bench.received("h", { ...cast, targetNode: BOB }), []);
  assert.deepEqual(bench.command({ type: "cast", cast: { ...cast, targetNode: BOB } }), [
    send("h", { ...cast, targetNode: BOB }),
    answer(5),
  ]);
  bench.down("h");
  assert.deepEqual(bench.command({ type: "cast", cast: { ...cast, procedure: "x" } }), [answer(6)]);
});

Deno.test("edge: one timer is outstanding, and answered calls leave nothing behind", () => {
  const bench = attached();
  bench.call(250, {}, 86_400_000);
  for (let i = 0; i < 5_000; i++) {
    const requestId = new Uint8Array(16);
    new DataView(requestId.buffer).setUint32(0, i + 1);
    bench.call(0, { requestId }, i % 2 === 0 ? 100 : 5_000);
    if (i % 3 > 0) bench.received("h", { ...result(0), requestId });
    bench.pass(20);
    const live = bench.timers.filter(({ at }) => at <= bench.now + 5_000).length;
    assert(live < 150, `${live} timers after ${i} calls`);
  }
  bench.pass(10_000);
  assert.equal(bench.core.pendingCalls, 1);
  assert(bench.timers.length <= 200, `${bench.timers.length}`);
  assert.equal(id(1).length, 32);
  assert(bench.now > START);
});

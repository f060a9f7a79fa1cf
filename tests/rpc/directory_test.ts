/** The RPC core of a hub among hubs: asking the mesh for providers, passing on, failing over, hops. @module */

import assert from "node:assert/strict";
import { toHex } from "../../src/base/bytes.ts";
import {
  abort,
  ALICE,
  answer,
  Bench,
  BOB,
  brief,
  cancel,
  CAROL,
  HUB,
  id,
  invoke,
  refusal,
  request,
  RESULT,
  result,
  type RpcEffect,
  send,
} from "./bench.ts";

const FAR = id(50), FURTHER = id(60), FAR_ID = toHex(FAR), FURTHER_ID = toHex(FURTHER);

/** A hub with a directory, and Alice attached to it. */
function hub(options = {}): Bench {
  const bench = new Bench("hub", { directory: true, ...options });
  bench.up("a", ALICE);
  return bench;
}

/** A hub that is linked with two others. */
function linked(options = {}): Bench {
  const bench = hub(options);
  bench.up("f", FAR, "hub");
  bench.up("g", FURTHER, "hub");
  return bench;
}

function found(bench: Bench, hubs: Uint8Array[], seek = "math.add", remembered = false, complete = true): RpcEffect[] {
  return bench.command({ type: "found", seek, hubs, remembered, complete });
}

/** To whom the first effect goes, in short. */
function nick([effect]: readonly RpcEffect[]): string {
  const to = effect?.kind === "send" ? effect.to as string : "nobody";
  return to === FAR_ID ? "f" : to === FURTHER_ID ? "g" : to;
}

/** What another hub is sent. */
function passed(byte: number, fields = {}) {
  return request(byte, { hopsLeft: 9, ...fields });
}

function event(effect: object): RpcEffect {
  return { kind: "event", event: effect as never };
}

Deno.test("mesh: a name that nobody serves here is sought, and the call passed on to the hub that is found", () => {
  const bench = linked();
  const seek = { type: "seek", seek: "math.add", procedure: "math.add", fresh: false, brief: false };
  assert.deepEqual(bench.received("a", request(1)), [event(seek)]);
  assert.deepEqual(bench.received("a", request(2)), [], "asked already");
  bench.now += 100;
  const left = { deadlineMs: 4_900 };
  assert.deepEqual(found(bench, [FAR, HUB]), [send(FAR_ID, passed(1, left)), send(FAR_ID, passed(2, left))]);
  assert.deepEqual(bench.received("g", result(1)), [], "only from who was asked");
  assert.deepEqual(bench.received("f", result(1)), [send("a", result(1))]);
  assert.deepEqual(bench.received("a", cancel(2, "aborted")), [send(FAR_ID, cancel(2, "aborted"))]);
  assert.equal(bench.core.pendingCalls, 0);
});

Deno.test("mesh: nobody: told as soon as the answer comes; who gave up or is gone is not", () => {
  const bench = linked();
  for (const byte of [1, 2]) bench.received("a", request(byte));
  bench.received("a", cancel(2, "aborted"));
  assert.deepEqual(brief(found(bench, [])), ["a rpcReply no_provider"]);
  bench.received("a", request(3));
  bench.down("a");
  assert.deepEqual(found(bench, [FAR]), []);
  assert.deepEqual(brief(bench.call(4)), ["seek math.add"]);
  assert.deepEqual(brief(found(bench, [HUB])), ["fail 3 no_provider"], "this hub's own record is old");
  assert.equal(bench.core.pendingCalls, 0);
});

Deno.test("mesh: that there is nobody is believed only if enough have answered", () => {
  const bench = linked();
  bench.received("a", request(1));
  bench.call(2);
  assert.deepEqual(brief(found(bench, [], "math.add", false, false)), ["a rpcReply unavailable", "fail 1 unavailable"]);
  bench.call(3);
  assert.deepEqual(found(bench, [FAR], "math.add", false, false), [send(FAR_ID, passed(3))], "who is found is asked");
  bench.received("a", request(4));
  assert.deepEqual(brief(found(bench, [])), ["a rpcReply no_provider"]);
  assert.equal(bench.core.pendingCalls, 1);
});

Deno.test("mesh: a search that is not answered ends with the call's time", () => {
  const bench = linked();
  bench.call(1, {}, 500);
  assert.deepEqual(brief(bench.pass(500)), ["fail 1 timeout"]);
  assert.deepEqual(found(bench, [FAR]), []);
});

Deno.test("mesh: a hub without a link is dialled; who cannot be is passed over", () => {
  const bench = hub();
  bench.call(1);
  assert.deepEqual(found(bench, [FAR, FURTHER]), [send(FAR_ID, passed(1))]);
  bench.up("f", FAR, "hub");
  assert.deepEqual(bench.received("f", result(1)), [answer(1, RESULT)]);
  const other = hub();
  other.call(1);
  assert.deepEqual(brief(found(other, [FAR, FURTHER])), [`${FAR_ID} rpcRequest`]);
  other.now += 2_000;
  assert.deepEqual(other.down(FAR_ID), [
    event({ type: "stale", procedure: "math.add", hub: FAR_ID }),
    send(FURTHER_ID, passed(1, { deadlineMs: 3_000 })),
  ]);
  assert.deepEqual(brief(other.down(FURTHER_ID)), ["stale math.add", "fail 1 node_unreachable"]);
});

Deno.test("mesh: a hub that does not serve it any more is passed over and told of; what is remembered is asked afresh", () => {
  const bench = linked();
  bench.call(1);
  bench.now += 1_000;
  found(bench, [FAR], "math.add", true);
  assert.deepEqual(bench.received("f", refusal(1, "no_handler")), [
    event({ type: "stale", procedure: "math.add", hub: FAR_ID }),
    event({ type: "seek", seek: "fresh math.add", procedure: "math.add", fresh: true, brief: false }),
  ]);
  bench.now += 1_000;
  assert.deepEqual(found(bench, [FAR, FURTHER], "fresh math.add", true), [
    send(FURTHER_ID, passed(1, { deadlineMs: 3_000 })),
  ]);
  assert.deepEqual(brief(bench.received("g", refusal(1, "overloaded"))), ["fail 1 overloaded"], "no third search");
});

Deno.test("mesh: a lost hub is told; with a second link to it nothing is lost", () => {
  const bench = linked();
  bench.up("f2", FAR, "hub");
  bench.received("a", request(1));
  assert.deepEqual(found(bench, [FAR]), [send(FAR_ID, passed(1))]);
  assert.deepEqual(bench.down("f2"), []);
  assert.deepEqual(bench.received("f", result(1)), [send("a", result(1))], "the answer may come over any link");
  bench.received("a", request(2));
  found(bench, [FAR]);
  assert.deepEqual(brief(bench.down("f")), ["a rpcReply provider_lost"]);
});

Deno.test("mesh: the time at the hub that passed it on: both ends are told", () => {
  const bench = linked();
  bench.received("a", request(1, { deadlineMs: 500 }));
  found(bench, [FAR]);
  assert.deepEqual(brief(bench.pass(1_500)), [`${FAR_ID} rpcCancel`, "a rpcReply timeout"]);
});

Deno.test("mesh: a call from another hub is served here, whoever called, or not at all", () => {
  const bench = linked();
  bench.up("b", BOB);
  bench.received("b", { kind: "advertise", requestId: 2, procedures: ["math.add"] });
  const asked = passed(1, { fromNode: CAROL });
  assert.deepEqual(bench.received("f", asked), [send("b", asked)]);
  assert.deepEqual(bench.received("b", result(1)), [send(FAR_ID, result(1))]);
  assert.deepEqual(brief(bench.received("f", passed(2, { procedure: "no.such" }))), [`${FAR_ID} rpcReply no_handler`]);
  assert.deepEqual(brief(bench.received("f", passed(3, { targetNode: CAROL }))), [
    `${FAR_ID} rpcReply node_unreachable`,
  ]);
  bench.advertise(7, "own.one");
  const own = { procedure: "own.one", from: FAR_ID };
  assert.deepEqual(bench.received("f", passed(4, { procedure: "own.one" })), [invoke(1, 7, own)]);
  assert.deepEqual(bench.down("f"), [abort(1, "caller_gone")]);
  const names = { kind: "advertise", requestId: 1, procedures: ["x"] } as const;
  assert.deepEqual(bench.received("g", names), [], "hubs tell by records");
});

Deno.test("mesh: who brought a call is told with it, also where an edge was asked before", () => {
  const bench = linked();
  bench.up("b", BOB);
  bench.received("b", { kind: "advertise", requestId: 2, procedures: ["math.add"] });
  bench.advertise(7);
  const asked = passed(1, { fromNode: CAROL, strategy: "first" });
  assert.deepEqual(brief(bench.received("f", asked)), ["b rpcRequest"]);
  const [effect] = bench.received("b", refusal(1, "overloaded"));
  assert.deepEqual(effect, invoke(1, 7, { caller: CAROL, from: FAR_ID }));
});

Deno.test("mesh: hops: counted down from ten, refused at none, and never more than ten", () => {
  const bench = linked();
  bench.call(1, { hopsLeft: 0 });
  assert.deepEqual(brief(found(bench, [FAR])), ["fail 1 hop_limit_exceeded"]);
  bench.call(2, { hopsLeft: 0 });
  assert.deepEqual(brief(found(bench, [])), ["fail 3 no_provider"]);
  const via = (hopsLeft: number) => bench.received("f", request(3, { targetHub: FURTHER, targetNode: BOB, hopsLeft }));
  assert.deepEqual(via(4), [send(FURTHER_ID, request(3, { targetHub: FURTHER, targetNode: BOB, hopsLeft: 3 }))]);
  bench.received("g", result(3));
  assert.deepEqual(via(1_000_000), [
    send(FURTHER_ID, request(3, { targetHub: FURTHER, targetNode: BOB, hopsLeft: 9 })),
  ]);
  bench.received("g", result(3));
  assert.deepEqual(brief(via(0)), [`${FAR_ID} rpcReply hop_limit_exceeded`]);
  assert.deepEqual(brief(via(-5)), [`${FAR_ID} rpcReply hop_limit_exceeded`]);
});

Deno.test("mesh: two hubs that send a call back and forth end it by its hops", () => {
  const near = hub(), far = new Bench("hub", { directory: true, node: FAR });
  near.up("f", FAR, "hub");
  far.up("n", HUB, "hub");
  const elsewhere = { targetHub: FURTHER, targetNode: BOB };
  let effects = near.call(1, elsewhere), hops = 0;
  // each is made to believe that the way to the third hub leads over the other
  for (let other = far; hops < 20; other = other === far ? near : far, hops++) {
    const [sent] = effects;
    if (sent?.kind !== "send" || sent.to !== FURTHER_ID) break;
    const fresh = { ...sent.message, requestId: new Uint8Array(16).fill(100 + hops) } as typeof sent.message;
    effects = other.received(other === far ? "n" : "f", fresh);
  }
  assert.equal(hops, 10);
  assert.match(brief(effects).join(), /^[0-9a-f]{64} rpcReply hop_limit_exceeded$/);
});

Deno.test("mesh: one node: a hub is found, an edge of another hub only with that hub's name", () => {
  const bench = linked();
  assert.deepEqual(bench.call(1, { targetNode: FAR }), [send(FAR_ID, passed(1, { targetNode: FAR }))]);
  assert.deepEqual(bench.call(2, { targetNode: CAROL, targetHub: FAR }), [
    send(FAR_ID, passed(2, { targetNode: CAROL, targetHub: FAR })),
  ]);
  assert.deepEqual(brief(bench.received("f", refusal(2, "node_unreachable"))), ["fail 2 node_unreachable"]);
  assert.deepEqual(brief(bench.call(3, { targetNode: id(99) })), [`${toHex(id(99))} rpcRequest`]);
  assert.deepEqual(brief(bench.down(toHex(id(99)))), ["fail 3 node_unreachable"]);
  assert.deepEqual(brief(bench.call(4, { targetNode: ALICE, targetHub: HUB })), ["a rpcRequest"]);
  assert.deepEqual(brief(bench.call(5, { targetNode: CAROL, targetHub: HUB })), ["fail 5 node_unreachable"]);
});

Deno.test("mesh: strategies over hubs: here first, or all in turn", () => {
  const targets = (strategy: string, count: number) => {
    const bench = linked();
    bench.up("b", BOB);
    bench.received("b", { kind: "advertise", requestId: 2, procedures: ["math.add"] });
    return Array.from({ length: count }, (_, i) => {
      let effects = bench.received("a", request(1 + i, { strategy }));
      const asks = effects.find((one) => one.kind === "event");
      if (asks !== undefined) {
        assert.deepEqual(brief([asks]), ["seek brief math.add"], "it does not wait long");
        effects = found(bench, [FAR, FURTHER], "brief math.add", true);
      }
      return nick(effects);
    });
  };
  assert.deepEqual(targets("local_first", 3), ["b", "b", "b"]);
  assert.deepEqual(targets("first", 2), ["b", "b"]);
  assert.deepEqual(targets("round_robin", 4), ["b", "f", "g", "b"]);
  assert.deepEqual(targets("closest", 2), ["b", "b"], "10 ^ 11 is less than 10 ^ 50");
  assert.deepEqual([...new Set(targets("random", 100))].sort(), ["b", "f", "g"]);
  const away = linked(), turns: string[] = [];
  for (let i = 0; i < 4; i++) {
    away.call(1 + i);
    turns.push(nick(found(away, [FAR, FURTHER])));
  }
  assert.deepEqual(turns, ["f", "g", "f", "g"]);
  const near = hub();
  near.up("g", FURTHER, "hub");
  near.call(1);
  assert.equal(nick(found(near, [FAR, FURTHER])), "g", "the one with a link first");
  near.call(2, { strategy: "first" });
  assert.equal(nick(found(near, [FAR, FURTHER])), "f");
});

Deno.test("mesh: a busy provider here hands over to another hub", () => {
  const bench = linked();
  bench.advertise(7, "math.add", 1);
  assert.deepEqual(brief(bench.received("a", request(1))), ["invoke 1"]);
  assert.deepEqual(brief(bench.received("a", request(2))), ["seek math.add"]);
  assert.deepEqual(brief(found(bench, [FAR])), [`${FAR_ID} rpcRequest`]);
  bench.received("a", request(3));
  assert.deepEqual(brief(found(bench, [])), ["a rpcReply overloaded"]);
});

Deno.test("mesh: what the hub serves for all is told once, and taken back with the last; acknowledged when kept", () => {
  const bench = hub();
  const names = (requestId: number, ...procedures: string[]) => ({ kind: "advertise", requestId, procedures } as const);
  bench.up("b", BOB);
  assert.deepEqual(brief(bench.received("a", names(1, "x", "y"))), ["provided x", "provided y"]);
  assert.deepEqual(bench.received("b", names(1, "x")), []);
  const kept = { confirmed: 3, asked: 4 }, fewer = { confirmed: 2, asked: 4 };
  assert.deepEqual(bench.command({ type: "recorded", procedure: "x", confirmation: kept }), [
    send("b", { kind: "advertiseAck", requestId: 1, ...kept }, "control"),
  ]);
  assert.deepEqual(bench.command({ type: "recorded", procedure: "y", confirmation: fewer }), [
    send("a", { kind: "advertiseAck", requestId: 1, ...fewer }, "control"),
  ], "of several names the worst");
  assert.deepEqual(bench.advertise(7, "x"), [answer(3, kept)], "known already");
  assert.deepEqual(brief(bench.advertise(8, "z")), ["provided z"]);
  assert.deepEqual(bench.command({ type: "recorded", procedure: "z", confirmation: kept }), [answer(4, kept)]);
  assert.deepEqual(bench.received("a", { kind: "unadvertise", requestId: 2, procedures: ["x", "y"] }), [
    event({ type: "unprovided", procedure: "y" }),
    send("a", { kind: "advertiseAck", requestId: 2 }, "control"),
  ]);
  assert.deepEqual(bench.down("b"), []);
  assert.deepEqual(brief(bench.command({ type: "unadvertise", registration: 7 })), ["unprovided x", "answer 6"]);
  assert.deepEqual(bench.command({ type: "recorded", procedure: "x", confirmation: kept }), []);
});

Deno.test("mesh: who takes a name back before it is kept is answered; the mesh's own names and unlisted ones stay here", () => {
  const bench = hub();
  bench.advertise(7, "x");
  assert.deepEqual(brief(bench.command({ type: "unadvertise", registration: 7 })), [
    "unprovided x",
    "answer 1",
    "answer 2",
  ]);
  assert.deepEqual(brief(bench.advertise(8, "_mesh.x")), ["answer 3"]);
  const unlisted = { type: "advertise", registration: 9, procedure: "here.only" as never, concurrency: 1 } as const;
  assert.deepEqual(brief(bench.command({ ...unlisted, unlisted: true })), ["answer 4"]);
  assert.deepEqual(brief(bench.call(5, { procedure: "here.only" })), ["invoke 1"]);
  assert.deepEqual(
    brief(bench.call(6, { procedure: "_mesh.other" })),
    ["fail 6 no_provider"],
    "not asked for elsewhere",
  );
});

Deno.test("mesh: casts find their way too, a bounded number at a time", () => {
  const bench = linked({ castsWaitingMax: 2 });
  const cast = (
    byte: number,
  ) => ({ kind: "cast", procedure: "x", args: Uint8Array.of(byte), fromNode: ALICE } as const);
  assert.deepEqual(brief(bench.received("a", cast(1))), ["seek x"]);
  for (const byte of [2, 3]) assert.deepEqual(bench.received("a", cast(byte)), []);
  assert.deepEqual(found(bench, [FAR], "x"), [send(FAR_ID, cast(1)), send(FAR_ID, cast(2))]);
  assert.deepEqual(bench.received("f", cast(4)), [], "from a hub it goes no further");
  const alone = hub();
  alone.received("a", cast(1));
  assert.deepEqual(found(alone, [FAR], "x"), [send(FAR_ID, cast(1))]);
});

Deno.test("mesh: a hub that takes long to dial does not cost a call its time: the next gets it, and in the end all again", () => {
  const bench = hub(), late = (hub: string) => bench.command({ type: "late", hub });
  bench.call(1);
  found(bench, [FAR, FURTHER]);
  bench.now += 1_000;
  assert.deepEqual(late(FURTHER_ID), [], "nothing waits for that one");
  assert.deepEqual(late(FAR_ID), [send(FURTHER_ID, passed(1, { deadlineMs: 4_000 }))]);
  assert.deepEqual(late(FAR_ID), []);
  bench.now += 1_000;
  assert.deepEqual(late(FURTHER_ID), [send(FAR_ID, passed(1, { deadlineMs: 3_000 }))], "there is no third one");
  bench.down(FURTHER_ID);
  bench.up("f", FAR, "hub");
  assert.deepEqual(late(FAR_ID), [], "it is there by now");
  assert.deepEqual(bench.received("f", result(1)), [answer(1, RESULT)]);
});

Deno.test("mesh: a hub that takes long to dial and is remembered: the mesh is asked once more before it is waited for", () => {
  const bench = hub(), late = () => brief(bench.command({ type: "late", hub: FAR_ID }));
  bench.call(1);
  found(bench, [FAR], "math.add", true);
  assert.deepEqual(late(), ["seek fresh math.add"]);
  assert.deepEqual(nick(found(bench, [FAR], "fresh math.add")), "f");
  assert.deepEqual(late(), [`${FAR_ID} rpcRequest`], "it alone serves it");
  assert.deepEqual(brief(bench.down(FAR_ID)), ["stale math.add", "fail 1 node_unreachable"]);
  bench.call(2, { targetNode: BOB, targetHub: FAR });
  assert.deepEqual(late(), [], "that one is for this hub alone");
  assert.equal(bench.core.pendingCalls, 1);
});

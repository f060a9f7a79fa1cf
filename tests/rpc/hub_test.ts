/** The RPC core of a hub. @module */

import assert from "node:assert/strict";
import type { RpcMessage } from "../../src/rpc/messages.ts";
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
  send,
} from "./bench.ts";

function hub(options = {}): Bench {
  const bench = new Bench("hub", options);
  bench.up("a", ALICE);
  return bench;
}

/** Bob and Carol serve `math.add`. */
function served(options = {}): Bench {
  const bench = hub(options);
  bench.provider("b", BOB, "math.add");
  bench.provider("c", CAROL, "math.add");
  return bench;
}

function targets(bench: Bench, count: number, strategy?: string): string[] {
  return Array.from({ length: count }, (_, i) => {
    const fields = strategy === undefined ? {} : { strategy };
    const [effect] = bench.received("a", request(100 + i, fields));
    return effect?.kind === "send" ? effect.to as string : effect?.kind ?? "nothing";
  });
}

Deno.test("hub: a call goes to who advertised it and the answer back, as it came", () => {
  const bench = hub();
  bench.provider("b", BOB, "math.add", "math.mul");
  assert.deepEqual(bench.received("a", request(1)), [send("b", request(1))]);
  assert.deepEqual(bench.received("a", result(1)), [], "only the provider answers");
  assert.deepEqual(bench.received("b", result(1)), [send("a", result(1))]);
  assert.deepEqual(bench.received("b", result(1)), []);
  assert.deepEqual(brief(bench.received("a", request(2, { procedure: "no.such" }))), ["a rpcReply no_provider"]);
  assert.equal(bench.core.pendingCalls, 0);
});

Deno.test("hub: strategies", () => {
  assert.deepEqual(targets(served(), 4), ["b", "c", "b", "c"]);
  assert.deepEqual(targets(served(), 4, "round_robin"), ["b", "c", "b", "c"]);
  assert.deepEqual(targets(served(), 4, "first"), ["b", "b", "b", "b"]);
  assert.deepEqual(targets(served(), 4, "closest"), ["b", "b", "b", "b"], "10 ^ 11 is less than 10 ^ 12");
  assert.deepEqual(targets(served(), 4, "no such"), ["b", "c", "b", "c"]);
  const random = targets(served(), 100, "random");
  assert.deepEqual([...new Set(random)].sort(), ["b", "c"]);
  const local = () => {
    const bench = served();
    bench.advertise(7);
    return bench;
  };
  assert.deepEqual(targets(local(), 2), ["event", "event"]);
  assert.deepEqual(targets(local(), 4, "round_robin"), ["b", "c", "event", "b"]);
});

Deno.test("hub: who advertises again keeps its place, with what it says now", () => {
  const bench = served();
  const again = { kind: "advertise", requestId: 9, procedures: ["math.add"], metadata: '{"v":2}' } as const;
  assert.deepEqual(bench.received("b", again), [send("b", { kind: "advertiseAck", requestId: 9 }, "control")]);
  assert.deepEqual(bench.command({ type: "providers", procedure: "math.add" }), [
    answer(1, [{ peer: "b", node: BOB, metadata: '{"v":2}' }, { peer: "c", node: CAROL }]),
  ]);
  assert.deepEqual(targets(bench, 2, "first"), ["b", "b"]);
});

Deno.test("hub: another provider is asked only when the one before did not start, with the time that is left", () => {
  for (const code of ["no_handler", "overloaded", "going_away"]) {
    const bench = served();
    bench.received("a", request(1));
    bench.now += 1_000;
    assert.deepEqual(bench.received("b", refusal(1, code)), [send("c", request(1, { deadlineMs: 4_000 }))]);
    assert.deepEqual(bench.received("b", result(1)), [], "it had its turn");
    assert.deepEqual(bench.received("c", result(1, CAROL)), [send("a", result(1, CAROL))]);
  }
  const bench = served();
  bench.received("a", request(1));
  assert.deepEqual(bench.received("b", refusal(1, "handler:bad")), [send("a", refusal(1, "handler:bad"))]);
});

Deno.test("hub: when all refuse the caller hears the last; the time does not start again", () => {
  const bench = served();
  bench.received("a", request(1));
  bench.pass(1_000);
  bench.received("b", refusal(1, "overloaded"));
  assert.deepEqual(brief(bench.received("c", refusal(1, "no_handler", CAROL))), ["a rpcReply no_handler"]);
  bench.received("a", request(2));
  bench.pass(4_900);
  bench.received("c", refusal(2, "overloaded", CAROL));
  assert.deepEqual(brief(bench.pass(1_099)), []);
  assert.deepEqual(brief(bench.pass(1)), ["b rpcCancel", "a rpcReply timeout"]);
});

Deno.test("hub: a busy handler of its own is passed over", () => {
  const bench = served();
  bench.advertise(7, "math.add", 1);
  assert.deepEqual(bench.received("a", request(1)), [invoke(1, 7, { from: "a" })]);
  assert.deepEqual(brief(bench.received("a", request(2))).map((one) => one.slice(1)), [" rpcRequest"]);
  const alone = hub();
  alone.advertise(7, "math.add", 1);
  alone.received("a", request(1));
  assert.deepEqual(brief(alone.received("a", request(2))), ["a rpcReply overloaded"]);
});

Deno.test("hub: a handler that gets a call after another provider has its caller's time, and not the hub's", () => {
  const bench = hub();
  bench.up("a", ALICE);
  bench.provider("b", BOB, "math.add");
  bench.advertise(7, "math.add", 1);
  const [first] = bench.received("a", request(1, { strategy: "round_robin" }));
  assert.deepEqual(first, send("b", request(1, { strategy: "round_robin" })));
  assert.deepEqual(bench.received("b", refusal(1, "overloaded")), [invoke(1, 7, { from: "a" })]);
  assert.deepEqual(bench.pass(4_999), []);
  assert.deepEqual(bench.pass(1), [abort(1, "timeout")]);
});

Deno.test("hub: a lost provider is told, not tried again", () => {
  const bench = served();
  bench.received("a", request(1));
  bench.received("a", request(2));
  assert.deepEqual(brief(bench.down("b")), ["a rpcReply provider_lost"]);
  assert.deepEqual(targets(bench, 2), ["c", "c"]);
});

Deno.test("hub: a lost caller stops its calls, here and elsewhere", () => {
  const bench = served();
  bench.advertise(7, "own.one");
  bench.received("a", request(1));
  bench.received("a", request(2, { procedure: "own.one" }));
  assert.deepEqual(bench.down("a"), [send("b", cancel(1, "caller_gone")), abort(1, "caller_gone")]);
  assert.deepEqual(bench.received("b", result(1)), []);
  assert.equal(bench.core.pendingCalls, 0);
});

Deno.test("hub: a cancel reaches the provider, of the caller only", () => {
  const bench = served();
  bench.received("a", request(1));
  assert.deepEqual(bench.received("c", cancel(1, "aborted")), []);
  assert.deepEqual(bench.received("a", cancel(1, "aborted")), [send("b", cancel(1, "aborted"))]);
  assert.deepEqual(bench.received("a", cancel(1, "aborted")), []);
});

Deno.test("hub: waits a second longer than the caller, then tells both ends", () => {
  const bench = served();
  bench.received("a", request(1, { deadlineMs: 500 }));
  assert.deepEqual(bench.pass(1_499), []);
  assert.deepEqual(brief(bench.pass(1)), ["b rpcCancel", "a rpcReply timeout"]);
});

Deno.test("hub: the caller must be who it says", () => {
  const bench = served();
  const refused = ["refused call math.add", "a rpcReply not_the_caller"];
  assert.deepEqual(brief(bench.received("a", request(1, { fromNode: BOB }))), refused);
  const cast = { kind: "cast", procedure: "math.add", args: Uint8Array.of(1) } as const;
  assert.deepEqual(brief(bench.received("a", { ...cast, fromNode: BOB })), ["refused call math.add"]);
  assert.deepEqual(brief(bench.received("a", cast)), ["refused call math.add"]);
  assert.deepEqual(bench.received("a", { ...cast, fromNode: ALICE }), [send("b", { ...cast, fromNode: ALICE })]);
});

Deno.test("hub: a request id that is in use is refused, and the first call goes on", () => {
  const bench = served();
  bench.received("a", request(1));
  assert.deepEqual(brief(bench.received("a", request(1))), ["a rpcReply duplicate_request"]);
  assert.deepEqual(bench.received("b", result(1)), [send("a", result(1))]);
  bench.advertise(7, "own.one");
  bench.received("a", request(2, { procedure: "own.one" }));
  assert.deepEqual(brief(bench.received("a", request(2, { procedure: "own.one" }))), ["a rpcReply duplicate_request"]);
});

Deno.test("hub: a link's open calls are bounded, passed on or run here", () => {
  const bench = served({ callsPerLinkMax: 2 });
  bench.advertise(7, "own.one");
  bench.received("a", request(1));
  bench.received("a", request(2, { procedure: "own.one" }));
  assert.deepEqual(brief(bench.received("a", request(3))), ["refused call math.add", "a rpcReply too_many_calls"]);
  bench.received("b", result(1));
  assert.deepEqual(brief(bench.received("a", request(4))), ["c rpcRequest"]);
});

Deno.test("hub: calls for one node go to its newest link, or nowhere", () => {
  const bench = hub();
  bench.up("b1", BOB);
  bench.up("b2", BOB);
  const asked = request(1, { targetNode: BOB, procedure: "_mesh.ping" });
  assert.deepEqual(bench.received("a", asked), [send("b2", asked)]);
  assert.deepEqual(bench.received("b2", refusal(1, "no_handler")), [send("a", refusal(1, "no_handler"))]);
  bench.down("b2");
  assert.deepEqual(brief(bench.received("a", request(2, { targetNode: BOB }))), ["b1 rpcRequest"]);
  assert.deepEqual(brief(bench.received("a", request(3, { targetNode: id(99) }))), ["a rpcReply node_unreachable"]);
  bench.advertise(7);
  assert.deepEqual(brief(bench.received("a", request(4, { targetNode: HUB }))), ["invoke 1"]);
  assert.deepEqual(brief(bench.call(5, { targetNode: BOB })), ["b1 rpcRequest"]);
});

Deno.test("hub: calls and casts of its own", () => {
  const bench = served();
  assert.deepEqual(bench.call(1, { fromNode: HUB }), [send("b", request(1, { fromNode: HUB }))]);
  assert.deepEqual(bench.received("b", refusal(1, "overloaded")), [send("c", request(1, { fromNode: HUB }))]);
  assert.deepEqual(bench.received("c", result(1)), [answer(1, RESULT)]);
  assert.deepEqual(brief(bench.call(2, { procedure: "no.such" })), ["fail 2 no_provider"]);
  const cast = { kind: "cast", procedure: "math.add", args: Uint8Array.of(1), targetNode: BOB } as const;
  assert.deepEqual(bench.command({ type: "cast", cast }), [send("b", cast), answer(3)]);
  assert.deepEqual(bench.command({ type: "cast", cast: { ...cast, targetNode: id(99) } }), [answer(4)]);
});

Deno.test("hub: procedures are bounded, and names must be names", () => {
  const bench = hub({ proceduresPerLinkMax: 2, proceduresMax: 3, metadataBytesMax: 10 });
  bench.up("b", BOB);
  const code = (from: string, procedures: string[], metadata?: string) => {
    const head = { kind: "advertise", requestId: 1, procedures } as const;
    const message: RpcMessage = metadata === undefined ? head : { ...head, metadata };
    const [effect] = bench.received(from, message);
    return effect?.kind === "send" && effect.message.kind === "advertiseAck" ? effect.message.code : "no answer";
  };
  assert.equal(code("a", ["x", "x", "y"]), undefined);
  assert.equal(code("a", ["x", "y"]), undefined);
  assert.equal(code("a", ["z"]), "too_many_procedures");
  assert.equal(code("b", ["x"], '{"a":"long"}'), "metadata_too_large");
  for (const bad of ["[]", "1", "null", "{", ""]) assert.equal(code("b", ["x"], bad), "invalid_metadata");
  assert.equal(code("b", ["x"]), undefined);
  assert.equal(code("b", ["y"]), "too_many_procedures", "of all links together");
  assert.equal(code("b", ["_mesh.ping"]), "invalid_procedure");
  assert.equal(code("b", ["a b"]), "invalid_procedure");
  bench.received("a", { kind: "unadvertise", requestId: 1, procedures: ["x", "never"] });
  assert.equal(code("b", ["y"]), undefined);
  assert.deepEqual(bench.command({ type: "providers", procedure: "x" }), [answer(1, [{ peer: "b", node: BOB }])]);
});

Deno.test("hub: a link that goes takes its procedures with it", () => {
  const bench = served();
  bench.down("b");
  bench.down("c");
  assert.deepEqual(brief(bench.received("a", request(1))), ["a rpcReply no_provider"]);
  assert.deepEqual(bench.down("c"), []);
});

Deno.test("hub: a caller that serves the name itself may get its own call", () => {
  const bench = hub();
  bench.received("a", { kind: "advertise", requestId: 1, procedures: ["math.add"] });
  assert.deepEqual(bench.received("a", request(1)), [send("a", request(1))]);
  assert.deepEqual(bench.received("a", result(1, ALICE)), [send("a", result(1, ALICE))]);
  bench.received("a", request(2));
  assert.deepEqual(bench.down("a"), [], "nobody is left to be told");
});

Deno.test("hub: what a link's rights do not allow is refused to it and goes nowhere", () => {
  const bench = hub(), no = { code: "not_allowed", text: "no" };
  bench.provider("b", BOB, "math.add", "secret.read");
  bench.up("c", CAROL, "edge", { refusal: (_action, name) => name.startsWith("secret") ? no : undefined });
  assert.deepEqual(brief(bench.received("c", request(1, { fromNode: CAROL, procedure: "math.add" }))), [
    "b rpcRequest",
  ]);
  assert.deepEqual(brief(bench.received("c", request(2, { fromNode: CAROL, procedure: "secret.read" }))), [
    "refused call secret.read",
    "c rpcReply not_allowed",
  ]);
  const cast = { kind: "cast", procedure: "secret.read", args: Uint8Array.of(1), fromNode: CAROL } as const;
  assert.deepEqual(brief(bench.received("c", cast)), ["refused call secret.read", "c error not_allowed"]);
  const own = bench.received("c", request(3, { fromNode: CAROL, procedure: "_mesh.secret" }));
  assert.deepEqual(brief(own), ["c rpcReply no_provider"], "the mesh's own procedures are for everybody");
  const advertise = (procedure: string) =>
    brief(bench.received("c", { kind: "advertise", requestId: 1, procedures: [procedure] }));
  assert.deepEqual(advertise("math.add"), ["c advertiseAck"]);
  assert.deepEqual(advertise("secret.write"), ["c advertiseAck not_allowed", "refused advertise secret.write"]);
});

/** The handshake at the dialler, against hubs that are not what they should be, and somebody in between. @module */

import assert from "node:assert/strict";
import { RefusedError, TimeoutError } from "../../src/base/errors.ts";
import { makeHello, type Self } from "../../src/link/handshake.ts";
import { encodeValue, type Hello, type Message } from "../../src/wire/mod.ts";
import { EDGE, HUB, MALLORY, passing, self, Talker, World } from "./world.ts";

const NONCE = new Uint8Array(32).fill(8);

/** Dials a hub that answers connect with what `answer` makes of its payload; gives the error and how it was closed. */
async function failureOf(answer: (connectPayload: Uint8Array) => Message | undefined, options = {}) {
  const world = await World.open(), [near, far] = await world.connect();
  const establishing = world.establish(near, options).then(() => assert.fail("welcome"), (error) => error);
  const talker = await Talker.answer(far), { payload } = (await talker.hear())!;
  const message = answer(payload);
  if (message === undefined) await talker.end();
  else await talker.say(message);
  const error = await passing(world.timers, establishing);
  assert.equal((await far.closed).by, "remote", "it closes the connection");
  return error;
}

function hello(who: Self, fields: Partial<Hello> = {}) {
  return (connectPayload: Uint8Array): Message => ({ ...makeHello(who, connectPayload, NONCE), ...fields });
}

Deno.test("dialler: trusts no hub but the one that was dialled", async () => {
  const cases: [(payload: Uint8Array) => Message, RegExp][] = [
    [hello(self(MALLORY, "hub")), new RegExp(`node ${HUB.id} was dialled, ${MALLORY.id} answered$`)],
    [hello(self(HUB, "hub"), { signature: new Uint8Array(64) }), /its signature is wrong$/],
    [() => makeHello(self(HUB, "hub"), new Uint8Array(10), NONCE), /its signature is wrong$/],
    [hello(self(HUB, "hub", { realm: "org.other" })), /serves another realm than org.example.test$/],
    [hello(self(HUB, "edge")), /is no hub$/],
    [hello(self(HUB, "hub"), { version: "macula/9" }), /this node speaks macula\/1, got "macula\/9"$/],
    [hello(self(HUB, "hub"), { body: encodeValue(new Map()) }), /its hello is incomplete$/],
    [hello(self(HUB, "hub"), { body: encodeValue([1]) }), /its hello is incomplete$/],
    [hello(self(HUB, "hub", { labels: { a: "\n" } })), /labels are a JSON object of at most 16 texts and 2048 bytes$/],
    [() => ({ kind: "ping", timestamp: 1 }), /hello expected, got ping$/],
  ];
  for (const [answer, text] of cases) {
    const error = await failureOf(answer);
    assert.deepEqual([error.name, error.code, error.retryable], ["DialError", "untrusted", false], error.message);
    assert.match(error.message, /^Cannot /);
    assert.match(error.message, text);
  }
});

Deno.test("dialler: a hub that is known by name only may have any id", async () => {
  const world = await World.open(), [near, far] = await world.connect();
  const accepting = world.accept(far, { self: self(MALLORY, "hub") });
  const dialling = world.establish(near, { dialled: "hub", expected: undefined });
  assert.equal((await passing(world.timers, dialling)).peer.node, MALLORY.id);
  assert.equal((await accepting)!.peer.node, EDGE.id);
});

Deno.test("dialler: passes on what the hub says when it refuses", async () => {
  const refused = (code: string) => (): Message => ({ kind: "refused", code, text: "Cannot connect: because" });
  const error = await failureOf(refused("wrong_realm"));
  assert(error instanceof RefusedError);
  assert.deepEqual([error.code, error.message, error.retryable], ["wrong_realm", "Cannot connect: because", false]);
  assert.equal((await failureOf(refused("max_clients_reached"))).retryable, true);
});

Deno.test("dialler: a hub of the original answers PONG, and is not good enough", async () => {
  const error = await failureOf(() => ({ kind: "pong", timestamp: 1, serverTime: 1 }));
  assert(error instanceof RefusedError);
  assert.equal(error.code, "legacy_hub");
});

Deno.test("dialler: a hub that ends, breaks off or says rubbish", async () => {
  assert.equal((await failureOf(() => undefined)).code, "unreachable");
  const world = await World.open(), [near, far] = await world.connect();
  const establishing = world.establish(near).catch((error) => error), talker = await Talker.answer(far);
  await talker.bytes(0, 0, 0, 0, 255, 255, 255, 255);
  const error = await passing(world.timers, establishing);
  assert.deepEqual([error.code, error.retryable], ["unreachable", true]);
  const [near2, far2] = await world.connect();
  const broken = world.establish(near2).catch((error) => error);
  far2.close(7, "so");
  assert.equal((await passing(world.timers, broken)).code, "unreachable");
});

Deno.test("dialler: silence ends after 10 s, before hello and before the welcome", async () => {
  for (const says of [false, true]) {
    const world = await World.open(), [near, far] = await world.connect();
    const establishing = world.establish(near).catch((error) => error), talker = await Talker.answer(far);
    const { payload } = (await talker.hear())!;
    if (says) await talker.say(makeHello(self(HUB, "hub"), payload, NONCE));
    await world.timers.run(9_999);
    let settled = false;
    establishing.then(() => settled = true);
    await world.timers.run(0);
    assert.equal(settled, false);
    await world.timers.run(1);
    assert(await establishing instanceof TimeoutError);
  }
});

Deno.test("dialler: something else than a welcome", async () => {
  const world = await World.open(), [near, far] = await world.connect();
  const establishing = world.establish(near).catch((error) => error), talker = await Talker.answer(far);
  await talker.say(makeHello(self(HUB, "hub"), (await talker.hear())!.payload, NONCE));
  await talker.expect("prove");
  await talker.say({ kind: "goingAway", reason: "x", withinMs: 1 });
  assert.match((await passing(world.timers, establishing)).message, /welcome expected, got goingAway$/);
});

/** Mallory listens, dials the hub, and hands every frame on, changed or not. */
async function throughMallory(
  dialled: { dialled: string; expected: typeof HUB.id | undefined },
  change: (frame: Uint8Array, direction: "up" | "down") => Uint8Array = (frame) => frame,
) {
  const world = await World.open();
  let middle: Promise<void> | undefined;
  await world.listen("mallory", (near) => middle = relay(near), MALLORY);
  async function relay(near: Awaited<ReturnType<World["connect"]>>[0]): Promise<void> {
    const [up, far] = await world.connect("mallory", "hub"), accepting = world.accept(far);
    const below = await Talker.answer(near), above = await Talker.dial(up);
    const hand = async (from: Talker, to: Talker, direction: "up" | "down") => {
      for (let heard = await from.hear(); heard !== undefined; heard = await from.hear()) {
        await to.frame(change(heard.frame, direction));
      }
    };
    hand(below, above, "up").catch(() => {});
    hand(above, below, "down").catch(() => {});
    await accepting;
  }
  const [near] = await world.connect("edge", "mallory", MALLORY);
  const result = world.establish(near, dialled).then(() => "welcome", (error) => error);
  const outcome = await passing(world.timers, result);
  near.close(0, "");
  await passing(world.timers, middle!);
  return outcome;
}

Deno.test("in between: who dialled Mallory does not get through her to the hub", async () => {
  for (const dialled of [MALLORY.id as string, "mallory"]) {
    const expected = dialled === MALLORY.id ? MALLORY.id : undefined;
    const error = await throughMallory({ dialled, expected });
    assert.deepEqual([error.name, error.code], ["RefusedError", "wrong_name"]);
  }
});

Deno.test("in between: a changed connect or hello spoils the signature", async () => {
  for (const spoilt of ["up", "down"] as const) {
    let first = true;
    const error = await throughMallory({ dialled: HUB.id, expected: HUB.id }, (frame, direction) => {
      if (direction !== spoilt || !first) return frame;
      first = false;
      const text = new TextDecoder("latin1").decode(frame), at = text.indexOf("pubsub");
      const changed = frame.slice();
      changed[at] = "P".charCodeAt(0);
      return changed;
    });
    assert.match(error.message, /its signature is wrong$/);
  }
});

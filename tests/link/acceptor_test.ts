/** The handshake at the acceptor, against diallers that do what they should not. @module */

import assert from "node:assert/strict";
import { EARLY_STREAMS_MAX } from "../../src/link/establish.ts";
import { makeConnect, makeProve, type Self } from "../../src/link/handshake.ts";
import type { Connect, Message, Refused } from "../../src/wire/mod.ts";
import { EDGE, HUB, MALLORY, passing, self, Talker, World } from "./world.ts";

const NONCE = new Uint8Array(32).fill(9);

function connectOf(who: Self = self(EDGE, "edge"), fields: Partial<Connect> = {}, dialled: string = HUB.id): Connect {
  return { ...makeConnect(who, dialled, NONCE), ...fields };
}

/** What the acceptor answers to a first message; its end must come to nothing. */
async function refusalOf(first: Message): Promise<Refused> {
  const world = await World.open(), [near, far] = await world.connect();
  const accepting = world.accept(far), talker = await Talker.dial(near);
  await talker.say(first);
  const refused = await passing(world.timers, talker.expect("refused"));
  near.close(0, "read it");
  assert.equal(await passing(world.timers, accepting), undefined);
  return refused;
}

/** A dialler that has heard hello. */
async function halfway(world: World, who: Self = self(EDGE, "edge"), admit = () => undefined as never) {
  const [near, far] = await world.connect(), accepting = world.accept(far, { admit }), talker = await Talker.dial(near);
  const connectPayload = await talker.say(connectOf(who));
  const hello = (await passing(world.timers, talker.hear()))!;
  assert.equal(hello.message.kind, "hello");
  return { near, far, accepting, talker, connectPayload, helloPayload: hello.payload };
}

Deno.test("acceptor: welcomes who proves its identity, by id and by name", async () => {
  for (const dialled of [HUB.id as string, "hub", "HUB"]) {
    const world = await World.open(), [near, far] = await world.connect();
    const accepting = world.accept(far), established = await passing(world.timers, world.establish(near, { dialled }));
    const accepted = (await accepting)!;
    assert.deepEqual([established.peer.node, established.peer.role, established.dialled], [HUB.id, "hub", true]);
    assert.deepEqual([accepted.peer.node, accepted.peer.role, accepted.dialled], [EDGE.id, "edge", false]);
    await world.timers.run(0);
    assert.equal(world.timers.outstanding, 0, "no timer is left");
  }
});

Deno.test("acceptor and dialler: each gets to know the other's labels, where it has some", async () => {
  for (const [edge, hub] of [[{ site: "kitchen" }, { site: "cellar" }], [undefined, undefined]]) {
    const world = await World.open(), [near, far] = await world.connect();
    const accepting = world.accept(far, { self: self(HUB, "hub", { labels: hub }) });
    const dialling = world.establish(near, { self: self(EDGE, "edge", { labels: edge }) });
    assert.deepEqual((await passing(world.timers, dialling)).peer.labels, hub);
    assert.deepEqual((await accepting)!.peer.labels, edge);
  }
});

Deno.test("acceptor: refuses at the first message, with a code and a sentence", async () => {
  const other = new Uint8Array(32);
  const smallOrder = { ...connectOf(), publicKey: other };
  const cases: [Message, string, RegExp][] = [
    [
      connectOf(self(EDGE, "edge", { realm: "org.other" })),
      "wrong_realm",
      /another realm than "org.other"; its ticket names it$/,
    ],
    [connectOf(self(EDGE, "edge"), {}, "other.example"), "wrong_name", /does not answer to "other.example"$/],
    [connectOf(self(EDGE, "edge"), {}, MALLORY.id), "wrong_name", /does not answer/],
    [connectOf(self(EDGE, "edge"), { nodeId: MALLORY.idBytes }), "bad_identity", /SHA-256 of a sound public key/],
    [smallOrder, "bad_identity", /sound public key/],
    [connectOf(self(HUB, "edge")), "self", /does not link to itself/],
    [
      connectOf(self(EDGE, "edge"), { versions: ["macula/9", "x"] }),
      "no_common_version",
      /macula\/1, got "macula\/9", "x"$/,
    ],
    [connectOf(self(EDGE, "edge"), { versions: [] }), "no_common_version", /got none$/],
    [connectOf(self(EDGE, "edge"), { capabilities: ["pubsub"] }), "legacy_not_allowed", /mesh\/1 peers only$/],
    [connectOf(self(EDGE, "edge"), { labels: "[]" }), "bad_terms", /labels are a JSON object of at most 16 texts/],
    [connectOf(self(EDGE, "edge"), { labels: `{"a":"${"b".repeat(2_048)}"}` }), "bad_terms", /and 2048 bytes$/],
    [{ kind: "ping", timestamp: 1 }, "unexpected", /connect expected, got ping$/],
  ];
  for (const [first, code, text] of cases) {
    const refused = await refusalOf(first);
    assert.equal(refused.code, code);
    assert.match(refused.text, /^Cannot /);
    assert.match(refused.text, text);
  }
  const { nonce: _, ...withoutNonce } = connectOf();
  assert.equal((await refusalOf(withoutNonce)).code, "bad_nonce");
});

Deno.test("acceptor: refuses garbage as a malformed frame", async () => {
  const world = await World.open(), [near, far] = await world.connect();
  const accepting = world.accept(far), talker = await Talker.dial(near);
  await talker.bytes(71, 69, 84, 32, 47, 32, 72, 84, 84, 80);
  const refused = await passing(world.timers, talker.expect("refused"));
  assert.equal(refused.code, "malformed_frame");
  assert.equal(await passing(world.timers, accepting), undefined, "it does not wait for ever until the peer leaves");
  assert.deepEqual(await near.closed, { by: "remote", code: 1, text: "malformed_frame" });
});

Deno.test("acceptor: refuses a proof by another key, of another handshake, or none", async () => {
  const forgeries = [
    (c: Uint8Array, h: Uint8Array) => makeProve(self(MALLORY, "edge"), c, h),
    (c: Uint8Array, h: Uint8Array) => makeProve(self(EDGE, "edge"), h, c),
    (c: Uint8Array) => makeProve(self(EDGE, "edge"), c, new Uint8Array(100)),
  ];
  for (const forge of forgeries) {
    const world = await World.open(), { talker, connectPayload, helloPayload } = await halfway(world);
    await talker.say(forge(connectPayload, helloPayload));
    assert.equal((await passing(world.timers, talker.expect("refused"))).code, "bad_signature");
  }
  const world = await World.open(), { talker } = await halfway(world);
  await talker.say({ kind: "subscribe", topics: ["**"], qos: 0 });
  assert.equal((await passing(world.timers, talker.expect("refused"))).code, "unexpected");
});

Deno.test("acceptor: a proof that was good once is not good again", async () => {
  const world = await World.open(), first = await halfway(world);
  const prove = makeProve(self(EDGE, "edge"), first.connectPayload, first.helloPayload);
  await first.talker.say(prove);
  await passing(world.timers, first.talker.expect("welcome"));
  const second = await halfway(world);
  assert.deepEqual(second.connectPayload, first.connectPayload, "the same connect, replayed");
  await second.talker.say(prove);
  assert.equal((await passing(world.timers, second.talker.expect("refused"))).code, "bad_signature");
});

Deno.test("acceptor: asks who is admitted only after the proof", async () => {
  const world = await World.open(), asked: string[] = [];
  const admit = ((peer: { node: string }) => {
    asked.push(peer.node);
    return { code: "max_clients_reached", text: "Cannot attach: full" };
  }) as never;
  const { talker, connectPayload, helloPayload, accepting } = await halfway(world, self(EDGE, "edge"), admit);
  assert.deepEqual(asked, []);
  await talker.say(makeProve(self(EDGE, "edge"), connectPayload, helloPayload));
  const refused = await passing(world.timers, talker.expect("refused"));
  assert.deepEqual([refused.code, refused.text, asked], ["max_clients_reached", "Cannot attach: full", [EDGE.id]]);
  assert.equal(await passing(world.timers, accepting), undefined);
});

Deno.test("acceptor: silence ends after 10 s, with and without a stream", async () => {
  const world = await World.open(), [near, far] = await world.connect();
  const accepting = world.accept(far);
  await world.timers.run(9_999);
  const [nearSpeaking, farSpeaking] = await world.connect(), speaking = world.accept(farSpeaking);
  const talker = await Talker.dial(nearSpeaking);
  await talker.bytes(1);
  await world.timers.run(1);
  assert.equal(await accepting, undefined);
  assert.equal((await near.closed).text, "handshake_timeout");
  const refused = await passing(world.timers, talker.expect("refused"));
  assert.equal(refused.code, "handshake_timeout");
  assert.equal(await passing(world.timers, speaking), undefined);
});

Deno.test("acceptor: who finishes its stream early is let go at once", async () => {
  const world = await World.open();
  for (const say of [[], [connectOf()]]) {
    const [near, far] = await world.connect(), accepting = world.accept(far), talker = await Talker.dial(near);
    for (const message of say) await talker.say(message);
    await talker.end();
    await world.timers.run(0);
    assert.equal(await accepting, undefined);
    assert.equal((await near.closed).by, "remote");
  }
  const [near, far] = await world.connect(), accepting = world.accept(far);
  near.close(0, "gone");
  await world.timers.run(0);
  assert.equal(await accepting, undefined);
});

Deno.test("acceptor: before the welcome no stream but the first is kept", async () => {
  const world = await World.open(), { near, talker, connectPayload, helloPayload, accepting } = await halfway(world);
  const early = (await near.openSend()).getWriter(), second = await near.openBidi();
  const writing = assert.rejects(async () => {
    for (let i = 0; i < 100; i++) {
      await early.write(new Uint8Array(1_000));
      await world.timers.run(0);
    }
  });
  await second.writable.getWriter().write(Uint8Array.of(1));
  await writing;
  await talker.say(makeProve(self(EDGE, "edge"), connectPayload, helloPayload));
  await passing(world.timers, talker.expect("welcome"));
  const accepted = (await accepting)!;
  const late = (await near.openSend()).getWriter();
  await late.write(Uint8Array.of(5));
  const lane = await new Promise<ReadableStream<Uint8Array>>((take) => void accepted.incoming!.lanes.give(take));
  assert.deepEqual((await lane.getReader().read()).value, Uint8Array.of(5), "afterwards they are");
});

Deno.test("acceptor: who opens stream after stream before the welcome is refused at the bound, told and forgotten", async () => {
  for (const opensFirst of [true, false]) {
    const world = await World.open(), [near, far] = await world.connect(), refused: string[] = [];
    const accepting = world.accept(far, { onRefused: (code) => void refused.push(code) });
    const talker = opensFirst ? await Talker.dial(near) : undefined;
    await talker?.say(connectOf());
    let opened = 0;
    const flood = assert.rejects(async () => {
      for (; opened < 10 * EARLY_STREAMS_MAX; opened++) {
        const writer = (await near.openSend()).getWriter();
        await writer.write(Uint8Array.of(1)).catch(() => {}); // it was cancelled
        await world.timers.run(0);
      }
    }, { name: "ClosedError" });
    if (talker !== undefined) {
      await passing(world.timers, talker.expect("hello"));
      const { code, text } = await passing(world.timers, talker.expect("refused"));
      assert.deepEqual([code, text], [
        "too_many_streams",
        "Cannot connect: before the welcome at most 16 streams are opened, got more",
      ]);
    }
    assert.equal(await passing(world.timers, accepting), undefined);
    await passing(world.timers, flood);
    assert(opened >= EARLY_STREAMS_MAX && opened < 3 * EARLY_STREAMS_MAX, `${opened} streams`);
    assert.deepEqual(refused, ["too_many_streams"]);
    await world.timers.run(20_000);
    assert.equal(world.timers.outstanding, 0);
  }
});

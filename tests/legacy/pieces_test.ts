/** The parts of the translation, one by one: framing, records, repetitions, lookups, confirmations, rights. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { concatBytes, fromHex, toHex, utf8 } from "../../src/base/bytes.ts";
import { seededRandom } from "../../src/base/random.ts";
import { may, parseAllow } from "../../src/legacy/policy.ts";
import { CONFIRM_MS, Confirmations } from "../../src/legacy/outbound/confirmations.ts";
import { FOREIGN_PATTERNS_MAX, Guest, REQUESTS_MAX } from "../../src/legacy/client/guest.ts";
import { RETURN_MS, Returning, RETURNING_MAX } from "../../src/legacy/client/returning.ts";
import { LenientFrames } from "../../src/legacy/frames.ts";
import { isJson, jsonOf } from "../../src/legacy/json.ts";
import { FOUND_MS, Lookups } from "../../src/legacy/outbound/lookups.ts";
import { Uplink } from "../../src/legacy/outbound/uplink.ts";
import { NamesKnown } from "../../src/legacy/records/names_known.ts";
import { Shelf, TTL_MS_MAX, VALUES_PER_CLIENT_MAX, VALUES_PER_KEY_MAX } from "../../src/legacy/records/shelf.ts";
import { REPEAT_MS, REPEAT_QOS0_MS, Repeats } from "../../src/legacy/repeats.ts";
import { readWireId } from "../../src/legacy/wire_id.ts";
import type { NodeId } from "../../src/identity/mod.ts";
import { decodeFrame, encodeFrame, type Message } from "../../src/wire/mod.ts";
import { bytesOf, type Noted, SECTIONS, textOf, valueOf } from "../vectors/vectors.ts";
import { idOf, keyOfName, REALM, record } from "./world.ts";

const NOW = 1_000_000;

Deno.test("frames: the original's client reads the recorded streams so, and we do", () => {
  for (const vector of SECTIONS["stream_reassembly_client"]!) {
    const input = fromHex(vector["input_hex"] as string), frames = new LenientFrames(1 << 20);
    const read: string[] = [];
    frames.push(input);
    for (let frame = frames.next(); frame !== undefined; frame = frames.next()) {
      try {
        read.push(decodeFrame(frame).kind);
      } catch { /* skipped by its length */ }
    }
    const wanted = (vector["messages"] as Noted[][]).map(([one]) => (one as { type: string }).type);
    assert.deepEqual(read.filter((kind) => kind !== "unknown"), wanted, vector["name"] as string);
  }
});

Deno.test("frames: any chunking gives the same frames, with a bounded part held", () => {
  const message = fc.oneof(
    fc.nat().map((timestamp): Message => ({ kind: "ping", timestamp })),
    fc.uint8Array({ maxLength: 300 }).map((payload): Message => (
      { kind: "publish", topic: "a", payload, qos: 0, retain: false, messageId: new Uint8Array(16) }
    )),
  );
  fc.assert(
    fc.property(
      fc.array(message, { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
      (messages, sizes) => {
        const wanted = messages.map(encodeFrame), other = Uint8Array.of(7, 1, 0, 0, 0, 0, 0, 3, 1, 2, 3);
        const bytes = concatBytes(...wanted.flatMap((frame) => [frame, other])),
          frames = new LenientFrames(1_000),
          read: string[] = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = sizes[i % sizes.length]!;
          frames.push(bytes.subarray(at, at += size));
          for (let frame = frames.next(); frame !== undefined; frame = frames.next()) read.push(toHex(frame));
          assert(frames.pendingBytes < 1_000);
        }
        assert.deepEqual(read, wanted.map(toHex));
        assert.equal(frames.skipped, messages.length);
      },
    ),
  );
});

Deno.test("frames: one that is too large is skipped, and nothing of it held", () => {
  const frames = new LenientFrames(100), large = new Uint8Array(5_008);
  large.set([1, 3, 0, 0, 0, 0, 19, 136]);
  for (let at = 0; at < large.length; at += 500) {
    frames.push(large.subarray(at, at + 500));
    assert.equal(frames.next(), undefined);
    assert(frames.pendingBytes <= 100);
  }
  const ping = encodeFrame({ kind: "ping", timestamp: 1 });
  frames.push(ping);
  assert.deepEqual(frames.next(), ping);
});

Deno.test("frames: what the original sends is understood as it was recorded", () => {
  const kinds = [
    "connect_peer",
    "store_service",
    "rpc_request_targeted",
    "rpc_reply_peer_ok",
    "publish_client_qos1_retain",
  ];
  for (const vector of SECTIONS["frames"]!.filter(({ name }) => kinds.includes(name as string))) {
    const frames = new LenientFrames(1 << 20);
    frames.push(fromHex(vector["frame_hex"] as string));
    const message = decodeFrame(frames.next()!) as unknown as Record<string, unknown>;
    for (const [key, value] of (vector["fields"] as { $map: [Noted, Noted][] }).$map) {
      const name = textOf(key).replace(/_(.)/g, (_, letter) => letter.toUpperCase()), read = message[name];
      if (read instanceof Uint8Array) assert.deepEqual(read, bytesOf(value), name);
      else if (typeof read === "string") assert.equal(read, textOf(value), name);
      else if (read instanceof Map) assert.deepEqual(read, valueOf(value), name);
    }
  }
});

Deno.test("shelf: the newest value of a node counts, until its time is over", () => {
  const ended: string[] = [],
    shelf = new Shelf(({ about }) => ended.push(about!)),
    key = keyOfName("k"),
    name = toHex(key);
  const a = readWireId(idOf("a"))!, value = (ttl: number, n: number) => record({ node_id: a.wire, ttl, n });
  shelf.store(key, value(10, 1), a.node, NOW);
  shelf.store(key, value(20, 2), a.node, NOW + 5_000);
  assert.deepEqual(shelf.find(name, NOW + 24_999).map(({ value }) => (value as Map<string, number>).get("n")), [2]);
  assert.equal(shelf.size, 1);
  assert.deepEqual(shelf.find(name, NOW + 25_000), []);
  assert.deepEqual([ended, shelf.size, shelf.of(a.node, NOW)], [[a.node], 0, []]);
  shelf.store(key, value(1e9, 3), a.node, NOW);
  assert.equal(shelf.find(name, NOW + TTL_MS_MAX - 1).length, 1);
  shelf.sweep(NOW + TTL_MS_MAX);
  assert.equal(shelf.size, 0);
});

Deno.test("shelf: values of a client, of a key and their size are bounded; room comes back", () => {
  const shelf = new Shelf(), by = (n: number) => n.toString(16).padStart(64, "0") as NodeId;
  for (let n = 0; n < VALUES_PER_CLIENT_MAX; n++) shelf.store(utf8(`key ${n}`), record({ n, ttl: 1 }), by(1), NOW);
  assert.equal(shelf.store(utf8("one more"), record({ n: 0 }), by(1), NOW), "too_many_values");
  for (let n = 0; n < VALUES_PER_KEY_MAX; n++) shelf.store(utf8("shared"), record({ n, ttl: 60 }), by(2 + n), NOW);
  assert.equal(shelf.store(utf8("shared"), record({ n: 0 }), by(9_999), NOW), "too_many_values");
  assert.equal(shelf.store(utf8("k"), new Uint8Array(5_000), by(9_999), NOW), "value_too_large");
  shelf.sweep(NOW + 1_000);
  assert.equal(shelf.size, VALUES_PER_KEY_MAX);
  assert.equal(typeof shelf.store(utf8("one more"), record({ n: 0 }), by(1), NOW + 1_000), "object");
});

Deno.test("repeats: the same id, topic and payload of one source, for a while; longer where it is repeated on purpose", () => {
  const repeats = new Repeats(), source = idOf("a"), messageId = new Uint8Array(16);
  const event = { messageId, topic: "t", payload: utf8("1"), qos: 1 };
  assert.equal(repeats.has(source, event, NOW), false);
  assert.equal(repeats.has(source, event, NOW + REPEAT_MS - 1), true);
  assert.equal(repeats.has(source, event, NOW + REPEAT_MS), false);
  for (const other of [{ payload: utf8("2") }, { topic: "u" }, { messageId: new Uint8Array(16).fill(1) }]) {
    assert.equal(repeats.has(source, { ...event, ...other }, NOW + REPEAT_MS), false);
  }
  assert.equal(repeats.has(idOf("b"), event, NOW + REPEAT_MS), false);
  const often = { ...event, qos: 0, topic: "often" };
  assert.equal(repeats.has(source, often, NOW), false);
  assert.equal(repeats.has(source, often, NOW + REPEAT_QOS0_MS - 1), true);
  assert.equal(repeats.has(source, often, NOW + REPEAT_QOS0_MS), false);
});

Deno.test("returning: kept for a while, of so many clients, and given once", () => {
  const returning = new Returning(), node = (n: number) => n.toString(16).padStart(64, "0") as NodeId;
  returning.keep(node(0), ["a"], NOW);
  returning.keep(node(1), ["b"], NOW);
  assert.deepEqual(returning.take(node(0), NOW + RETURN_MS - 1), ["a"]);
  assert.deepEqual(returning.take(node(0), NOW), []);
  assert.deepEqual(returning.take(node(1), NOW + RETURN_MS), []);
  for (let n = 0; n <= RETURNING_MAX; n++) returning.keep(node(n), ["x"], NOW);
  assert.deepEqual([returning.take(node(0), NOW), returning.take(node(1), NOW)], [[], ["x"]]);
});

Deno.test("names: a key is told by the name that came up; the least used are forgotten", () => {
  const names = new NamesKnown(100), key = names.learn("math.add");
  assert.deepEqual([key, names.nameOf(key), names.nameOf("00")], [toHex(keyOfName("math.add")), "math.add", undefined]);
  for (let n = 0; n < 100; n++) names.learn(`n${n}`);
  assert.equal(names.nameOf(key), undefined);
  for (let n = 0; n < 150; n++) {
    names.learn("math.add");
    names.learn(`m${n}`);
  }
  assert.equal(names.nameOf(key), "math.add", "what comes up again and again is told for as long");
});

Deno.test("ids: 32 bytes, 64 hex digits, and anything else by its hash", () => {
  const raw = idOf("x"), digits = utf8(toHex(raw)), other = readWireId(utf8("peer-1"))!;
  assert.deepEqual([readWireId(raw)!.node, readWireId(digits)!.node], [toHex(raw), toHex(raw)]);
  assert.deepEqual(readWireId(digits)!.wire, digits);
  assert.deepEqual([other.bytes.length, other.wire], [32, utf8("peer-1")]);
  assert.equal(readWireId(new Uint8Array(0)), undefined);
  assert.equal(readWireId(utf8("g".repeat(64)))!.bytes.length, 32);
});

Deno.test("allow: lists of actions and patterns; what cannot be read says how it is written", () => {
  const rights = parseAllow(["publish:sensor.**", "subscribe:light.*", "call:math.#"]);
  assert.deepEqual(rights, { publish: ["sensor.**"], subscribe: ["light.*"], call: ["math.**"], advertise: [] });
  assert.deepEqual([
    may(rights, "publish", "sensor.a b"),
    may(rights, "subscribe", "light.**"),
    may(rights, "advertise", "a"),
  ], [
    true,
    false,
    false,
  ]);
  assert.deepEqual(parseAllow().advertise, ["**"]);
  assert.deepEqual(parseAllow([]).publish, []);
  for (const entry of ["publish", "read:a", "publish:a..b", ":a"]) assert.throws(() => parseAllow([entry]), /Cannot /);
  assert.throws(() => parseAllow(Array(257).fill("call:a")), /at most 256 entries, got 257/);
});

Deno.test("json: values of the original as JSON", () => {
  const value = new Map<string, Uint8Array | number | readonly Uint8Array[]>([
    ["text", utf8("ü")],
    ["n", 1],
    ["bytes", Uint8Array.of(255)],
    ["list", [utf8("a")]],
  ]);
  assert.deepEqual(jsonOf(value), { text: "ü", n: 1, bytes: "/w==", list: ["a"] });
  assert.deepEqual([isJson(utf8("{}")), isJson(utf8("no")), isJson(Uint8Array.of(255))], [true, false, false]);
});

Deno.test("guest: requests and foreign patterns are bounded", () => {
  const guest = new Guest(readWireId(idOf("a"))!, {
    rights: parseAllow(),
    realm: REALM,
    hub: readWireId(idOf("hub"))!,
    hubEndpoint: "hub:1",
    random: seededRandom("guest"),
    repeats: new Repeats(),
    spelled: (node) => node,
  });
  const request = (n: number): Message => (
    {
      kind: "rpcRequest",
      requestId: fromHex(n.toString(16).padStart(32, "0")),
      procedure: "a.b",
      args: utf8("1"),
      fromNode: idOf("a"),
    }
  );
  for (let n = 0; n < REQUESTS_MAX; n++) guest.fromClient(1, request(n), NOW);
  const [refusal] = guest.fromClient(1, request(REQUESTS_MAX), NOW);
  assert(refusal?.kind === "write" && refusal.message.kind === "rpcReply");
  assert.equal(refusal.message.error, "overloaded");
  const topics = Array.from({ length: FOREIGN_PATTERNS_MAX + 1 }, (_, n) => `odd ${n}`);
  const effects = guest.fromClient(1, { kind: "subscribe", topics, qos: 0 }, NOW);
  assert.deepEqual(effects, [{
    kind: "refused",
    code: "too_many_subscriptions",
    about: `odd ${FOREIGN_PATTERNS_MAX}`,
  }]);
});

Deno.test("lookups: one at a time, remembered; a late answer is not taken for the next one's", () => {
  const lookups = new Lookups(),
    reply = (...names: string[]): Message & { kind: "findValueReply" } => (
      { kind: "findValueReply", value: names.map((name) => record({ node_id: idOf(name) })) }
    );
  const kinds = (steps: readonly { kind: string }[]) => steps.map(({ kind }) => kind);
  assert.deepEqual(kinds(lookups.want("a", NOW)), ["ask"]);
  assert.deepEqual(lookups.want("a", NOW), []);
  assert.deepEqual(lookups.want("b", NOW), []);
  assert.deepEqual(lookups.onReply(reply("x"), NOW).slice(0, 1), [{
    kind: "found",
    procedure: "a",
    nodes: [idOf("x")],
  }]);
  assert.deepEqual(lookups.want("a", NOW + FOUND_MS - 1), [{ kind: "found", procedure: "a", nodes: [idOf("x")] }]);
  assert.deepEqual(lookups.onTimer(0), []); // the first one is answered
  assert.deepEqual(lookups.onTimer(1), [{ kind: "found", procedure: "b", nodes: [] }, { kind: "part" }]);
  assert.deepEqual(lookups.want("c", NOW), []); // not before what may come late is parted from it
  assert.deepEqual(lookups.onReply(reply("late"), NOW), []);
  assert.deepEqual(kinds(lookups.parted()), ["ask"]);
  assert.deepEqual(lookups.onReply(reply("y"), NOW), [{ kind: "found", procedure: "c", nodes: [idOf("y")] }]);
  lookups.forget("c");
  assert.deepEqual(kinds(lookups.want("c", NOW)), ["ask"]);
});

Deno.test("confirmations: a PONG confirms; without it the frames go again, three times in all", () => {
  const confirmations = new Confirmations<string>(), subscribe: Message = { kind: "subscribe", topics: ["a"], qos: 0 };
  const first = confirmations.ask([subscribe], [subscribe], (isTaken) => [String(isTaken)], NOW);
  assert.deepEqual(first, {
    messages: [subscribe, { kind: "ping", timestamp: NOW }],
    stamp: NOW,
    afterMs: CONFIRM_MS[0],
  });
  assert.deepEqual([confirmations.onPong(NOW), confirmations.onPong(NOW), confirmations.size], [["true"], [], 0]);
  let ask = confirmations.ask([subscribe], [], (isTaken) => [String(isTaken)], NOW);
  for (let attempt = 1; attempt < CONFIRM_MS.length; attempt++) {
    const next = confirmations.onTimer(ask.stamp, NOW);
    assert("messages" in next);
    assert.deepEqual([next.messages.map(({ kind }) => kind), next.afterMs], [["ping"], CONFIRM_MS[attempt]]);
    ask = next;
  }
  assert.deepEqual(confirmations.onTimer(ask.stamp, NOW), ["false"]);
  assert.equal(confirmations.size, 0);
});

Deno.test("uplink: many topics go in small frames; a gateway that is silent is lost; what counts is said again", () => {
  const options = {
    self: idOf("me"),
    realm: REALM,
    gateway: "gw:1",
    random: seededRandom("uplink"),
    repeats: new Repeats(),
  };
  const uplink = new Uplink(options), topics = Array.from({ length: 200 }, (_, n) => `sensor.number${n}.measured`);
  const written = (effects: readonly { kind: string; message?: Message }[]) =>
    effects.filter(({ kind }) => kind === "write").map(({ message }) => message!);
  const frames = written(uplink.fromMesh({ kind: "subscribe", topics, qos: 0, requestId: 1 }, NOW));
  assert.deepEqual(frames.flatMap((frame) => frame.kind === "subscribe" ? frame.topics : []), topics);
  for (const frame of frames) assert(encodeFrame(frame).length < 1_200, "it fits into one packet");
  assert.equal(frames.at(-1)!.kind, "ping");

  uplink.fromMesh({ kind: "advertise", requestId: 2, procedures: ["a.b", "c.d"] }, NOW);
  uplink.fromMesh({ kind: "unadvertise", requestId: 3, procedures: ["c.d"] }, NOW);
  uplink.fromMesh({ kind: "unsubscribe", topics: topics.slice(1) }, NOW);
  // All of it: a gateway that has crashed forgets who we are and what we want, and does not say so.
  assert.deepEqual(
    written(uplink.onTimer({ type: "renew" }, NOW)).map((one) => [
      one.kind,
      one.kind === "store" ? toHex(one.key) : one.kind === "subscribe" ? one.topics : undefined,
    ]),
    [["connect", undefined], ["subscribe", topics.slice(0, 1)], ["store", toHex(keyOfName("a.b"))]],
  );

  let effects = uplink.onTimer({ type: "keepAlive" }, NOW);
  for (let i = 0; i < CONFIRM_MS.length; i++) {
    const timer = effects.find((one) => one.kind === "timer" && one.timer.type === "confirm");
    assert(timer?.kind === "timer");
    effects = uplink.onTimer(timer.timer, NOW);
  }
  assert.deepEqual(effects, [{ kind: "lost" }]);
});

/** An established link: lanes, pings, large frames, broken peers. @module */

import assert from "node:assert/strict";
import { FrameSource } from "../../src/link/frame_source.ts";
import { LinkReader } from "../../src/link/link_reader.ts";
import { incomingOf } from "../../src/link/streams/arrivals.ts";
import type { Connection } from "../../src/transport/transport.ts";
import { Subscription } from "../../src/mesh/subscription.ts";
import { Decoder, encodeFrame, type Message, type Publish } from "../../src/wire/mod.ts";
import { until } from "../conformance/deadline.ts";
import { Ear, event, linked, linkOver } from "./pair.ts";
import { passing, World } from "./world.ts";

Deno.test("link: messages arrive in the order of their lane, and are counted", async () => {
  const world = await World.open(), { edge, hub, hubEar } = await linked(world);
  for (let i = 0; i < 100; i++) assert.equal(edge.send(event(`t.${i}`), "events"), true);
  edge.send({ kind: "unsubscribe", topics: ["x"] }, "control");
  edge.send({ kind: "rpcCancel", requestId: new Uint8Array(16) }, "calls");
  await world.timers.run(0);
  assert.deepEqual(hubEar.topics, Array.from({ length: 100 }, (_, i) => `t.${i}`));
  assert.deepEqual([edge.messages.sent, hub.messages.received], [102, 102]);
  assert(edge.bytes.sent > 1_000 && hub.bytes.received >= edge.bytes.sent);
  assert.equal(edge.queuedBytes, 0);
});

Deno.test("link: a message that cannot be written is an error for its sender and nothing else", async () => {
  const world = await World.open(), { edge, hubEar } = await linked(world);
  edge.send(event("before"), "events");
  assert.throws(() => edge.send({ kind: "publish", topic: "x" } as never, "events"));
  edge.send(event("after"), "events");
  await world.timers.run(0);
  assert.deepEqual(hubEar.topics, ["before", "after"]);
});

Deno.test("link: pings measure the round trip, each its own", async () => {
  const world = await World.open({ latencyMs: (from) => from === "edge" ? 30 : 50 });
  const { edge, hub } = await linked(world), late = () => new Error("late");
  const first = edge.ping(5_000, late), second = edge.ping(5_000, late);
  assert.deepEqual([await passing(world.timers, first), await passing(world.timers, second)].map(Math.round), [80, 80]);
  await world.timers.run(1);
  const third = edge.ping(5_000, late), fourth = hub.ping(5_000, late), fifth = edge.ping(5_000, late);
  await passing(world.timers, Promise.all([third, fourth, fifth]));
  assert.deepEqual([edge.rttMs, hub.rttMs].map((ms) => Math.round(ms!)), [80, 80]);
  const silent = assert.rejects(edge.ping(50, late), /late/);
  await world.timers.run(1_000);
  await silent;
  edge.close("done");
  await world.timers.run(1_000);
  await assert.rejects(edge.ping(50, late), { code: "connection_lost" });
  assert.equal(world.timers.outstanding, 0, "no timer is left behind");
});

Deno.test("link: a ping on its way ends with the link", async () => {
  const world = await World.open(), [near, far] = await world.welcomed();
  const edge = linkOver(world, near);
  edge.start();
  const ping = assert.rejects(edge.ping(60_000, () => new Error("late")), { code: "connection_lost" });
  far.connection.close(9, "gone");
  await world.timers.run(0);
  await ping;
  assert.equal(world.timers.outstanding, 0);
});

Deno.test("link: the dialler keeps it alive, once in 30 s", async () => {
  const world = await World.open(), { edge, hub } = await linked(world);
  await world.timers.run(100_000);
  assert.deepEqual([hub.messages.received, edge.messages.received], [3, 3]);
});

Deno.test("link: a malformed frame ends it with a reason, and no other link", async () => {
  const world = await World.open(), other = await linked(world), { hubEar, far, near } = await linked(world);
  const stream = (await near.connection.openSend()).getWriter();
  await stream.write(encodeFrame(event("good")));
  await stream.write(Uint8Array.of(9, 9, 9, 9, 0, 0, 0, 1, 0));
  await world.timers.run(0);
  assert.deepEqual(hubEar.topics, ["good"]);
  assert.deepEqual([hubEar.ends.length, hubEar.ends[0]!.code, hubEar.ends[0]!.orderly], [1, "malformed_frame", false]);
  assert.match(hubEar.ends[0]!.text, /its version is 1, got 9/);
  assert.equal((await passing(world.timers, far.connection.closed)).by, "remote", "the peer read why and left");
  assert.equal(other.hub.open && other.edge.open, true);
  other.edge.send(event("still"), "events");
  await world.timers.run(0);
  assert.deepEqual(other.hubEar.topics, ["still"]);
});

Deno.test("link: the peer of a link that is broken off hears the code and the sentence", async () => {
  const world = await World.open(), { hub, edgeEar, hubEar } = await linked(world);
  hub.breakOff("disconnected", "go away");
  hub.breakOff("disconnected", "twice is once");
  await world.timers.run(200);
  const end = { code: "disconnected", text: "go away", orderly: false };
  assert.deepEqual([hubEar.ends, edgeEar.ends], [[end], [end]]);
  assert.equal(hub.send(event("x"), "events"), false);
});

Deno.test("link: an end in the middle of a frame breaks the protocol", async () => {
  const world = await World.open(), { hubEar, near } = await linked(world);
  const stream = (await near.connection.openSend()).getWriter();
  await stream.write(encodeFrame(event("x")).subarray(0, 20));
  await stream.close();
  await world.timers.run(0);
  assert.equal(hubEar.ends[0]?.code, "malformed_frame");
});

Deno.test("link: a connection that breaks is lost, one that goes silent times out", async () => {
  const world = await World.open(), { edgeEar, hubEar, near } = await linked(world);
  near.connection.close(5, "crash");
  await world.timers.run(0);
  assert.deepEqual([edgeEar.ends.length, hubEar.ends.length, hubEar.ends[0]!.orderly], [1, 1, false]);
  const silent = await linked(world);
  world.network.cut("edge", "hub");
  await world.timers.run(15_000);
  assert.deepEqual([silent.edgeEar.ends.length, silent.hubEar.ends.length], [1, 1]);
});

Deno.test("link: hears that the hub will go, and forgets errors about one request", async () => {
  const world = await World.open(), { hub, edgeEar, edge } = await linked(world);
  hub.send({ kind: "goingAway", reason: "shutdown", withinMs: 100 }, "control");
  hub.send({ kind: "error", code: "x", text: "y", about: Uint8Array.of(1) }, "control");
  await world.timers.run(0);
  assert.deepEqual([edgeEar.leaving, edge.open], [["shutdown"], true]);
});

Deno.test("link: two-way streams beyond the first are refused", async () => {
  const world = await World.open(), { near, hub } = await linked(world);
  const { readable, writable } = await near.connection.openBidi();
  await writable.getWriter().write(Uint8Array.of(1));
  assert.equal((await passing(world.timers, readable.getReader().read())).done, true);
  assert.equal(hub.open, true);
});

Deno.test("link: more open streams than a peer may have end it", async () => {
  const streams = Array.from({ length: 17 }, () => new ReadableStream<Uint8Array>()), told: string[] = [];
  const connection = { incomingSend: ReadableStream.from(streams), incomingBidi: ReadableStream.from([]) };
  const owner = {
    onMessage() {},
    pause: () => undefined,
    read() {},
    tooManyStreams: (text: string) => void told.push(text),
    failed: (error: unknown) => void told.push(String(error)),
  };
  const options = { frameBytesMax: 1 << 20, decoder: new Decoder() };
  const reader = new LinkReader(incomingOf(connection as unknown as Connection), options, owner);
  void reader.start(new FrameSource(new ReadableStream(), 1 << 20));
  await until(() => told.length > 0, "the end");
  assert.deepEqual(told, ["Cannot read on: a peer has at most 16 streams open, got more"]);
  reader.stop();
});

Deno.test("link: who waits for what has come has it before the stream is asked for more", async () => {
  const heard: string[] = [], frames = ["a", "b"].map((topic) => encodeFrame(event(topic)));
  const lane = new ReadableStream<Uint8Array<ArrayBuffer>>({
    type: "bytes",
    autoAllocateChunkSize: 2_048,
    pull(controller) {
      const { byobRequest: request } = controller as ReadableByteStreamController;
      const frame = frames.shift(), view = request!.view as Uint8Array;
      heard.push("asked");
      if (frame === undefined) return new Promise(() => {});
      view.set(frame);
      request!.respond(frame.length);
    },
  });
  const ready = Promise.resolve({ confirmed: 1, asked: 1 }), nobody = { drained() {}, overflowed() {} };
  const subscription = new Subscription<unknown>("*", ready, {}, { ...nobody, closed: () => Promise.resolve() });
  void (async () => {
    for await (const { topic } of subscription) heard.push(topic);
  })();
  const connection = { incomingSend: ReadableStream.from([lane]), incomingBidi: ReadableStream.from([]) };
  const owner = {
    onMessage: (message: Message) => subscription.push(message as Publish),
    pause: () => undefined,
    read() {},
    tooManyStreams: assert.fail,
    failed: (error: unknown) => assert.fail(String(error)),
  };
  const options = { frameBytesMax: 1 << 20, decoder: new Decoder() };
  const reader = new LinkReader(incomingOf(connection as unknown as Connection), options, owner);
  void reader.start(new FrameSource(new ReadableStream(), 1 << 20));
  await until(() => heard.length === 5, "two events");
  assert.deepEqual(heard, ["asked", "a", "asked", "b", "asked"]);
  reader.stop();
});

Deno.test("link: a large event keeps its place in its topic and holds up no other", async () => {
  const world = await World.open({ latencyMs: () => 10 }), { edge, hubEar } = await linked(world);
  edge.send(event("big.a", 600_000), "events");
  edge.send(event("big.a"), "events");
  edge.send(event("other"), "events");
  edge.send(event("big.a", 70_000), "events");
  edge.send(event("big.a", 2), "events");
  await world.timers.run(15);
  assert.deepEqual(hubEar.topics, ["other"]);
  await world.timers.run(1_000);
  const sizes = hubEar.messages.flatMap((one) => one.kind === "publish" ? [[one.topic, one.payload.length]] : []);
  assert.deepEqual(sizes, [["other", 1], ["big.a", 600_000], ["big.a", 1], ["big.a", 70_000], ["big.a", 2]]);
  assert.equal(edge.queuedBytes, 0);
});

Deno.test("link: hundreds of large frames at once arrive whole and in order, in both lanes", async () => {
  const world = await World.open(), { edge, hubEar } = await linked(world);
  const requestId = (i: number) => new Uint8Array(16).fill(i);
  for (let i = 0; i < 200; i++) {
    edge.send(event("big", 66_000 + i), "events");
    const call = { kind: "rpcRequest", procedure: "p", fromNode: new Uint8Array(32), requestId: requestId(i) } as const;
    if (i < 100) edge.send({ ...call, args: new Uint8Array(67_000) }, "calls");
    edge.send({ kind: "rpcCancel", requestId: requestId(i) }, "calls");
  }
  await world.timers.run(100);
  const sizes = hubEar.messages.flatMap((one) => one.kind === "publish" ? [one.payload.length] : []);
  assert.deepEqual(sizes, Array.from({ length: 200 }, (_, i) => 66_000 + i));
  for (let i = 0; i < 100; i++) {
    const call = hubEar.messages.findIndex((one) => one.kind === "rpcRequest" && one.requestId[0] === i);
    const cancel = hubEar.messages.findIndex((one) => one.kind === "rpcCancel" && one.requestId[0] === i);
    assert(call >= 0 && call < cancel, `call ${i} before its cancel`);
  }
  assert.deepEqual(hubEar.ends, []);
});

Deno.test("link: large answers do not wait for each other", async () => {
  const world = await World.open(), [near, far] = await world.welcomed(), ear = new Ear();
  const edge = linkOver(world, near, { owner: ear });
  edge.start();
  const control = far.controlWriter, order = new Uint8Array(0);
  for (const reference of [1, 2]) await control.write(encodeFrame({ kind: "elsewhere", reference, order }));
  const reply = { kind: "rpcReply", fromNode: new Uint8Array(32), requestId: new Uint8Array(16) } as const;
  const stalled = (await far.connection.openSend()).getWriter(), second = (await far.connection.openSend()).getWriter();
  await stalled.write(encodeFrame({ kind: "elsewhere", reference: 1 }));
  await second.write(encodeFrame({ kind: "elsewhere", reference: 2 }));
  await second.write(encodeFrame({ ...reply, result: new Uint8Array(2) }));
  await world.timers.run(0);
  assert.equal(ear.messages.length, 1);
});

/** Events that share a frame (0xB4): what is written is read again, in order, and nothing else is read. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { concatBytes } from "../../src/base/bytes.ts";
import { decodeFrame, Decoder, encodeFrame, encodeMessage } from "../../src/wire/codec.ts";
import { FrameReader } from "../../src/wire/frame.ts";
import { MalformedFrame } from "../../src/wire/malformed_frame.ts";
import {
  briefEvents,
  type Burst,
  BURST_BYTES_MAX,
  BURST_BYTES_WRITTEN,
  burstEvents,
  EventWriter,
  sharesFrame,
} from "../../src/wire/messages/burst.ts";
import type { Publish } from "../../src/wire/messages/pubsub.ts";
import { Writer } from "../../src/wire/writer.ts";
import { bare } from "./arbitraries.ts";

/** The id that ends in `number`. */
function idOf(number: number, first = 0x11): Uint8Array {
  const id = new Uint8Array(16).fill(first);
  new DataView(id.buffer).setUint32(12, number);
  return id;
}

function event(number: number, fields: Partial<Publish> = {}): Publish {
  const publisher = new Uint8Array(32).fill(0x22), payload = Uint8Array.of(7, 8);
  const head = { kind: "publish", topic: "a.b", payload, qos: 0, retain: false, encoding: "json" } as const;
  return { ...head, messageId: idOf(number), publisher, at: 0x0102_0304_0506, ...fields };
}

/** As a lane writes them. */
function written(events: readonly Publish[]): Uint8Array {
  const writer = new Writer(8), out = new EventWriter();
  for (const one of events) if (!out.append(writer, one)) encodeMessage(one, writer);
  return writer.copy();
}

function framesOf(bytes: Uint8Array): Uint8Array[] {
  const reader = new FrameReader(), frames: Uint8Array[] = [];
  reader.push(bytes);
  for (let frame = reader.next(); frame !== undefined; frame = reader.next()) frames.push(frame);
  reader.end();
  return frames;
}

function eventsIn(bytes: Uint8Array): Publish[] {
  const decoder = new Decoder();
  return framesOf(bytes).flatMap((frame) => {
    const message = decoder.decode(frame);
    if (message.kind !== "burst") return [message as Publish];
    const events = burstEvents(message), brief = briefEvents(message);
    assert.deepEqual(brief.map(named), events.map(named), "the same for who looks at them later");
    return events;
  });
}

/** What somebody reads of an event. */
function named({ kind, topic, payload, qos, retain, messageId, publisher, encoding, at, ...rest }: Publish) {
  const { acknowledge, headers, proof, originProof, claimed } = rest as Partial<Publish>;
  const others = { acknowledge, headers, proof, originProof, claimed };
  return { kind, topic, payload, qos, retain, messageId, publisher, encoding, at, ...others };
}

/** How many events are in each frame; 0 for one by itself. */
function shape(events: readonly Publish[]): number[] {
  return framesOf(written(events)).map((frame) => {
    const message = decodeFrame(frame);
    return message.kind === "burst" ? message.count : 0;
  });
}

Deno.test("burst: its layout, byte for byte", () => {
  const payloads = [Uint8Array.of(7), new Uint8Array(0), Uint8Array.of(8, 9)];
  const events = payloads.map((payload, i) => event(5 + i, { payload, at: 0x0102_0304_0506 + i }));
  const head = [1, 0xb4, 0, 0, 0, 0, 0, 71, 0b100, 3, 1, 2, 3, 4, 5, 6];
  const rest = [...idOf(5), ...events[0]!.publisher!, 0x61, 0x2e, 0x62, 0, 1, 0, 7, 0, 0, 1, 0, 2, 2, 8, 9];
  const bytes = written(events);
  assert.deepEqual([...bytes], [...head, ...rest]);
  assert.deepEqual(eventsIn(bytes).map(bare), events);
  const burst = decodeFrame(bytes) as Burst;
  assert.deepEqual([burst.topic, burst.publisher, burst.count], ["a.b", events[0]!.publisher, 3]);
  assert.deepEqual(encodeFrame(burst), bytes, "forwarded as it came");
});

function mostly<T>(usual: T, ...others: T[]): fc.Arbitrary<T> {
  return fc.oneof({ weight: 20, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) });
}

/** Events of which many follow one another, and many do not for one reason or another. */
const series = fc.array(
  fc.record({
    topic: mostly("a.b", "c", "ü"),
    step: mostly(1, 0, 2, -1),
    laterMs: mostly(0, 1, 100, 255, 256, -1),
    publisher: mostly(1, 2),
    encoding: mostly("json", "bytes", "text"),
    qos: mostly(0, 1),
    acknowledge: mostly<true | undefined>(undefined, true),
    headers: mostly<string | undefined>(undefined, "{}"),
    bytes: fc.oneof({ weight: 20, arbitrary: fc.nat(300) }, {
      weight: 1,
      arbitrary: fc.constantFrom(0, 4_000, 4_096, 65_535, 65_536),
    }),
  }),
  { maxLength: 60 },
);

Deno.test("burst: any series of events is read as it was written", () => {
  const usual = { topic: "a.b", step: 1, laterMs: 0, publisher: 1, encoding: "json", qos: 0, bytes: 8 };
  fc.assert(fc.property(series, fc.integer({ min: 0xffff_fff0, max: 0xffff_fffc }), (steps, first) => {
    let number = first, at = 1_000;
    const events = [usual, usual, usual, ...steps].map(({ step, laterMs, publisher, bytes, ...rest }) => {
      number = (number + step) >>> 0;
      at += laterMs;
      const payload = new Uint8Array(bytes).fill(number), node = new Uint8Array(32).fill(publisher);
      return event(number, { ...rest, at, payload, publisher: node } as Partial<Publish>);
    });
    const bytes = written(events), read = eventsIn(bytes);
    assert.deepEqual(read.map(bare), events.map(bare));
    const keys = Object.keys(decodeFrame(encodeFrame(event(1))));
    for (const one of read) assert.deepEqual(Object.keys(one), keys, "one hidden class");
    assert.ok(bytes.length <= concatBytes(...events.map(encodeFrame)).length + 3 * events.length, "never much longer");
    assert.ok(framesOf(bytes).length < events.length, "the usual ones at the start share a frame");
  }));
});

Deno.test("burst: usual events share a frame when their ids follow one another, and only then", () => {
  const five = [1, 2, 3, 4, 5].map((number) => event(number));
  assert.deepEqual(shape(five), [5]);
  assert.deepEqual(shape([event(1), event(2), event(2), event(3)]), [2, 2]);
  const changes: Partial<Publish>[] = [
    { topic: "c" },
    { encoding: "bytes" },
    { publisher: new Uint8Array(32) },
    { acknowledge: true },
    { qos: 1 },
    { headers: "{}" },
    { retain: true },
    { messageId: idOf(3, 0x12) },
    { proof: new Uint8Array(96) },
    { claimed: true },
    { payload: new Uint8Array(BURST_BYTES_WRITTEN) },
  ];
  for (const change of changes) {
    const fits = (change.payload?.length ?? 0) < BURST_BYTES_WRITTEN, shares = fits && sharesFrame(event(3, change));
    assert.deepEqual(shape([event(1), event(2), event(3, change)]), [2, shares ? 1 : 0], JSON.stringify(change));
    const alike = shape([event(3, change), event(4, { ...change, messageId: idOf(4, change.messageId?.[0]) })]);
    assert.deepEqual(alike, shares ? [2] : [0, 0], JSON.stringify(change));
  }
  assert.deepEqual(shape([event(1), event(2), event(3, { at: event(1).at! + 255 })]), [3]);
  assert.deepEqual(shape([event(1), event(2), event(3, { at: event(1).at! + 256 })]), [2, 1]);
  assert.deepEqual(shape([event(1), event(2), event(3, { at: event(1).at! - 1 })]), [2, 1]);
  assert.deepEqual(shape([event(0xffff_ffff), event(0)]), [1, 1], "ids do not overflow");
});

Deno.test("burst: what stands between two events, or another buffer, ends it", () => {
  const writer = new Writer(8), out = new EventWriter(), one = encodeFrame(event(1));
  out.append(writer, event(1));
  out.close();
  encodeMessage({ kind: "missed", count: 3 }, writer);
  out.append(writer, event(2));
  const received = decodeFrame(one) as Publish;
  assert.equal(sharesFrame(received), false);
  assert.equal(out.append(writer, received), false, "one that has its bytes goes as it came");
  encodeMessage(received, writer);
  out.append(writer, event(2));
  const kinds = framesOf(writer.copy()).map((frame) => decodeFrame(frame).kind);
  assert.deepEqual(kinds, ["burst", "missed", "burst", "publish", "burst"]);
});

Deno.test("burst: its frames stay within the bound of writing, and those over the bound of reading are malformed", () => {
  const many = Array.from({ length: 500 }, (_, i) => event(i, { payload: new Uint8Array(i % 100) }));
  const frames = framesOf(written(many));
  assert.ok(frames.length < 20 && frames.every(({ length }) => length <= BURST_BYTES_WRITTEN), `${frames.length}`);
  assert.ok(frames.slice(0, -1).every(({ length }) => length > BURST_BYTES_WRITTEN - 103), "and are filled");
  const body = (bytes: number) => {
    const [frame] = framesOf(written([event(1)])), start = 67, long = new Uint8Array(start + 3 + bytes);
    long.set(frame!.subarray(0, start + 3));
    new DataView(long.buffer).setUint32(4, long.length - 8);
    new DataView(long.buffer).setUint16(start, bytes);
    return long;
  };
  const largest = decodeFrame(body(BURST_BYTES_MAX - 70)) as Burst;
  assert.deepEqual([largest.frame.length, largest.count], [BURST_BYTES_MAX, 1]);
  assert.throws(() => decodeFrame(body(BURST_BYTES_MAX - 69)), /at most 16384 bytes, got 16385$/);
});

Deno.test("burst: what is none of this version is malformed", () => {
  const frame = framesOf(written([event(2), event(3)]))[0]!, { length } = frame;
  const cut = (to: number) => {
    const short = frame.slice(0, to);
    short[7] = to - 8;
    return short;
  };
  const changed = (at: number, byte: number) => frame.with(at, byte);
  const broken: readonly [Uint8Array, RegExp][] = [
    [changed(8, 1), /flags of this version, got 1$/],
    [changed(8, 0b1100), /flags of this version/],
    [changed(9, 200), /holds its topic and an event/],
    [changed(64, 0x80), /ASCII/],
    [changed(68, 3), /ends behind an event/],
    [changed(67, 1), /ends behind an event/],
    [cut(length - 1), /ends behind an event/],
    [cut(length - 3), /ends behind an event/],
    [cut(length - 4), /ends behind an event/],
    [cut(67), /holds its topic and an event/],
    [cut(30), /holds its topic and an event/],
    [frame.with(28, 0xff).with(29, 0xff).with(30, 0xff).with(31, 0xff), /do not overflow/],
  ];
  for (const [bytes, sentence] of broken) {
    for (const decoder of [new Decoder(), new Decoder({ cachedTexts: 0 })]) {
      assert.throws(
        () => decoder.decode(bytes),
        (error) => error instanceof MalformedFrame && sentence.test(error.message),
        String(sentence),
      );
    }
  }
  assert.equal((decodeFrame(cut(length - 5)) as Burst).count, 1, "one event less is whole again");
});

Deno.test("burst: what follows in the chunk is left alone", () => {
  const frame = framesOf(written([event(2), event(3)]))[0]!, chunk = new Uint8Array(frame.length + 9).fill(0);
  chunk.set(frame);
  const alone = decodeFrame(frame) as Burst, inside = new Decoder().decode(chunk) as Burst;
  assert.deepEqual(inside, alone);
  assert.deepEqual(burstEvents(inside), burstEvents(alone));
});

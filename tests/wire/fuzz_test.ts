/** Mutated and truncated frames: only MalformedFrame, in bounded memory. @module */

/** Frames that are broken at random, from a seed: `SEED=… deno test` replays. Nothing but MalformedFrame may come out. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { type Random, randomInteger, seededRandom } from "../../src/base/random.ts";
import { Decoder, encodeFrame, SCHEMAS } from "../../src/wire/codec.ts";
import { EVENT_ID } from "../../src/wire/messages/event.ts";
import { BURST_ID, burstEvents, EventWriter } from "../../src/wire/messages/burst.ts";
import { ANSWER_ID, QUESTION_ID } from "../../src/wire/messages/question.ts";
import { FrameReader } from "../../src/wire/frame.ts";
import { MalformedFrame } from "../../src/wire/malformed_frame.ts";
import { Writer } from "../../src/wire/writer.ts";
import type { Message } from "../../src/wire/message.ts";
import { decodeValue } from "../../src/wire/msgpack.ts";
import { messageOf, usualPublish, usualReply, usualRequest } from "./arbitraries.ts";

const SEED = Deno.env.get("SEED") ?? "macula";
const FRAMES = 100_000;
const STREAMS = 5_000;
/** What reading one frame may add to the heap: its bytes are 1 MiB. */
const HEAP_BYTES_MAX = 48 << 20;
/** Types whose frames are read. */
const TYPES = [...SCHEMAS.map(({ id }) => id), EVENT_ID, QUESTION_ID, ANSWER_ID, BURST_ID];
/** Type bytes that change the meaning of what follows. */
const TELLING = [
  0x80,
  0x8f,
  0x90,
  0x9f,
  0xa0,
  0xbf,
  0xc0,
  0xc1,
  0xc4,
  0xc6,
  0xc7,
  0xcb,
  0xcf,
  0xd3,
  0xd4,
  0xdb,
  0xdd,
  0xdf,
  0xff,
];

Deno.test(`fuzz: ${FRAMES} mutated and truncated frames, seed ${SEED}`, () => {
  const random = seededRandom(`${SEED}/frames`), corpus = makeCorpus(), decoder = new Decoder();
  let read = 0, refused = 0;
  for (let i = 0; i < FRAMES; i++) {
    const frame = mutate(corpus[i % corpus.length]!, random);
    const message = expectMalformed(() => decoder.decode(frame), frame);
    if (message === undefined) refused++;
    else {
      read++;
      if (i % 10 === 0) writeAgain(message, frame);
    }
  }
  assert(read > FRAMES / 20 && refused > FRAMES / 20, `${read} read, ${refused} refused`);
});

Deno.test("fuzz: any bytes as a payload of any type, and as a value", () => {
  const random = seededRandom(`${SEED}/payloads`), decoder = new Decoder({ cachedTexts: 0 });
  for (let i = 0; i < 20_000; i++) {
    const payload = random.bytes(randomInteger(random, 60));
    for (let n = 0; n < payload.length; n += 3) payload[n] = TELLING[payload[n]! % TELLING.length]!;
    const frame = new Uint8Array(8 + payload.length);
    frame.set([1, TYPES[i % TYPES.length]!, 0, 0, 0, 0, 0, payload.length]);
    frame.set(payload, 8);
    expectMalformed(() => decoder.decode(frame), frame);
    expectMalformed(() => decodeValue(payload), payload);
  }
});

Deno.test(`fuzz: ${STREAMS} streams of broken frames in any chunks`, () => {
  const random = seededRandom(`${SEED}/streams`), corpus = makeCorpus(), decoder = new Decoder();
  for (let i = 0; i < STREAMS; i++) {
    const reader = new FrameReader({ frameBytesMax: 4096 }), chunkMax = 1 + randomInteger(random, i % 2 ? 20 : 2000);
    let fed = 0, given = 0;
    const feed = (bytes: Uint8Array) => {
      for (let at = 0; at < bytes.length;) {
        const chunk = bytes.subarray(at, at += 1 + randomInteger(random, chunkMax));
        fed += chunk.length;
        reader.push(chunk);
        for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
          given += frame.length;
          const whole = frame;
          expectMalformed(() => decoder.decode(whole), whole);
        }
        assert.equal(given + reader.pendingBytes, fed);
        assert(reader.pendingBytes < reader.frameBytesMax);
      }
    };
    for (let n = 0; n < 5; n++) {
      const frame = mutate(corpus[randomInteger(random, corpus.length)]!, random);
      if (expectMalformed(() => (feed(frame), true), frame) === undefined) break; // too large: the link would close
    }
  }
});

Deno.test("fuzz: a frame of 1 MiB takes bounded memory whatever it holds", () => {
  const decoder = new Decoder(), kept: unknown[] = [];
  // A map of one entry, at its key; the same at the value of an unknown key; a list of as many elements as may be.
  const heads = ["81", "81c40161", "81c40161dd0000fff0"].map((hex) => Uint8Array.fromHex(hex));
  for (const id of TYPES) {
    for (const byte of TELLING) {
      for (const head of heads) {
        const frame = new Uint8Array(1 << 20).fill(byte);
        frame.set([1, id, 0, 0, 0x00, 0x0f, 0xff, 0xf8]);
        frame.set(head, 8);
        const before = Deno.memoryUsage().heapUsed;
        kept[0] = expectMalformed(() => decoder.decode(frame), frame.subarray(0, 32));
        const grown = Deno.memoryUsage().heapUsed - before;
        assert(grown < HEAP_BYTES_MAX, `${grown} bytes for ${id} ${byte}`);
      }
    }
  }
});

/** A few frames of each kind. */
function makeCorpus(): Uint8Array[] {
  const kinds: { id: number; any: fc.Arbitrary<Message> }[] = [
    ...SCHEMAS.map((schema) => ({ id: schema.id, any: messageOf(schema) })),
    { id: EVENT_ID, any: usualPublish },
    { id: QUESTION_ID, any: usualRequest },
    { id: ANSWER_ID, any: usualReply },
  ];
  const frames = kinds.flatMap(({ id, any }) => fc.sample<Message>(any, { seed: id, numRuns: 5 }).map(encodeFrame));
  const corpus = [...frames, ...[1, 2, 3, 8, 20].map(burstOf)], decoder = new Decoder();
  for (const frame of corpus) decoder.decode(frame); // none is broken yet
  return corpus;
}

/** A burst of so many events. */
function burstOf(count: number): Uint8Array {
  const [usual] = fc.sample(usualPublish, { seed: count, numRuns: 1 }), writer = new Writer(), out = new EventWriter();
  for (let i = 0; i < count; i++) {
    const messageId = new Uint8Array(16).with(15, i), payload = new Uint8Array(i);
    out.append(writer, { ...usual!, qos: 0, acknowledge: undefined as never, messageId, payload });
  }
  return writer.copy();
}

/** What `action` gives; `undefined` when it threw MalformedFrame. Any other error fails the test. */
function expectMalformed<T>(action: () => T, bytes: Uint8Array): T | undefined {
  try {
    return action();
  } catch (error) {
    if (error instanceof MalformedFrame) return undefined;
    throw new Error(`SEED=${SEED}: ${error} from ${bytes.toHex().slice(0, 2000)}`, { cause: error });
  }
}

/** What could be read can be written. */
function writeAgain(message: Message, frame: Uint8Array): void {
  if (message.kind === "unknown") return;
  if (message.kind === "burst") return burstEvents(message).forEach((event) => writeAgain(event, frame));
  const copy = { ...message } as Record<string, unknown>;
  delete copy["frame"];
  try {
    encodeFrame(copy as unknown as Message);
  } catch (error) {
    throw new Error(`SEED=${SEED}: ${error} from ${frame.toHex().slice(0, 2000)}`, { cause: error });
  }
}

/** A copy with one to four faults; two of three times the header's length is set right again. */
function mutate(original: Uint8Array, random: Random): Uint8Array {
  let bytes = original.slice();
  for (let faults = 1 + randomInteger(random, 4); faults > 0; faults--) {
    const at = randomInteger(random, bytes.length);
    switch (randomInteger(random, 6)) {
      case 0:
        bytes[at] = randomInteger(random, 256);
        break;
      case 1:
        bytes[at] = TELLING[randomInteger(random, TELLING.length)]!;
        break;
      case 2:
        bytes[at]! ^= 1 << randomInteger(random, 8);
        break;
      case 3:
        bytes = bytes.slice(0, at);
        break;
      case 4:
        bytes = insert(bytes, at, random.bytes(1 + randomInteger(random, 8)));
        break;
      case 5:
        bytes = insert(bytes, at, bytes.slice(at, at + randomInteger(random, 40)));
        break;
    }
    if (bytes.length === 0) return bytes;
  }
  if (bytes.length >= 8 && random.number() < 0.67) {
    bytes[0] = 1;
    new DataView(bytes.buffer).setUint32(4, bytes.length - 8);
  }
  return bytes;
}

function insert(bytes: Uint8Array, at: number, what: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(bytes.length + what.length);
  out.set(bytes.subarray(0, at));
  out.set(what, at);
  out.set(bytes.subarray(at), at + what.length);
  return out;
}

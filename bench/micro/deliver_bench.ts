/** An edge without a network: from the bytes of a stream to the line of an application that reads its subscription. @module */

import { concatBytes } from "../../src/base/bytes.ts";
import { Mesh } from "../../src/mesh/mesh.ts";
import { SILENT } from "../../src/mesh/options.ts";
import { encodeFrame, EventWriter, nextId, Writer } from "../../src/wire/mod.ts";
import { attachFake, lonelySettings } from "./fake_link.ts";
import { publish } from "./messages.ts";

/** What a hub answers to who subscribes: the interest is known, and nothing is kept. */
const ANSWERS = concatBytes(
  encodeFrame({ kind: "suback", requestId: 1 }),
  encodeFrame({ kind: "recalled", requestId: 1 }),
);
/** Events in a run: about what the network gives at once. */
const EVENTS = 256;

class LonelyEdge extends Mesh {
  /** From now on the hub sends what `stream` gives. */
  listenTo(stream: ReadableStream<Uint8Array>): void {
    attachFake(this.node, 1, { hub: true, says: [stream] });
  }
}

/** Bytes that are read as those of QUIC are: into memory that is given. */
class Bytes {
  readonly stream: ReadableStream<Uint8Array>;
  #wake: () => void = () => {};
  #bytes: Uint8Array = new Uint8Array(0);

  constructor() {
    this.stream = new ReadableStream({
      type: "bytes",
      autoAllocateChunkSize: 64 << 10,
      pull: async (controller) => {
        if (this.#bytes.length === 0) await new Promise<void>((resolve) => this.#wake = resolve);
        const { view } = controller.byobRequest!,
          room = new Uint8Array(view!.buffer, view!.byteOffset, view!.byteLength);
        const length = Math.min(room.length, this.#bytes.length);
        room.set(this.#bytes.subarray(0, length));
        this.#bytes = this.#bytes.subarray(length);
        controller.byobRequest!.respond(length);
      },
    });
  }

  give(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#wake();
  }
}

for (const encoding of ["bytes", "json"]) {
  for (const share of [true, false]) {
    const edge = new LonelyEdge({ ...lonelySettings("edge"), logger: SILENT }), bytes = new Bytes();
    edge.listenTo(bytes.stream);
    let read = 0, done: () => void = () => {};
    (async () => {
      for await (const { data } of edge.subscribe<Uint8Array | string>("bench.measured")) {
        if (data.length !== 128) throw new Error(`Cannot measure: a body of 128 is expected, got ${data.length}`);
        if (++read === EVENTS) done();
      }
    })();
    bytes.give(ANSWERS);
    const events = said(encoding, share),
      name = `${EVENTS} events of ${encoding}, ${share ? "in bursts" : "one by one"}`;
    Deno.bench(name, { group: encoding }, async () => {
      read = 0;
      const all = new Promise<void>((resolve) => done = resolve);
      bytes.give(events);
      await all;
    });
  }
}

/** What the hub says: events that follow one another, or a frame for each. */
function said(encoding: string, share: boolean): Uint8Array {
  const writer = new Writer(64 << 10), events = new EventWriter();
  const text = new TextEncoder().encode(JSON.stringify("x".repeat(128)));
  let event = { ...publish(), ...encoding === "json" && { payload: text, encoding } };
  for (let i = 0; i < EVENTS; i++, event = { ...event, messageId: nextId(event.messageId, new Uint8Array(16))! }) {
    events.append(writer, event);
    if (!share) events.close();
  }
  return writer.copy();
}

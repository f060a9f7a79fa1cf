/** A hub's two switches: a message from one link to those of others, until its bytes are in their batches. @module */

import { Decoder, encodeFrame, type Message } from "../../src/wire/mod.ts";
import { attachFake, lonelyHub } from "./fake_link.ts";
import { publish, reply, request } from "./messages.ts";

/** Messages between two turns of the event loop, in which the batches are written. */
const MESSAGES = 100;
const decoder = new Decoder();

for (const subscribers of [1, 10]) {
  const node = lonelyHub(), { link: publisher, nodeBytes } = attachFake(node, 1);
  const event = received({ ...publish(), publisher: nodeBytes });
  const links = Array.from({ length: subscribers }, (_, i) => attachFake(node, 2 + i).link);
  for (const link of links) node.received(link, { kind: "subscribe", topics: ["bench.measured"], qos: 0 });
  Deno.bench(`${MESSAGES} events to ${subscribers} subscribers`, { group: "event" }, async () => {
    const before = links[0]!.messages.sent;
    for (let i = 0; i < MESSAGES; i++) node.received(publisher, event());
    expectSent(links[0]!.messages.sent - before);
    await written();
  });
}

const node = lonelyHub(), { link: caller, nodeBytes: callerId } = attachFake(node, 1);
const { link: provider, nodeBytes: providerId } = attachFake(node, 2);
node.received(provider, { kind: "advertise", requestId: 1, procedures: ["bench.echo"] });
const ask = received({ ...request(), fromNode: callerId }), answer = received({ ...reply(), fromNode: providerId });
Deno.bench(`${MESSAGES} calls and their answers`, { group: "call" }, async () => {
  const before = caller.messages.sent;
  for (let i = 0; i < MESSAGES; i++) {
    node.received(caller, ask());
    node.received(provider, answer());
  }
  expectSent(caller.messages.sent - before);
  await written();
});

/** The message as it comes from the network, a new one each time. */
function received(message: Message): () => Message {
  const frame = encodeFrame(message);
  return () => decoder.decode(frame);
}

function written(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

function expectSent(sent: number): void {
  if (sent !== MESSAGES) throw new Error(`Cannot measure: ${MESSAGES} messages are to be sent, got ${sent}`);
}

/**
 * A hub without its sockets: an event or a call from the bytes of one link to those of another, through decoder, core and
 * effects, as the node's two switches lead it.
 *
 * @module
 */

import type { Effect } from "../../src/base/protocol.ts";
import { seededRandom } from "../../src/base/random.ts";
import { parsePattern, parseProcedure } from "../../src/names/mod.ts";
import { PUBSUB_DEFAULTS, PubsubCore } from "../../src/pubsub/core.ts";
import { RpcCore } from "../../src/rpc/core.ts";
import { RPC_DEFAULTS } from "../../src/rpc/options.ts";
import { Decoder, encodeFrame, encodeMessage, type Message, Writer } from "../../src/wire/mod.ts";
import { nodeBytes, publish, reply, request } from "./messages.ts";

const NOW = 1_800_000_000_000;
const HUB = { hub: true, node: nodeBytes(9) } as const;
const decoder = new Decoder(), writer = new Writer(), eventFrame = encodeFrame(publish());
const requestFrame = encodeFrame(request()), replyFrame = encodeFrame(reply());

for (const subscribers of [1, 10]) {
  const core = pubsubHub(subscribers);
  Deno.bench(`event from bytes to bytes, ${subscribers} subscribers`, { group: "event" }, () => {
    const message = decoder.decode(eventFrame);
    if (message.kind !== "publish") throw unexpected(message.kind);
    const sent = perform(core.handle({ kind: "received", from: "link1", message }, NOW));
    if (sent !== subscribers) throw unexpected(sent);
  });
}

const alone = pubsubHub(1), event = publish();
Deno.bench("event, core alone", { group: "event" }, () => {
  alone.handle({ kind: "received", from: "link1", message: event }, NOW);
});

const calls = rpcHub();
Deno.bench("call and answer from bytes to bytes", { group: "call" }, () => {
  const asked = decoder.decode(requestFrame), answered = decoder.decode(replyFrame);
  if (asked.kind !== "rpcRequest" || answered.kind !== "rpcReply") throw unexpected(asked.kind);
  const sent = perform(calls.handle({ kind: "received", from: "link1", message: asked }, NOW)) +
    perform(calls.handle({ kind: "received", from: "link2", message: answered }, NOW));
  if (sent !== 2) throw unexpected(sent);
});

/** The switch over effects, as far as it sends. Returns how often that was. */
function perform(effects: readonly Effect<Message, unknown, unknown>[]): number {
  let sent = 0;
  for (const effect of effects) {
    if (effect.kind !== "send") continue;
    const peers = typeof effect.to === "string" ? 1 : effect.to.length;
    for (let i = 0; i < peers; i++) {
      writer.length = 0;
      encodeMessage(effect.message, writer);
    }
    sent += peers;
  }
  return sent;
}

function pubsubHub(subscribers: number): PubsubCore {
  const core = new PubsubCore({ ...PUBSUB_DEFAULTS, ...HUB });
  core.handle({ kind: "peerUp", peer: "link1", node: nodeBytes(1), role: "edge" }, NOW);
  for (let i = 2; i < 2 + subscribers; i++) {
    const from = `link${i}`, topics = [parsePattern("bench.measured")];
    core.handle({ kind: "peerUp", peer: from, node: nodeBytes(i), role: "edge" }, NOW);
    core.handle({ kind: "received", from, message: { kind: "subscribe", topics, qos: 0, requestId: 1 } }, NOW);
  }
  return core;
}

function rpcHub(): RpcCore {
  const core = new RpcCore({ ...RPC_DEFAULTS, ...HUB, random: seededRandom("bench") });
  for (const i of [1, 2]) core.handle({ kind: "peerUp", peer: `link${i}`, node: nodeBytes(i), role: "edge" }, NOW);
  const procedures = [parseProcedure("bench.echo")];
  core.handle({ kind: "received", from: "link2", message: { kind: "advertise", requestId: 1, procedures } }, NOW);
  return core;
}

function unexpected(got: unknown): Error {
  return new Error(`Cannot measure: the usual effects are expected, got ${got}`);
}

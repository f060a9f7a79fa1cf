/** The messages that the micro-benchmarks work on. @module */

import { EventWriter, type Publish, type RpcReply, type RpcRequest, Writer } from "../../src/wire/mod.ts";

/** A node's id; `number` tells nodes apart. */
export function nodeBytes(number: number): Uint8Array {
  return new Uint8Array(32).fill(number);
}

/** What node 1 publishes. */
export function publish(): Publish {
  return {
    kind: "publish",
    topic: "bench.measured",
    payload: new Uint8Array(128).fill(120),
    qos: 0,
    retain: false,
    messageId: new Uint8Array(16).fill(7),
    publisher: nodeBytes(1),
    encoding: "bytes",
    at: 1_800_000_000_000,
  };
}

/** What node 1 publishes in quick succession. */
export function series(count: number): Publish[] {
  return Array.from({ length: count }, (_, i) => ({ ...publish(), messageId: new Uint8Array(16).with(15, i) }));
}

/** The frame that so many events share. */
export function burstFrame(count: number): Uint8Array {
  const writer = new Writer(), events = new EventWriter();
  for (const event of series(count)) events.append(writer, event);
  return writer.copy();
}

/** What node 1 calls. */
export function request(): RpcRequest {
  return {
    kind: "rpcRequest",
    requestId: new Uint8Array(16).fill(3),
    procedure: "bench.echo",
    args: new Uint8Array(128).fill(120),
    fromNode: nodeBytes(1),
    deadlineMs: 5_000,
    encoding: "bytes",
  };
}

/** What node 2 answers. */
export function reply(): RpcReply {
  return {
    kind: "rpcReply",
    requestId: new Uint8Array(16).fill(3),
    fromNode: nodeBytes(2),
    result: new Uint8Array(128).fill(120),
    encoding: "bytes",
  };
}

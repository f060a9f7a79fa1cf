/** Messages on the wire and as the core sees them. @module */

import assert from "node:assert/strict";
import { utf8 } from "../../src/base/bytes.ts";
import type { Contact, DhtMessage } from "../../src/dht/messages.ts";
import { type DhtWireMessage, fromWire, toWire, type Verification } from "../../src/dht/wire_form.ts";
import { sha256 } from "../../src/identity/crypto.ts";
import { createIdentity } from "../../src/identity/keys.ts";
import { signRecord, type VerifiedRecord } from "../../src/identity/record.ts";
import { verifyRecord } from "../../src/identity/record_verifier.ts";
import { parsePattern, parseRealm } from "../../src/names/mod.ts";
import { decodeFrame, encodeFrame, type NodeInfo } from "../../src/wire/mod.ts";

const REALM = parseRealm("org.example.home"), NOW = 1_700_000_000_000;
const head = { realm: REALM, sequence: NOW, expiresAt: NOW + 300_000 };
const verification: Verification = {
  sha256,
  verify: (signed, claims) => verifyRecord(signed, { now: NOW, realm: REALM, ...claims }),
};
const empty = { capabilities: [], hubs: [], certificates: [], labels: new Map<string, string>() };

function hub(n: number): Contact {
  const identity = createIdentity(new Uint8Array(32).fill(n));
  const statement = { kind: "node", ...head, role: "hub", endpoints: [`https://h${n}:1`], ...empty } as const;
  return signRecord(identity, statement) as Contact;
}

function interest(pattern: string): VerifiedRecord {
  const identity = createIdentity(new Uint8Array(32).fill(9));
  return signRecord(identity, { kind: "interest", ...head, pattern: parsePattern(pattern) });
}

/** Over the wire and back. */
function carried(message: DhtMessage): DhtMessage {
  const [wire, ...others] = toWire(message);
  assert.deepEqual(others, []);
  return fromWire(decodeFrame(encodeFrame(wire!)) as DhtWireMessage, verification);
}

Deno.test("every message arrives as it was sent", () => {
  const record = interest("a.b"), { key } = record, none = { requestId: undefined, refusal: undefined };
  const refusal = { code: "overloaded", text: "The node asked has refused" };
  const messages: DhtMessage[] = [
    { kind: "findNode", target: key, requestId: 5, sender: undefined },
    { kind: "findNode", target: key, requestId: undefined, sender: undefined },
    { kind: "findNodeReply", requestId: 5, nodes: [hub(1), hub(2)], refusal: undefined },
    { kind: "findNodeReply", ...none, nodes: [] },
    { kind: "findNodeReply", requestId: 5, nodes: [], refusal },
    { kind: "findValue", key, requestId: 5, page: 0, sender: undefined },
    { kind: "findValue", key, requestId: 5, page: 3, sender: undefined },
    {
      kind: "findValueReply",
      requestId: 5,
      records: [record, interest("a.b")],
      nodes: [hub(1)],
      more: 4,
      refusal: undefined,
    },
    { kind: "findValueReply", requestId: 5, records: [], nodes: [hub(1)], more: undefined, refusal: undefined },
    { kind: "findValueReply", requestId: 5, records: [], nodes: [], more: undefined, refusal },
    { kind: "store", key, requestId: 5, record, refusal: undefined },
    { kind: "store", key, ...none, record },
    { kind: "storeAck", key, ...none },
    { kind: "storeAck", key, requestId: 7, refusal: undefined },
    { kind: "storeAck", key, requestId: 7, refusal: { code: "stale", text: "old" } },
  ];
  for (const message of messages) assert.deepEqual(carried(message), message, message.kind);
});

Deno.test("who asks for the first time introduces itself before", () => {
  const sender = hub(1), none = { requestId: undefined, refusal: undefined };
  for (const kind of ["findNode", "findValue"] as const) {
    const asked = {
      requestId: 5,
      ...kind === "findNode" ? { kind, target: sender.key } : { kind, key: sender.key, page: 0 },
    };
    const [first, second, ...others] = toWire({ ...asked, sender }).map((one) => fromWire(one, verification));
    assert.deepEqual([first, second, others], [
      { kind: "store", key: sender.key, record: sender, ...none },
      { ...asked, sender: undefined },
      [],
    ]);
  }
});

Deno.test("what is not proven does not reach the core", () => {
  const good = hub(1), { signed } = good, forged = { body: signed.body, signature: new Uint8Array(64) };
  const info = (more: Partial<NodeInfo>): NodeInfo => ({ address: "h:1", nodeId: good.nodeBytes, ...more });
  const nodes = [
    info({ record: signed }),
    info({ record: forged }),
    info({}),
    info({ nodeId: hub(2).nodeBytes, record: signed }),
  ];
  assert.deepEqual(fromWire({ kind: "findNodeReply", nodes }, verification), {
    kind: "findNodeReply",
    requestId: undefined,
    nodes: [good],
    refusal: undefined,
  });
  const many = Array.from({ length: 100 }, () => info({ record: signed }));
  const reply = fromWire({ kind: "findNodeReply", nodes: many }, verification);
  assert.equal(reply.kind === "findNodeReply" && reply.nodes.length, 21);
  const value = [
    null,
    5,
    new Map([["body", signed.body]]),
    new Map([["body", signed.body], ["signature", forged.signature]]),
  ];
  const values = fromWire({ kind: "findValueReply", value }, verification);
  assert.deepEqual(values.kind === "findValueReply" && values.records, []);
  assert.deepEqual(fromWire({ kind: "findNodeReply", type: "error", reason: "unknown_message" }, verification), {
    kind: "findNodeReply",
    requestId: undefined,
    nodes: [],
    refusal: { code: "unknown_message", text: "The node asked has refused" },
  });
});

Deno.test("a store that cannot be believed carries the reason, for its acknowledgement", () => {
  const { key, signed } = interest("a.b");
  const value = new Map([["body", signed.body], ["signature", signed.signature]]);
  const code = (message: DhtWireMessage) => {
    const out = fromWire(message, verification);
    return out.kind === "store" ? out.refusal?.code : out.kind;
  };
  assert.equal(code({ kind: "store", key, value }), undefined);
  assert.equal(code({ kind: "store", key: sha256(key), value }), "key_mismatch");
  assert.equal(code({ kind: "store", key: key.subarray(1), value }), "malformed");
  assert.equal(code({ kind: "store", key, value: new Map([["node_id", key]]) }), "unsigned");
  assert.equal(code({ kind: "store", key, value: new Map([["body", signed.body]]) }), "unsigned");
  assert.equal(
    code({ kind: "store", key, value: new Map([["body", signed.body], ["signature", new Uint8Array(64)]]) }),
    "bad_signature",
  );
});

Deno.test("an id of another length is hashed, as the original does", () => {
  const target = utf8("ab".repeat(32));
  assert.deepEqual(fromWire({ kind: "findNode", target }, verification), {
    kind: "findNode",
    target: sha256(target),
    requestId: undefined,
    sender: undefined,
  });
});

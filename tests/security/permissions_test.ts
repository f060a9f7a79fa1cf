/** What a credential does not allow is refused at the hub, over real QUIC, and costs nothing else. @module */

import assert from "node:assert/strict";
import type { AuditEntry, Mesh } from "../../mod.ts";
import { encodeFrame, type Message } from "../../src/wire/mod.ts";
import { FrameSource } from "../../src/link/frame_source.ts";
import type { Connection } from "../../src/transport/transport.ts";
import { soon, until } from "../conformance/deadline.ts";
import { take } from "../node/world.ts";
import { credentialGateway, credentialOf, edge, guardOf, identity, mustFail, Outside, selfOf } from "./world.ts";

const LIMITED = identity(1), ALICE = identity(2), RAW = identity(3);
const RIGHTS = {
  publish: ["sensor.*.measured", "demo.**"],
  subscribe: ["sensor.**", "demo.*"],
  call: ["math.*"],
  advertise: ["math.add"],
};
const PUBLISH = "the credential allows publish on sensor.*.measured, demo.**";
const SUBSCRIBE = "the credential allows subscribe on sensor.**, demo.*";

/** A client that may do little, one that may do everything, and what the audit log says. */
async function realm() {
  const audited: AuditEntry[] = [];
  const gateway = await credentialGateway({ audit: (entry) => void audited.push(entry) });
  const limited = await edge(gateway, LIMITED, { rights: RIGHTS }), alice = await edge(gateway, ALICE);
  const close = async () => {
    await Promise.all([limited.close(), alice.close()]);
    await gateway.close();
  };
  return { gateway, limited, alice, audited, [Symbol.asyncDispose]: close };
}

Deno.test("permissions: what is not allowed is refused with the rule", async (t) => {
  await using world = await realm();
  const { gateway, limited, alice, audited } = world, code = "not_allowed";
  await using _secret = await alice.advertise("secret.read", () => "secret");
  await using _math = await alice.advertise("math.twice", (x: number) => 2 * x);
  const publish = (topic: string, options = {}) => () => limited.publish(topic, 1, { acknowledge: true, ...options });
  const subscribe = (pattern: string, options = {}) => () => limited.subscribe(pattern, options).ready;
  const publishing = () => [
    { name: "publish elsewhere", code, text: `Cannot publish on alarm.off: ${PUBLISH}`, run: publish("alarm.off") },
    {
      name: "publish a segment too deep",
      code,
      text: `Cannot publish on sensor.kitchen.oven.measured: ${PUBLISH}`,
      run: publish("sensor.kitchen.oven.measured"),
    },
    { name: "publish above", code, text: `Cannot publish on sensor: ${PUBLISH}`, run: publish("sensor") },
    { name: "publish with QoS 1", code, text: `Cannot publish on x: ${PUBLISH}`, run: publish("x", { qos: 1 }) },
    { name: "publish with QoS 2", code, text: `Cannot publish on x: ${PUBLISH}`, run: publish("x", { qos: 2 }) },
  ];
  const subscribing = () => [
    { name: "subscribe to all", code, text: `Cannot subscribe to **: ${SUBSCRIBE}`, run: subscribe("**") },
    { name: "subscribe to #", code, text: `Cannot subscribe to **: ${SUBSCRIBE}`, run: subscribe("#") },
    { name: "subscribe wider", code, text: `Cannot subscribe to demo.**: ${SUBSCRIBE}`, run: subscribe("demo.**") },
    { name: "subscribe across", code, text: `Cannot subscribe to *.a: ${SUBSCRIBE}`, run: subscribe("*.a") },
    { name: "subscribe elsewhere", code, text: `Cannot subscribe to alarm.*: ${SUBSCRIBE}`, run: subscribe("alarm.*") },
    {
      name: "subscribe by prefix",
      code,
      text: `Cannot subscribe to demo.**: ${SUBSCRIBE}`,
      run: subscribe("demo", { match: "prefix" }),
    },
  ];
  const calling = () => [
    {
      name: "call",
      code,
      text: "Cannot call secret.read: the credential allows call on math.*",
      run: () => limited.call("secret.read"),
    },
    {
      name: "call a procedure of one node",
      code,
      text: "Cannot call secret.read: the credential allows call on math.*",
      run: () => limited.callTo(ALICE.id, "secret.read"),
    },
    {
      name: "call what the gateway itself serves",
      code,
      text: "Cannot call com.macula.diagnostics.info: the credential allows call on math.*",
      run: () => limited.call("com.macula.diagnostics.info"),
    },
    {
      name: "read the gateway's counters",
      code,
      text: "Cannot call _mesh.stats: the credential allows call on math.*",
      run: () => limited.call("_mesh.stats"),
    },
    {
      name: "list who is attached",
      code,
      text: "Cannot call _mesh.members: the credential allows call on math.*",
      run: () => limited.members(),
    },
    {
      name: "advertise a foreign name",
      code,
      text: "Cannot advertise math.twice: the credential allows advertise on math.add",
      run: () => limited.advertise("math.twice", () => 0),
    },
    {
      name: "advertise elsewhere",
      code,
      text: "Cannot advertise secret.read: the credential allows advertise on math.add",
      run: () => limited.advertise("secret.read", () => "mine"),
    },
  ];
  const attempts = [...publishing(), ...subscribing(), ...calling()];
  await mustFail(t, attempts);
  assert.equal(gateway.stats().refused["not_allowed"], attempts.length, "each is counted");
  assert.equal(typeof await limited.ping(gateway.id), "number", "by this and the next two everybody is found");
  assert.equal(typeof await limited.callTo(gateway.id, "_mesh.ping"), "object");
  assert.deepEqual((await limited.discover("math.twice")).map(({ node }) => node), [ALICE.id]);
  assert.deepEqual(await limited.discoverSubscribers("nobody.wants"), []);
  const lines = audited.filter(({ verdict }) => verdict === "refused");
  assert.equal(lines.length, attempts.length, "and in the audit log");
  assert.deepEqual({ ...lines[0], time: 0 }, {
    time: 0,
    node: LIMITED.id,
    action: "publish",
    name: "alarm.off",
    verdict: "refused",
    reason: "not_allowed",
  });
  await t.step("and what is allowed works on the same link", () => allowed(limited, alice));
  assert.deepEqual([limited.status, gateway.clients().length], ["connected", 2]);
});

async function allowed(limited: Mesh, alice: Mesh): Promise<void> {
  await using heard = alice.subscribe("**"), measured = limited.subscribe("sensor.*.measured");
  await using _add = await limited.advertise("math.add", ({ a, b }: { a: number; b: number }) => a + b);
  await Promise.all([heard.ready, measured.ready]);
  assert.equal((await limited.publish("sensor.a.measured", 1, { acknowledge: true })).recipients, 2);
  await limited.publish("demo.deep.down", 2);
  assert.deepEqual((await soon(take(heard, 2), "events")).map(({ data }) => data), [1, 2]);
  assert.equal((await soon(take(measured, 1), "an event"))[0]?.publisher, LIMITED.id);
  assert.equal(await limited.call("math.twice", 4), 8);
  assert.equal(await alice.call("math.add", { a: 1, b: 2 }), 3);
  assert.equal(typeof await limited.ping(ALICE.id), "number", "the mesh's own procedures are for everybody");
}

Deno.test("permissions: who waits for no answer is told by an event, and the others get nothing", async () => {
  await using world = await realm();
  const { gateway, limited, alice } = world, told: string[] = [];
  limited.addEventListener("refused", (event) => void told.push(event.detail.text));
  await using heard = alice.subscribe("**");
  await heard.ready;
  await limited.publish("alarm.off", 1);
  await limited.cast("secret.read", 1);
  await until(() => told.length === 2, "both are told");
  assert.deepEqual(told.sort(), [
    "Cannot call secret.read: the credential allows call on math.*",
    `Cannot publish on alarm.off: ${PUBLISH}`,
  ]);
  assert.equal(limited.stats().refused["not_allowed"], 2);
  assert.equal(gateway.stats().refused["not_allowed"], 2);
  await limited.publish("demo.last", 2, { acknowledge: true });
  assert.equal((await soon(take(heard, 1), "the last"))[0]?.topic, "demo.last", "nothing came before it");
});

Deno.test("permissions: nobody speaks in another's name", async (t) => {
  await using world = await realm();
  await using outside = new Outside();
  const { gateway, alice } = world, guard = guardOf({ credential: await credentialOf(RAW) });
  await using heard = alice.subscribe("**");
  await using _served = await alice.advertise("math.add", () => 1);
  await heard.ready;
  /** The first answer of this kind to what a raw peer says once it is welcome. */
  const say = (message: Message, kind: Message["kind"]) => async () => {
    const { controlWriter: writer, control, connection } = await outside.welcomed(gateway, selfOf(RAW, { guard }));
    await writer.write(encodeFrame(message));
    const { decodeFrame } = await import("../../src/wire/mod.ts");
    const source = kind === "rpcReply" ? await nextLane(connection) : control;
    for (let frame = await source.next(); frame !== undefined; frame = await source.next()) {
      const answer = decodeFrame(frame) as Message & { code?: string; text?: string; error?: string };
      if (answer.kind !== kind) continue;
      connection.close(0, "read it");
      throw Object.assign(new Error(answer.text ?? answer.error), { code: answer.code });
    }
  };
  const payload = new Uint8Array(0),
    messageId = new Uint8Array(16),
    head = { qos: 0, retain: false, payload, messageId };
  const call = (fromNode: Uint8Array): Message => {
    return { kind: "rpcRequest", requestId: messageId, procedure: "math.add", args: payload, fromNode };
  };
  const event = { kind: "publish", topic: "demo.x", ...head, publisher: ALICE.idBytes } as const;
  await mustFail(t, [
    {
      name: "an event of another node",
      code: "not_the_publisher",
      text: "Cannot publish: the event must carry the sender's own node id",
      run: say({ ...event, acknowledge: true }, "puback"),
    },
    {
      name: "the same at QoS 0",
      code: "not_the_publisher",
      text: "Cannot publish: the event must carry the sender's own node id",
      run: say(event, "error"),
    },
    {
      name: "an event of nobody",
      code: "not_the_publisher",
      text: "Cannot publish: the event must carry the sender's own node id",
      run: say({ kind: "publish", topic: "demo.x", ...head, acknowledge: true }, "puback"),
    },
    {
      name: "a call of another node",
      code: "not_the_caller",
      text: "Cannot call: from_node must be the sender",
      run: say(call(ALICE.idBytes), "rpcReply"),
    },
    {
      name: "a topic that is none",
      code: "invalid_topic",
      text: 'Cannot publish: a topic is expected, got "a.*"',
      run: say({ ...event, topic: "a.*", publisher: RAW.idBytes, acknowledge: true }, "puback"),
    },
    {
      name: "a reserved name",
      code: "invalid_procedure",
      text: 'Cannot advertise: a procedure name outside _mesh. is expected, got "_mesh.ping"',
      run: say({ kind: "advertise", requestId: 1, procedures: ["_mesh.ping"] }, "advertiseAck"),
    },
    {
      name: "a pattern that is none",
      code: "invalid_pattern",
      text: 'Cannot subscribe: a topic pattern is expected, got "a*"',
      run: say({ kind: "subscribe", topics: ["a*"], qos: 0, requestId: 1 }, "suback"),
    },
  ]);
  await alice.publish("demo.end", 1);
  assert.equal((await soon(take(heard, 1), "an event"))[0]?.topic, "demo.end", "nothing of it arrived");
});

/** The first one-way stream that the hub opens. */
async function nextLane(connection: Connection): Promise<FrameSource> {
  const { value } = await connection.incomingSend.getReader().read();
  return new FrameSource(value!, 1 << 20);
}

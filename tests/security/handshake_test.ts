/** Handshakes that must not succeed, over real QUIC: identities, versions, tokens, and hubs that are none. @module */

import assert from "node:assert/strict";
import { connect, type Gateway, startGateway, type StartGatewayOptions } from "../../mod.ts";
import { decodeFrame, encodeFrame, FRAME_HEADER_BYTES, type Message } from "../../src/wire/mod.ts";
import { makeConnect, makeHello, makeProve, makeWelcomeProof, type Self } from "../../src/link/handshake.ts";
import { parseToken } from "../../src/link/admission/guard.ts";
import { formatTicket, parseRealm, parseTicket } from "../../src/names/mod.ts";
import type { Talker } from "../link/world.ts";
import {
  type Attempt,
  guardOf,
  identity,
  mustFail,
  openGateway,
  OTHER_TOKEN,
  Outside,
  REALM,
  refusalOf,
  selfOf,
  TOKEN,
  tokenGateway,
} from "./world.ts";

const NONCE = new Uint8Array(32).fill(9), EDGE = identity(1), MALLORY = identity(3), HUB = identity(50);

/** What a refused first message is answered with. */
async function say(outside: Outside, gateway: Gateway, first: Message): Promise<never> {
  const talker = await outside.talk(gateway);
  await talker.say(first);
  return await refusalOf(talker);
}

/** Says connect, hears hello, and says what `prove` makes of it. */
async function prove(
  outside: Outside,
  gateway: Gateway,
  who: Self,
  make: (connectPayload: Uint8Array, helloPayload: Uint8Array) => Message,
): Promise<never> {
  const talker = await outside.talk(gateway);
  const connectPayload = await talker.say(makeConnect(who, gateway.id, NONCE));
  const hello = (await talker.hear())!;
  assert.equal(hello.message.kind, "hello");
  await talker.say(make(connectPayload, hello.payload));
  return await refusalOf(talker);
}

Deno.test("handshake: identities, names, versions", async (t) => {
  await using outside = new Outside();
  await using gateway = await openGateway({ identity: HUB });
  const self = selfOf(EDGE), hello = (fields: object) => ({ ...makeConnect(self, gateway.id, NONCE), ...fields });
  const refused = (first: Message) => () => say(outside, gateway, first);
  const first = (): Attempt[] => [
    {
      name: "another realm",
      code: "wrong_realm",
      text: 'Cannot connect: the gateway serves another realm than "org.other"; its ticket names it',
      run: refused(makeConnect({ ...self, realm: "org.other" }, gateway.id, NONCE)),
    },
    {
      name: "another node was dialled",
      code: "wrong_name",
      text: `Cannot connect: this node does not answer to "${MALLORY.id}"`,
      run: refused(makeConnect(self, MALLORY.id, NONCE)),
    },
    {
      name: "an id that is not that of the key",
      code: "bad_identity",
      text: "Cannot connect: the node id must be the SHA-256 of a sound public key",
      run: refused(hello({ nodeId: MALLORY.idBytes })),
    },
    {
      name: "a key of small order, for which one signature fits everything",
      code: "bad_identity",
      text: "Cannot connect: the node id must be the SHA-256 of a sound public key",
      run: refused(hello({ publicKey: new Uint8Array(32) })),
    },
    {
      name: "no nonce",
      code: "bad_nonce",
      text: "Cannot connect: the nonce has 32 bytes",
      run: refused(hello({ nonce: undefined })),
    },
    {
      name: "no common version: both lists",
      code: "no_common_version",
      text: 'Cannot connect: no common version, this node speaks macula/1, got "macula/7", "macula/8"',
      run: refused(hello({ versions: ["macula/7", "macula/8"] })),
    },
    {
      name: "a downgrade to the original's handshake, which proves nothing",
      code: "legacy_not_allowed",
      text: "Cannot connect: this gateway serves mesh/1 peers only",
      run: refused(hello({ capabilities: ["pubsub", "rpc"] })),
    },
    {
      name: "the gateway's own identity",
      code: "self",
      text: "Cannot connect: a node does not link to itself",
      run: refused(makeConnect(selfOf(HUB), gateway.id, NONCE)),
    },
    {
      name: "an event in the place of connect",
      code: "unexpected",
      text: "Cannot connect: connect expected, got subscribe",
      run: refused({ kind: "subscribe", topics: ["**"], qos: 0 }),
    },
    {
      name: "an oversize first frame",
      code: "malformed_frame",
      text: /^Cannot read the frame: it has at most 65536 bytes, got \d+$/,
      run: refused(hello({ endpoint: "x".repeat(70_000) })),
    },
  ];
  const proofs = (): Attempt[] => [
    {
      name: "a proof by another key",
      code: "bad_signature",
      text: "Cannot connect: the proof of identity is wrong",
      run: () => prove(outside, gateway, self, (c, h) => makeProve(selfOf(MALLORY), c, h)),
    },
    {
      name: "a proof recorded in another handshake",
      code: "bad_signature",
      text: "Cannot connect: the proof of identity is wrong",
      run: async () => {
        let recorded: Message | undefined;
        await prove(outside, gateway, self, (c, h) => {
          recorded = makeProve(self, c, h);
          return { kind: "ping", timestamp: 1 };
        }).catch(() => {});
        return await prove(outside, gateway, self, () => recorded!);
      },
    },
    {
      name: "a proof relayed from a handshake with somebody else",
      code: "bad_signature",
      text: "Cannot connect: the proof of identity is wrong",
      run: async () => {
        const relay = selfOf(MALLORY, { role: "hub" });
        return await prove(outside, gateway, self, (connectPayload) => {
          const ours = makeHello(relay, connectPayload, NONCE); // the victim believes that it talks to the relay
          return makeProve(self, connectPayload, encodeFrame(ours).subarray(FRAME_HEADER_BYTES));
        });
      },
    },
    {
      name: "no proof at all",
      code: "unexpected",
      text: "Cannot connect: prove expected, got publish",
      run: () =>
        prove(outside, gateway, self, () => {
          const messageId = new Uint8Array(16), payload = new Uint8Array(0);
          return { kind: "publish", topic: "a", payload, qos: 0, retain: false, messageId };
        }),
    },
  ];
  await mustFail(t, [...first(), ...proofs()]);
  await t.step("and who says it right is welcome", async () => {
    const { connection, peer } = await outside.welcomed(gateway, self);
    assert.equal(peer.node, HUB.id);
    connection.close(0, "done");
  });
});

Deno.test("handshake: hubs that are none", async (t) => {
  await using outside = new Outside();
  const hub = selfOf(MALLORY, { role: "hub" });
  /** Dials a rogue's ticket while it follows the script. */
  const dial =
    (script: (talker: Talker, connectPayload: Uint8Array) => Promise<unknown>, node = MALLORY) => async () => {
      const rogue = await outside.rogue(
        node,
        async (talker) => void await script(talker, (await talker.hear())!.payload),
      );
      try {
        return await connect(rogue.ticket, { identity: EDGE });
      } finally {
        await rogue.close();
      }
    };
  const first = (): Attempt[] => [
    {
      name: "a hello signed by another key",
      code: "untrusted",
      text: "Cannot trust the hub: its signature is wrong",
      run: dial((talker, c) => talker.say({ ...makeHello(hub, c, NONCE), signature: new Uint8Array(64) })),
    },
    {
      name: "a hello of another node",
      code: "untrusted",
      text: `Cannot trust the hub: node ${MALLORY.id} was dialled, ${HUB.id} answered`,
      run: dial((talker, c) => talker.say(makeHello(selfOf(HUB, { role: "hub" }), c, NONCE))),
    },
    {
      name: "a hello recorded in another handshake",
      code: "untrusted",
      text: "Cannot trust the hub: its signature is wrong",
      run: dial((talker) => talker.say(makeHello(hub, new Uint8Array(10), NONCE))),
    },
    {
      name: "a hello for another realm",
      code: "untrusted",
      text: `Cannot use the hub: it serves another realm than ${REALM}`,
      run: dial((talker, c) => talker.say(makeHello({ ...hub, realm: "org.other" }, c, NONCE))),
    },
    {
      name: "an edge that answers",
      code: "untrusted",
      text: `Cannot attach: node ${MALLORY.id} is no hub`,
      run: dial((talker, c) => talker.say(makeHello({ ...hub, role: "edge" }, c, NONCE))),
    },
    {
      name: "a version that was not offered",
      code: "untrusted",
      text: 'Cannot use the hub: no common version, this node speaks macula/1, got "macula/0"',
      run: dial((talker, c) => talker.say({ ...makeHello(hub, c, NONCE), version: "macula/0" })),
    },
    {
      name: "a pong: no silent downgrade to the original's handshake",
      code: "legacy_hub",
      text: "Cannot connect: the gateway speaks Macula 0.20 only, which proves nothing",
      run: dial((talker) => talker.say({ kind: "pong", timestamp: 1, serverTime: 1 })),
    },
    {
      name: "a welcome in the place of hello",
      code: "untrusted",
      text: "Cannot connect: hello expected, got welcome",
      run: dial((talker) =>
        talker.say({
          kind: "welcome",
          session: NONCE.subarray(16),
          frameBytesMax: 1,
          subscriptionsMax: 1,
          serverTime: 1,
        })
      ),
    },
  ];
  const middle = (): Attempt[] => [
    {
      name: "a man in the middle with a certificate of his own",
      code: "untrusted",
      text: /^Cannot dial 127\.0\.0\.1:\d+: the other end must prove who it is, got .*UnknownIssuer$/,
      run: async () => {
        const rogue = await outside.rogue(MALLORY, async () => {}), { addresses } = parseTicket(rogue.ticket);
        const ticket = formatTicket({ realm: parseRealm(REALM), publicKey: HUB.publicKey, addresses });
        return await connect(ticket).finally(() => rogue.close());
      },
    },
    {
      name: "a ticket with the key of another node",
      code: "untrusted",
      text: /^Cannot dial 127\.0\.0\.1:\d+: the other end must prove who it is, got .*UnknownIssuer$/,
      run: async () => {
        await using gateway = await openGateway({ identity: HUB });
        const { addresses } = parseTicket(gateway.ticket);
        const ticket = formatTicket({ realm: parseRealm(REALM), publicKey: MALLORY.publicKey, addresses });
        return await connect(ticket);
      },
    },
  ];
  await mustFail(t, [...first(), ...middle()]);
});

Deno.test("handshake: tokens", async (t) => {
  await using outside = new Outside();
  await using gateway = await tokenGateway({ identity: HUB });
  await using open = await openGateway();
  const self = selfOf(EDGE, { guard: guardOf({ token: TOKEN }) });
  const rogue =
    (last: (self: Self, connectPayload: Uint8Array, hello: Uint8Array, prove: Message) => object) => async () => {
      const hub = selfOf(MALLORY, { role: "hub" });
      const listening = await outside.rogue(MALLORY, async (talker) => {
        const { payload } = (await talker.hear())!, hello = await talker.say(makeHello(hub, payload, NONCE));
        const { message } = (await talker.hear())!, session = new Uint8Array(16);
        const welcome = {
          kind: "welcome",
          session,
          frameBytesMax: 1 << 20,
          subscriptionsMax: 10,
          serverTime: 1,
        } as const;
        await talker.say({ ...welcome, ...last(hub, payload, hello, message) });
      });
      return await connect(listening.ticket, { auth: { token: TOKEN } }).finally(() => listening.close());
    };
  const first = (): Attempt[] => [
    {
      name: "no token",
      code: "token_required",
      text: "Cannot connect: this gateway asks for the realm's token; give it with --token or MACULA_TOKEN",
      run: () => connect(gateway.ticket),
    },
    {
      name: "another token",
      code: "bad_token",
      text: "Cannot connect: the token must be that of the realm, got another one",
      run: () => connect(gateway.ticket, { auth: { token: OTHER_TOKEN } }),
    },
    {
      name: "a token's proof recorded in another handshake",
      code: "bad_token",
      text: "Cannot connect: the token must be that of the realm, got another one",
      run: () =>
        prove(outside, gateway, self, (c, h) => {
          const elsewhere = makeProve(self, c, new Uint8Array(32));
          return { ...makeProve(selfOf(EDGE), c, h), tokenProof: elsewhere.tokenProof! };
        }),
    },
    {
      name: "the acceptor's own kind of proof, as a mirror would have it",
      code: "bad_token",
      text: "Cannot connect: the token must be that of the realm, got another one",
      run: () =>
        prove(outside, gateway, self, (connectPayload, helloPayload) => {
          const { tokenProof } = makeWelcomeProof(self, { connectPayload, helloPayload });
          return { ...makeProve(selfOf(EDGE), connectPayload, helloPayload), tokenProof: tokenProof! };
        }),
    },
    {
      name: "a hub that asks for no token: no downgrade to open",
      code: "untrusted",
      text: "Cannot trust the hub: a hub of this realm proves that it knows the token, got no proof",
      run: () => connect(open.ticket, { realm: REALM, auth: { token: TOKEN } }),
    },
    {
      name: "a hub that returns the proof that it was shown",
      code: "untrusted",
      text: "Cannot trust the hub: its proof that it knows the token is wrong",
      run: rogue((_hub, _connect, _hello, message) => {
        const { tokenProof } = decodeFrame(encodeFrame(message)) as Message & { kind: "prove" };
        return { tokenProof };
      }),
    },
    {
      name: "a hub that knows another token",
      code: "untrusted",
      text: "Cannot trust the hub: its proof that it knows the token is wrong",
      run: rogue((hub, connectPayload, helloPayload) =>
        makeWelcomeProof({ ...hub, guard: guardOf({ token: OTHER_TOKEN }) }, { connectPayload, helloPayload })
      ),
    },
  ];
  const settings = (): Attempt[] => [
    {
      name: "a token that was typed, not drawn",
      code: "invalid",
      text:
        /^Cannot connect: a token has at least 128 random bits, 22 characters of base64url or 32 hexadecimal digits, got 40 characters, 2 of them different$/,
      run: () => connect(gateway.ticket, { auth: { token: "xy".repeat(20) } }),
    },
    {
      name: "a gateway with a short token",
      code: "invalid",
      text: /^Cannot start a gateway: a token has at least 128 random bits.* got 7 characters, 7 of them different$/,
      run: () => startGateway({ realm: REALM, listen: { port: 0 }, admission: { mode: "token", token: "hunter2" } }),
    },
    {
      name: "a token and a credential",
      code: "invalid",
      text: "Cannot connect: a token or a credential is shown, got both",
      run: () => connect(gateway.ticket, { auth: { token: TOKEN, credential: "a.b.c" } }),
    },
    {
      name: "an address that others reach, and nothing said about admission",
      code: "invalid",
      text:
        "Cannot start a gateway: on an address that others reach it must be said who may join, got 0.0.0.0 and no " +
        "admission; choose --admission credential (macula realm init), token (macula realm token) or open (everybody)",
      run: () => startGateway({ realm: REALM, listen: { hostname: "0.0.0.0", port: 0 } }),
    },
    {
      name: "a mode that there is not",
      code: "invalid",
      text: 'Cannot start a gateway: admission.mode is open, token or credential, got "closed"',
      run: () => startGateway({ realm: REALM, admission: { mode: "closed" } } as unknown as StartGatewayOptions),
    },
  ];
  await mustFail(t, [...first(), ...settings()]);
  await t.step("and who knows the token may do everything", async () => {
    await using edge = await connect(gateway.ticket, { auth: { token: TOKEN } });
    assert.equal((await edge.publish("any.topic", 1, { acknowledge: true })).recipients, 0);
    const { connection } = await outside.welcomed(gateway, { ...self, role: "hub" });
    connection.close(0, "done");
  });
  await t.step("the token is in no message", async () => {
    const talker = await outside.talk(gateway), connectPayload = await talker.say(makeConnect(self, gateway.id, NONCE));
    const hello = (await talker.hear())!, proof = makeProve(self, connectPayload, hello.payload);
    await talker.say(proof);
    const welcome = (await talker.hear())!;
    const all = [connectPayload, hello.frame, encodeFrame(proof), welcome.frame].map((one) => one.toHex()).join("");
    assert.equal(welcome.message.kind, "welcome");
    assert(!all.includes(parseToken(TOKEN, "test").toHex()));
  });
  assert.deepEqual(gateway.stats().refused, { token_required: 1, bad_token: 3 });
});

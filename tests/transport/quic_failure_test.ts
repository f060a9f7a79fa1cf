/** Pins what Deno's QUIC says, on live errors: when a new Deno says it otherwise, these fail and `failure.ts` follows. @module */

import assert from "node:assert/strict";
import { authorityOf, issueLeaf, type Leaf, serverNameOf } from "../../src/identity/mod.ts";
import { closeReason, dialError, dialFailure, listenError } from "../../src/transport/quic/failure.ts";
import { PATIENCE_MS } from "../conformance/deadline.ts";
import { alice, mallory, REALM } from "../conformance/transport_world.ts";

const DAY_MS = 86_400_000;
const HOSTNAME = "127.0.0.1";
const leafOf = (identity = alice, now = Date.now()) => issueLeaf(identity, { realm: REALM, hosts: [HOSTNAME], now });

/** Serves with a leaf and gives what the dial threw. */
async function failureOf(leaf: Leaf, options: object, treat: "accept" | "refuse" = "accept"): Promise<Error> {
  const endpoint = new Deno.QuicEndpoint({ hostname: HOSTNAME, port: 0 });
  const listener = endpoint.listen({ cert: leaf.cert, key: leaf.key, alpnProtocols: ["macula"] });
  const serving = listener.incoming().then(async (incoming) => {
    if (treat === "refuse") return incoming.refuse();
    (await incoming.accept()).closed.catch(() => {});
  }).catch(() => {});
  try {
    const connection = await Deno.connectQuic({
      hostname: HOSTNAME,
      port: endpoint.addr.port,
      alpnProtocols: ["macula"],
      maxIdleTimeout: PATIENCE_MS,
      ...options,
    });
    connection.closed.catch(() => {});
    connection.close();
  } catch (error) {
    return error as Error;
  } finally {
    await serving;
    listener.stop();
    endpoint.close();
  }
  throw new Error("Expected the dial to fail");
}

const expecting = (identity: typeof alice) => ({
  caCerts: [authorityOf(identity.publicKey)],
  serverName: serverNameOf(identity.id),
});

Deno.test("another key, another name, another hash, no authority: untrusted", async () => {
  const leaf = await leafOf();
  for (
    const options of [
      expecting(mallory),
      { ...expecting(alice), serverName: "other.example" },
      { ...expecting(alice), serverName: "127.0.0.2" },
      { serverName: serverNameOf(alice.id) },
      { serverCertificateHashes: [{ algorithm: "sha-256", value: new Uint8Array(32) }] },
    ]
  ) {
    const error = await failureOf(leaf, options);
    assert.match(error.message, /^the cryptographic handshake failed: error \d+: invalid peer certificate: /);
    assert.equal(dialFailure(error), "untrusted");
  }
});

Deno.test("a leaf in somebody's name, signed by another key: untrusted", async () => {
  const imposter = { id: alice.id, publicKey: alice.publicKey, seed: mallory.seed };
  const error = await failureOf(await leafOf(imposter as typeof alice), expecting(alice));
  assert.match(error.message, /BadSignature/);
  assert.equal(dialFailure(error), "untrusted");
});

Deno.test("out of its time, by key and by hash: certificate_not_valid_now", async () => {
  for (const days of [-40, 40]) {
    const leaf = await leafOf(alice, Date.now() + days * DAY_MS);
    for (
      const options of [
        expecting(alice),
        { serverCertificateHashes: [{ algorithm: "sha-256", value: leaf.hash }] },
      ]
    ) {
      const failure = await failureOf(leaf, options);
      assert.equal(dialFailure(failure), "certificate_not_valid_now");
      const { message } = dialError({ hostname: HOSTNAME, port: 1 }, failure);
      assert.match(message, days < 0 ? /one that has ended.*is ahead, or/ : /one that only begins.*is behind, or/);
    }
  }
});

Deno.test("refused before TLS, and another protocol: refused", async () => {
  const leaf = await leafOf();
  const refused = await failureOf(leaf, expecting(alice), "refuse");
  assert.equal(refused.message, "aborted by peer: the server refused to accept a new connection");
  assert.equal(dialFailure(refused), "refused");
  const foreign = await failureOf(leaf, { ...expecting(alice), alpnProtocols: ["h3"] });
  assert.match(foreign.message, /^aborted by peer: the cryptographic handshake failed: error 120/);
  assert.equal(dialFailure(foreign), "refused");
});

Deno.test("silence and impossible addresses: unreachable; a closed endpoint: aborted", async () => {
  const options = { alpnProtocols: ["macula"], port: 9, maxIdleTimeout: 200 };
  const dialling = async (from: object) => {
    try {
      return await Deno.connectQuic({ ...options, hostname: HOSTNAME, ...from });
    } catch (error) {
      return error as Error;
    }
  };
  const silence = await dialling({}) as Error;
  assert.equal(silence.message, "timed out");
  assert.equal(dialFailure(silence), "unreachable");
  assert.deepEqual(closeReason(silence), { by: "timeout", code: 0, text: "timed out" });
  const endpoint = new Deno.QuicEndpoint({ hostname: HOSTNAME, port: 0 });
  const impossible = await dialling({ hostname: "::1", endpoint }) as Error;
  assert.match(impossible.message, /^invalid remote address/);
  assert.equal(dialFailure(impossible), "unreachable");
  const pending = dialling({ endpoint });
  endpoint.close();
  assert.equal(dialFailure(await pending), "aborted");
  assert.equal(dialFailure(await dialling({ endpoint })), "aborted");
});

Deno.test("errors of binding are told by their class", () => {
  const address = { hostname: "::1", port: 9443 };
  for (
    const [cause, code, says] of [
      [new Deno.errors.AddrInUse("x"), "address_in_use", /port 9443/],
      [new Deno.errors.AddrNotAvailable("x"), "address_unavailable", /\[::1\]:9443/],
      [new Deno.errors.NotCapable("x"), "permission_denied", /--allow-net=\[::1\]:9443$/],
    ] as const
  ) {
    const error = listenError(address, cause);
    assert.equal(error.code, code);
    assert.match(error.message, says);
  }
});

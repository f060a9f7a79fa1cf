/** The randomness of TLS: what is begun ahead of time is waited for, and a platform that cannot is none the worse. @module */

import assert from "node:assert/strict";
import { gatherEntropy } from "../../src/transport/quic/entropy.ts";
import { createQuicTransport } from "../../src/transport/quic/mod.ts";
import { createIdentity, issueLeaf } from "../../src/identity/mod.ts";

Deno.test("a platform that cannot gather it ahead of time goes on without", async () => {
  const { generateKey } = crypto.subtle;
  let asked = 0;
  crypto.subtle.generateKey = () => {
    asked++;
    return Promise.reject(new DOMException("not here", "NotSupportedError")) as never;
  };
  try {
    await gatherEntropy();
  } finally {
    crypto.subtle.generateKey = generateKey;
  }
  assert.equal(asked, 1);
});

Deno.test("a transport begins once, when it listens or dials, and is not closed before that has ended", async () => {
  const hosts = ["127.0.0.1"], realm = "org.example.home";
  const tls = await issueLeaf(createIdentity(new Uint8Array(32).fill(1)), { realm, hosts, now: Date.now() });
  const { generateKey } = crypto.subtle;
  const gathered = Promise.withResolvers<CryptoKey>(), order: string[] = [];
  crypto.subtle.generateKey = () => {
    order.push("begun");
    return gathered.promise as never;
  };
  try {
    const transport = createQuicTransport();
    order.push("made");
    const address = { hostname: "127.0.0.1", port: 0 };
    const listener = await transport.listen({ address, tls, onConnection: () => {} });
    const again = await transport.listen({ address, tls, onConnection: () => {} });
    order.push("listens");
    await Promise.all([listener.close(), again.close()]);
    const closed = transport.close().then(() => order.push("closed"));
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setTimeout(resolve)); // time to close too early
    order.push("gathered");
    gathered.resolve({} as CryptoKey);
    await closed;
  } finally {
    crypto.subtle.generateKey = generateKey;
  }
  assert.deepEqual(order, ["made", "begun", "listens", "gathered", "closed"]);
});

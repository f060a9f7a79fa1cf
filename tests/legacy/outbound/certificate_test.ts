/** The certificates that the original makes: marked as those of a CA, for no host. Deno takes them with a flag alone. @module */

import assert from "node:assert/strict";
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { connect } from "../../../src/edge/connect.ts";
import type { DialError } from "../../../src/transport/transport.ts";
import { soon } from "../../conformance/deadline.ts";
import { OriginalGateway } from "./original_gateway.ts";
import { REALM } from "../world.ts";

/** As `openssl req -x509` makes it: RSA 2048, self-signed, CN=macula-node, CA:TRUE, no SAN. */
async function originalCertificate(): Promise<{ cert: string; key: string }> {
  const algorithm = {
    name: "RSASSA-PKCS1-v1_5",
    hash: "SHA-256",
    publicExponent: Uint8Array.of(1, 0, 1),
    modulusLength: 2048,
  };
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=macula-node",
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 3650 * 86_400_000),
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  const key = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return { cert: certificate.toString("pem"), key: x509.PemConverter.encode(key, "PRIVATE KEY") };
}

Deno.test("original certificate: refused with the sentence that says what to do, also where it is given as a CA", async () => {
  const tls = await originalCertificate();
  await using gateway = await OriginalGateway.open(tls);
  for (const caCerts of [undefined, [tls.cert]]) {
    const connecting = connect(`https://127.0.0.1:${gateway.port}`, { realm: REALM, legacy: true, caCerts });
    await assert.rejects(connecting, (error: DialError) => {
      assert.deepEqual([error.code, error.retryable], ["untrusted", false]);
      assert.match(error.message, /its certificate is that of a CA, which may not stand for a host/);
      assert.match(error.message, /give the gateway a proper one \(MACULA_TLS_CERTFILE, MACULA_TLS_KEYFILE\)/);
      assert.match(error.message, /--unsafely-ignore-certificate-errors=127\.0\.0\.1$/);
      return true;
    });
  }
});

Deno.test("original certificate: with Deno's flag for that host alone it connects", async () => {
  await using gateway = await OriginalGateway.open(await originalCertificate());
  const client = `
    import { connect } from ${JSON.stringify(new URL("../../../mod.ts", import.meta.url).href)};
    const mesh = await connect("https://127.0.0.1:${gateway.port}", { realm: "${REALM}", legacy: true });
    await mesh.publish("from.flagged", { n: 1 }, { acknowledge: true });
    await mesh.close();
    console.log("done");`;
  const flag = "--unsafely-ignore-certificate-errors=127.0.0.1",
    config = new URL("../../../deno.json", import.meta.url);
  const args = ["run", "--no-check", "-A", "--unstable-net", flag, "--config", config.pathname, "-"];
  const process = new Deno.Command(Deno.execPath(), { args, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(client));
  await writer.close();
  const { code, stdout, stderr } = await soon(process.output(), "the client's end");
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  assert.equal(new TextDecoder().decode(stdout), "done\n");
  assert.deepEqual(gateway.of("publish").map(({ topic }) => topic), ["from.flagged"]);
});

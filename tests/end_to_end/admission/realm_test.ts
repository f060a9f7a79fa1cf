/** `macula realm` and `macula cert` in processes of their own. @module */

import assert from "node:assert/strict";
import * as jose from "jose";
import { createIdentity, issueLeaf } from "../../../src/identity/mod.ts";
import { type Outcome, runProgram } from "../program.ts";

const FLAGS = { flags: ["-A"] }; // none of this needs QUIC
const NODE = "ab".repeat(32);

async function withFolder(action: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "macula-realm-" });
  try {
    await action(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function assertFails({ code, stdout, stderr }: Outcome, expected: number, line: RegExp): void {
  assert.deepEqual([code, stdout], [expected, ""], stderr);
  assert.match(stderr, /^macula: [^\n]*[^.\n]\n$/);
  assert.match(stderr, line);
}

Deno.test("a realm's life on the command line", (t) =>
  withFolder(async (folder) => {
    const realm = (...args: string[]) => runProgram(["realm", ...args, "--state-dir", `${folder}/state`], FLAGS);
    const out = async (...args: string[]) => {
      const { code, stdout, stderr } = await realm(...args);
      assert.deepEqual([code, stderr], [0, ""], args.join(" "));
      return stdout.trimEnd();
    };
    await t.step("without a key there is nothing to issue or export", async () => {
      assertFails(await realm("issue", "--node", NODE), 1, /no realm key in .*; macula realm init <name> makes one/);
      assertFails(await realm("export-public"), 1, /macula realm init <name> makes one/);
      assert.equal(await out(), "org.example.mesh");
    });
    let publicKey = "", keyId = "", token = "";
    await t.step("init prints realm, public key and key id, once", async () => {
      const lines = (await out("init", "org.example.home")).split("\n");
      assert.deepEqual(lines.map((line) => line.split(" ")[0]), ["realm", "public-key", "key-id"]);
      [, publicKey = "", keyId = ""] = lines.map((line) => line.split(" ")[1]!);
      assert.equal((await Deno.stat(`${folder}/state/realm.key`)).mode! & 0o777, 0o600);
      assertFails(await realm("init", "org.example.home"), 1, /never replaced/);
      assertFails(await realm("init"), 2, /used as "macula realm init <name>", got no argument/);
      assert.equal(await out("show"), "org.example.home");
      assert.deepEqual(JSON.parse(await out("show", "--json")), { realm: "org.example.home", publicKey, keyId });
    });
    await t.step("issue prints the token alone, and jose verifies it with the exported key", async () => {
      token = await out("issue", "--node", NODE, "--publish", "a.*,b.**", "--publish", "c", "--ttl", "12h");
      assert.match(token, /^[\w-]+\.[\w-]+\.[\w-]+$/);
      const pem = await out("export-public");
      assert.match(pem, /^realm: org\.example\.home\n-----BEGIN PUBLIC KEY-----\n/);
      const key = await jose.importSPKI(pem.slice(pem.indexOf("\n") + 1), "EdDSA");
      const { payload } = await jose.jwtVerify(token, key, { issuer: keyId, audience: "org.example.home" });
      const { role, publish, subscribe, iat = 0, exp } = payload;
      assert.deepEqual([role, publish, subscribe, exp], ["edge", ["a.*", "b.**", "c"], undefined, iat + 43_200]);
      const hub = JSON.parse(await out("issue", "--node", NODE, "--role", "hub", "--json"));
      assert.equal(jose.decodeJwt(hub.credential).role, "hub");
    });
    await t.step("what cannot be issued is a usage error", async () => {
      const wrong: [string[], RegExp][] = [
        [[], /--node <id> is expected/],
        [["--node", "me"], /64 hexadecimal digits, got "me"/],
        [["--node", NODE, "--publish", "a*"], /its claim publish is .*, got "a\*"/],
        [["--node", NODE, "--ttl", "soon"], /Cannot use --ttl: a time from 1s to 3650d .* got "soon"/],
        [["--node", NODE, "--role", "admin"], /one of edge, hub is expected/],
      ];
      for (const [args, line] of wrong) assertFails(await realm("issue", ...args), 2, line);
      assertFails(await realm("show", "--ttl", "1d"), 2, /Cannot use --ttl with realm show/);
      assertFails(await realm("frobnicate"), 2, /one of show, init, issue, inspect, revoke, export-public, token/);
    });
    await t.step("inspect tells what it says and whether it holds", async () => {
      const inspected = JSON.parse(await out("inspect", token));
      assert.deepEqual([inspected.verdict, inspected.claims.sub], ["valid", NODE]);
      const elsewhere = (...args: string[]) =>
        runProgram(["realm", "inspect", token, "--state-dir", `${folder}/none`, ...args], FLAGS);
      assert.equal(JSON.parse((await elsewhere()).stdout).verdict, "unchecked");
      assert.equal(JSON.parse((await elsewhere("--realm-key", publicKey)).stdout).verdict, "valid");
      const other = await elsewhere("--realm-key", "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
      assert.deepEqual([other.code, JSON.parse(other.stdout).verdict], [1, "wrong_issuer"]);
      const changed = await realm("inspect", token.replace(/.{10}$/, "A".repeat(10)));
      assert.deepEqual([changed.code, JSON.parse(changed.stdout).verdict], [1, "bad_signature"]);
      assertFails(await realm("inspect", "x.y"), 1, /three parts .* got 2/);
      assertFails(await realm("inspect", "@/no/such"), 2, /no file \/no\/such/);
    });
    await t.step("revoke takes a token, a file or an id", async () => {
      await Deno.writeTextFile(`${folder}/token`, `${token}\n`);
      const { jti } = jose.decodeJwt(token);
      assert.equal(await out("revoke", `@${folder}/token`), `revoked ${jti}`);
      const inspected = await realm("inspect", token);
      assert.deepEqual([inspected.code, JSON.parse(inspected.stdout).verdict], [1, "revoked"]);
      assert.equal(await out("revoke", "another-id"), "revoked another-id");
      assertFails(await realm("revoke", token.replace(/.{10}$/, "A".repeat(10))), 2, /its signature must be that/);
      assertFails(await realm("revoke", "a b"), 2, /Cannot revoke a credential/);
    });
    await t.step("exactly the printed permissions suffice", async () => {
      const printed = (await out("issue", "--node", NODE, "--print-permissions")).split(" ");
      const flags = [...printed, "--no-prompt"], args = ["realm", "issue", "--node", NODE];
      const issued = await runProgram([...args, "--state-dir", `${folder}/state`], { flags });
      assert.deepEqual([issued.code, issued.stderr], [0, ""]);
    });
    await t.step("token draws 256 bits", async () => {
      const [one, two] = [await out("token"), await out("token")];
      assert.match(one, /^[A-Za-z0-9_][A-Za-z0-9_-]{42}$/);
      assert.notEqual(one, two);
    });
  }));

Deno.test("macula cert shows and checks", () =>
  withFolder(async (folder) => {
    const leaf = await issueLeaf(createIdentity(new Uint8Array(32).fill(1)), {
      realm: "org.example.home",
      hosts: ["gw.example.org"],
      now: Date.now(),
    });
    const [cert, key, other] = [`${folder}/cert.pem`, `${folder}/key.pem`, `${folder}/other.pem`];
    await Deno.writeTextFile(cert, leaf.cert);
    await Deno.writeTextFile(key, leaf.key);
    const pair = await jose.generateKeyPair("ES256", { extractable: true });
    await Deno.writeTextFile(other, await jose.exportPKCS8(pair.privateKey));
    const run = (...args: string[]) => runProgram(["cert", ...args, "--state-dir", `${folder}/none`], FLAGS);
    assertFails(await run(), 1, /a gateway makes it when it starts; or name a file/);
    assertFails(await run("show", "/no/such"), 2, /no file \/no\/such/);
    assertFails(await run("frob"), 2, /show or check is expected/);
    assertFails(await run("check", cert, cert), 2, /Cannot read the private key/);
    assert.equal(JSON.parse((await run("show", cert)).stdout).sha256, leaf.hash.toHex());
    const good = await run("check", cert, key, "--host", "gw.example.org", "--browser");
    assert.deepEqual([good.code, good.stdout], [0, `ok ${cert}\n`]);
    const wrong = await run("check", cert, other, "--host", "elsewhere.example");
    assert.equal(wrong.code, 1);
    assert.match(
      wrong.stdout,
      /^fault key_mismatch: .*\nfault wrong_host: it must be for elsewhere\.example, got .*\n$/,
    );
    assert.equal(JSON.parse((await run("check", cert, other, "--json")).stdout).findings[0].code, "key_mismatch");
    const printed = (await run("check", cert, key, "--print-permissions")).stdout.trim().split(" ");
    const exact = await runProgram(["cert", "check", cert, key], { flags: [...printed, "--no-prompt"] });
    assert.deepEqual([exact.code, exact.stderr], [0, ""]);
  }));

/** Who may join, as flags, environment and state folder say it; and what a node shows, kept up to date. @module */

import assert from "node:assert/strict";
import { givenAuth, showing } from "../../src/cli/admission/credential_source.ts";
import { parseDuration } from "../../src/cli/admission/duration.ts";
import { gatewayAdmission } from "../../src/cli/admission/gateway_admission.ts";
import { HUB_CREDENTIAL_MS, HubCredential } from "../../src/cli/admission/hub_credential.ts";
import { parseArguments } from "../../src/cli/options.ts";
import { Settings } from "../../src/cli/settings.ts";
import { createIdentity, encodeRealmPublicKey, issueCredential, readCredential } from "../../src/identity/mod.ts";
import { SILENT } from "../../src/mesh/options.ts";
import { parseRealm } from "../../src/names/mod.ts";
import { createRealmKey, openStateFolder, revoke, type StateFolder, WATCH_LOOK_MS } from "../../src/store/mod.ts";
import { until } from "../conformance/deadline.ts";
import { ManualTimers } from "../transport/manual_timers.ts";

const realm = parseRealm("org.example.home"), NOW = 1_000_000;
const identity = createIdentity(new Uint8Array(32).fill(1)), other = createIdentity(new Uint8Array(32).fill(2));
const key = { realm, identity: createIdentity(new Uint8Array(32).fill(3)) };
const strangersKey = { realm, identity: createIdentity(new Uint8Array(32).fill(4)) };

function settings(text: string, values: Record<string, string> = {}): Settings {
  return new Settings(parseArguments(text.split(" ").filter(Boolean)), values);
}

function credentialFor(node: string, role: "edge" | "hub" = "edge", id?: string): Promise<string> {
  return issueCredential(key.identity, { realm, node, role, rights: {}, now: NOW, lifeMs: 3_600_000, id });
}

async function withFolder(action: (folder: StateFolder) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempDir({ prefix: "macula-admission-" });
  try {
    await action(await openStateFolder(path, { lock: false }));
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

/** What a gateway with this folder is started with; the timers are then looked at for leftovers. */
async function admissionOf(folder: StateFolder, text: string, values: Record<string, string> = {}) {
  const timers = new ManualTimers();
  const found = await gatewayAdmission(settings(text, values), { identity, folder, timers, logger: SILENT });
  const { admission, auth, realm } = found;
  const own = typeof auth?.credential === "function" ? auth.credential() : auth?.credential;
  const revoked = admission?.mode === "credential" && admission.isRevoked?.("gone");
  found[Symbol.dispose]();
  assert.equal(timers.outstanding, 0);
  return { admission, own, realm, revoked };
}

Deno.test("one thing is shown; flags win over the environment", () => {
  const env = { MACULA_TOKEN: "t" };
  assert.equal(givenAuth(settings("")), undefined);
  assert.deepEqual(givenAuth(settings("", env)), { kind: "token", value: "t" });
  assert.deepEqual(givenAuth(settings("--credential c", env)), { kind: "credential", value: "c" });
  assert.deepEqual(givenAuth(settings("--credential-file /f", env)), { kind: "file", value: "/f" });
  assert.throws(() => givenAuth(settings("--token t --credential c")), {
    code: "invalid",
    message: "Cannot use --token and --credential together: one of them is expected",
  });
  assert.throws(() => givenAuth(settings("", { ...env, MACULA_CREDENTIAL_FILE: "/f" })), {
    message: "Cannot use MACULA_TOKEN and MACULA_CREDENTIAL_FILE together: one of them is expected",
  });
});

Deno.test("durations have a number and a unit", () => {
  const read: [string, number][] = [["90s", 90_000], ["15m", 900_000], ["12h", 43_200_000], ["30d", 2_592_000_000]];
  for (const [text, ms] of read) assert.equal(parseDuration(text, "--ttl"), ms);
  for (const text of ["", "0s", "5", "d", "-1d", "1.5h", "1w", "3651d", "1d1d", "9999999999d"]) {
    assert.throws(() => parseDuration(text, "--ttl"), { code: "invalid", message: /^Cannot use --ttl: / }, text);
  }
});

Deno.test("admission follows what was said", () =>
  withFolder(async (folder) => {
    assert.deepEqual((await admissionOf(folder, "")).admission, undefined, "startGateway decides by the address");
    assert.deepEqual((await admissionOf(folder, "--admission open")).admission, { mode: "open" });
    const token = { mode: "token", token: "secret" };
    assert.deepEqual((await admissionOf(folder, "--token secret")).admission, token);
    assert.deepEqual((await admissionOf(folder, "", { MACULA_TOKEN: "secret" })).admission, token);
    const missing: [string, RegExp][] = [
      ["--admission token", /needs the realm's secret, .*; macula realm token makes one$/],
      ["--admission credential", /macula realm init <name> makes one in .*, --realm-key names one/],
      ["--admission all", /^Cannot use --admission: one of open, token, credential is expected, got "all"$/],
      [`--realm-key ${"00".repeat(32)}`, /--realm-key as the realm's public key/],
      ["--realm-key /no/such", /no file \/no\/such$/],
      [`--realm-key ${key.identity.publicKey.toHex()}`, new RegExp(`issue --role hub --node ${identity.id}, and`)],
      [`--realm-key ${key.identity.publicKey.toHex()} --token secret`, /must be said who may join/],
    ];
    for (const [text, message] of missing) {
      await assert.rejects(admissionOf(folder, text), { code: "invalid", message }, text);
    }
  }));

Deno.test("a folder with the realm's key makes a gateway that asks for credentials and issues its own", () =>
  withFolder(async (folder) => {
    await createRealmKey(folder, key);
    await revoke(folder, { id: "gone" }, NOW);
    const found = await admissionOf(folder, "");
    assert.deepEqual([found.admission?.mode, found.realm, found.revoked], ["credential", realm, true]);
    assert(found.admission?.mode === "credential");
    assert.deepEqual(found.admission.realmKey, key.identity.publicKey);
    const own = readCredential(found.own!);
    assert.deepEqual([own.node, own.role, own.issuer], [identity.id, "hub", key.identity.id]);
    assert.deepEqual(own.rights.publish, ["**"]);
    assert.equal((await admissionOf(folder, "--admission open")).admission?.mode, "open", "what is said counts");
    await assert.rejects(admissionOf(folder, "--realm org.example.work"), {
      code: "invalid",
      message:
        "Cannot start a gateway: its realm must be that of the realm's key, org.example.home, got org.example.work",
    });
    const stranger = strangersKey.identity.publicKey.toHex();
    await assert.rejects(admissionOf(folder, `--realm-key ${stranger}`), /issue --role hub/, "not its key's realm");
    await folder.writeText("revoked.json", "{");
    await assert.rejects(admissionOf(folder, ""), { code: "state_damaged" }, "a damaged list fails closed");
  }));

Deno.test("a folder with the public key checks, and shows the credential that it was given", () =>
  withFolder(async (folder) => {
    await folder.writeText("realm.pub", encodeRealmPublicKey(realm, key.identity.publicKey));
    await assert.rejects(admissionOf(folder, ""), /macula realm issue --role hub --node/);
    const credential = await credentialFor(identity.id, "hub");
    const found = await admissionOf(folder, `--credential ${credential}`);
    assert.deepEqual([found.own, found.realm, found.revoked], [credential, realm, false]);
    const foreign = await credentialFor(other.id, "hub");
    await assert.rejects(admissionOf(folder, `--credential ${foreign}`), {
      code: "invalid",
      message: /is for the node/,
    });
    await assert.rejects(admissionOf(folder, "--credential x"), { code: "invalid", message: /three parts .* got 1$/ });
  }));

Deno.test("a gateway's own credential is renewed at half its life, also after a failure", async () => {
  const timers = new ManualTimers(), errors: string[] = [];
  let broken = false;
  const issuer = {
    ...key,
    get identity() {
      if (broken) throw new Error("the disk is on fire");
      return key.identity;
    },
  };
  const logger = { ...SILENT, error: (message: string) => void errors.push(message) };
  using hub = await HubCredential.open({ key: issuer, identity, timers, logger });
  const life = () => readCredential(hub.token), first = life();
  assert.equal(first.expires - first.notBefore, HUB_CREDENTIAL_MS);
  /** Issuing takes real time: virtual time goes on in small steps until it is done. */
  const passes = (condition: () => boolean, what: string) =>
    until(async () => {
      await timers.run(60_000);
      return condition();
    }, what);
  await timers.run(HUB_CREDENTIAL_MS * 0.49);
  assert.equal(life().id, first.id);
  broken = true;
  await timers.run(HUB_CREDENTIAL_MS * 0.1);
  await passes(() => errors.length > 0, "telling of the failure");
  assert.equal(life().id, first.id);
  broken = false;
  await passes(() => life().id !== first.id, "the renewal");
  assert(timers.now() < first.expires && life().expires > first.expires);
});

Deno.test("a credential in a file is shown anew when it was replaced; a wrong one is not", () =>
  withFolder(async (folder) => {
    const timers = new ManualTimers(), said: string[] = [], path = folder.pathOf("edge.jwt");
    const logger = {
      ...SILENT,
      info: (message: string) => void said.push(message),
      error: (_: string, fields: Readonly<Record<string, unknown>> = {}) => void said.push(String(fields.text)),
    };
    const given = { kind: "file", value: path } as const, means = { identity, timers, logger };
    await assert.rejects(showing(given, means), { code: "invalid", message: /there is no file/ });
    const [first, second] = [
      await credentialFor(identity.id, "edge", "one"),
      await credentialFor(identity.id, "edge", "two"),
    ];
    await Deno.writeTextFile(path, `${first}\n`);
    using shown = await showing(given, means);
    const current = () => (shown.auth.credential as () => string)();
    assert.equal(current(), first);
    const says = (pattern: RegExp) =>
      until(async () => {
        await timers.run(WATCH_LOOK_MS);
        return pattern.test(said.at(-1) ?? "");
      }, String(pattern));
    await Deno.writeTextFile(path, await credentialFor(other.id));
    await says(/it is for the node/);
    await Deno.writeTextFile(path, "");
    await says(/it must hold something/);
    assert.equal(current(), first);
    await Deno.writeTextFile(path, second);
    await says(/the credential was read again/);
    assert.equal(current(), second);
  }));

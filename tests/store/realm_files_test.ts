/** The realm's key and the revocation list in the state folder: kept, shared between processes, and damaged. @module */

import assert from "node:assert/strict";
import { createIdentity, parseRealmPublicKey, type RealmKey } from "../../src/identity/mod.ts";
import { encodeKeyFile, encodeRealmKey, encodeRealmPublicKey, parseRealmKey } from "../../src/identity/mod.ts";
import { parseRealm } from "../../src/names/mod.ts";
import {
  createRealmKey,
  openStateFolder,
  readRealmKey,
  readRealmPublicKey,
  RevocationList,
  revoke,
  REVOKED_MAX,
  type StateFolder,
  WATCH_LOOK_MS,
} from "../../src/store/mod.ts";
import { until } from "../conformance/deadline.ts";
import { ManualTimers } from "../transport/manual_timers.ts";

const key: RealmKey = { realm: parseRealm("org.example.home"), identity: createIdentity(new Uint8Array(32).fill(5)) };
const NOW = 1_700_000_000_000, MINUTE_MS = 60_000;

async function withFolder(action: (folder: StateFolder) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempDir({ prefix: "macula-realm-" });
  try {
    await action(await openStateFolder(`${path}/state`, { lock: false }));
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

Deno.test("the realm's key is kept for its owner alone and never replaced", () =>
  withFolder(async (folder) => {
    assert.equal(await readRealmKey(folder), undefined);
    assert.equal(await readRealmPublicKey(folder), undefined);
    await createRealmKey(folder, key);
    const read = (await readRealmKey(folder))!;
    assert.deepEqual([read.realm, read.identity.id], [key.realm, key.identity.id]);
    assert.deepEqual(await readRealmPublicKey(folder), { realm: key.realm, publicKey: key.identity.publicKey });
    const other = { ...key, identity: createIdentity(new Uint8Array(32).fill(6)) };
    await assert.rejects(createRealmKey(folder, other), { code: "state_exists", message: /never replaced/ });
    assert.equal((await readRealmKey(folder))!.identity.id, key.identity.id);
    if (Deno.build.os === "windows") return;
    const path = folder.pathOf("realm.key");
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
    await Deno.chmod(path, 0o640);
    for (const read of [readRealmKey, readRealmPublicKey]) {
      await assert.rejects(read(folder), { code: "key_exposed", message: /got mode 640; chmod 600 it/ });
    }
  }));

Deno.test("a damaged realm key is an error with the cure, and repeats nothing of it", () =>
  withFolder(async (folder) => {
    const good = encodeRealmKey(key), path = "/s/realm.key";
    assert.equal(parseRealmKey(good.replaceAll("\n", "\r\n"), path).identity.id, key.identity.id);
    const damaged = [
      good.slice(0, 60),
      encodeKeyFile(key.identity),
      good.replace("org.example.home", "a..b"),
      "x",
      "{}",
    ];
    for (const text of damaged) {
      assert.throws(() => parseRealmKey(text, path), (error: Error & { code: string }) => {
        assert.equal(error.code, "key_damaged");
        assert.match(error.message, /^Cannot read the realm's key: \/s\/realm\.key must .* Put back a copy of it; /);
        assert(!error.message.includes("MC4CAQ"), error.message);
        return true;
      });
    }
    await folder.createSecret("realm.key", good.slice(0, 60));
    await assert.rejects(readRealmKey(folder), { code: "key_damaged" });
    await assert.rejects(createRealmKey(folder, key), { code: "state_exists" });
  }));

Deno.test("the public key alone is enough for a gateway that checks", () =>
  withFolder(async (folder) => {
    const { publicKey } = key.identity, text = encodeRealmPublicKey(key.realm, publicKey);
    await folder.writeText("realm.pub", text);
    assert.deepEqual(await readRealmPublicKey(folder), { realm: key.realm, publicKey });
    const bare = text.slice(text.indexOf("\n") + 1);
    for (const form of [bare, publicKey.toHex(), `${publicKey.toHex().toUpperCase()}\n`]) {
      assert.deepEqual(parseRealmPublicKey(form, "it"), { realm: undefined, publicKey });
    }
    const wrong = [
      "",
      "00".repeat(32),
      "ab".repeat(31),
      encodeKeyFile(key.identity),
      bare.replace("MCow", "MCoo"),
      "x",
    ];
    for (const form of wrong) {
      const rule = /^Cannot use --realm-key as the realm's public key: it is 64 hexadecimal digits, or .*, got /;
      assert.throws(() => parseRealmPublicKey(form, "--realm-key"), { code: "invalid", message: rule }, form);
    }
    await folder.writeText("realm.pub", "nothing");
    await assert.rejects(readRealmPublicKey(folder), { code: "state_damaged", message: /realm\.pub: it must be what/ });
  }));

Deno.test("what is revoked is seen by a gateway that runs, and a damaged list fails closed", () =>
  withFolder(async (folder) => {
    const timers = new ManualTimers(), failures: string[] = [], sizes: number[] = [];
    const options = {
      timers,
      onChange: (size: number) => sizes.push(size),
      onFailure: (error: Error) => failures.push(error.message),
    };
    using list = await RevocationList.open(folder, options);
    /** Lets it look until something holds: it looks at the disk, which takes real time. */
    const looks = (condition: () => boolean, what: string) =>
      until(async () => {
        await timers.run(WATCH_LOOK_MS);
        return condition();
      }, what);
    assert(!list.isRevoked("one"));
    await revoke(folder, { id: "one" }, NOW);
    await looks(() => list.isRevoked("one"), "seeing the first");
    await revoke(folder, { id: "two", expires: NOW + MINUTE_MS }, NOW);
    await looks(() => list.isRevoked("two"), "seeing the second");
    assert.deepEqual([list.size, sizes, failures], [2, [1, 2], []]);

    const path = folder.pathOf("revoked.json"), good = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, good.slice(0, 20));
    await looks(() => failures.length === 1, "telling of the damage");
    assert.match(failures[0]!, /revoked\.json: it must be JSON; put back a copy/);
    await timers.run(10 * WATCH_LOOK_MS);
    assert(list.isRevoked("one") && list.isRevoked("two"), "the last good list stays in force");
    assert.equal(failures.length, 1, "it is told once");
    await assert.rejects(revoke(folder, { id: "three" }, NOW), { code: "state_damaged" });
    await assert.rejects(RevocationList.open(folder, options), { code: "state_damaged" });
    await Deno.remove(path);
    await looks(() => failures.length === 2, "telling that it is gone");
    assert(list.isRevoked("one"));
    await Deno.writeTextFile(path, '{"revoked":{"three":0}}');
    await looks(() => list.isRevoked("three"), "reading it again");
    assert(!list.isRevoked("one"));
    list.close();
    assert.equal(timers.outstanding, 0);
  }));

Deno.test("a list holds what has not expired, in bounds", () =>
  withFolder(async (folder) => {
    const read = async () => Object.keys(JSON.parse((await folder.readText("revoked.json"))!).revoked);
    await revoke(folder, { id: "short", expires: NOW + MINUTE_MS }, NOW);
    await revoke(folder, { id: "unknown" }, NOW);
    await revoke(folder, { id: "b" }, NOW + 3 * MINUTE_MS);
    assert.deepEqual(await read(), ["short", "unknown", "b"]);
    await revoke(folder, { id: "c" }, NOW + 3 * MINUTE_MS + 1);
    assert.deepEqual(await read(), ["unknown", "b", "c"]);
    await Promise.all(Array.from({ length: 20 }, (_, i) => revoke(folder, { id: `parallel-${i}` }, NOW)));
    assert.equal((await read()).length, 23, "none is lost where several write at once");
    const full = Object.fromEntries(Array.from({ length: REVOKED_MAX }, (_, i) => [`id-${i}`, 0]));
    await folder.writeText("revoked.json", JSON.stringify({ revoked: full }));
    await revoke(folder, { id: "id-7" }, NOW);
    await assert.rejects(revoke(folder, { id: "more" }, NOW), { code: "revocations_full" });
    const list = (text: string) => folder.writeText("revoked.json", text).then(() => open(folder));
    for (const text of ["[]", "{}", '{"revoked":[]}', '{"revoked":{"a.b":0}}', '{"revoked":{"a":"0"}}']) {
      await assert.rejects(list(text), { code: "state_damaged" }, text);
    }
    await assert.rejects(list(JSON.stringify({ revoked: { ...full, more: 0 } })), { code: "state_damaged" });
  }));

function open(folder: StateFolder): Promise<RevocationList> {
  return RevocationList.open(folder, { timers: new ManualTimers(), onFailure: assert.fail });
}

/** The state folder: what is kept, who is kept out, and what each failure says. @module */

import assert from "node:assert/strict";
import { MeshError, ValidationError } from "../../src/base/errors.ts";
import { formatTicket, parseRealm } from "../../src/names/mod.ts";
import { defaultStateDir, openStateFolder } from "../../src/store/state_folder.ts";

/** Rejects unless `action` fails with this code and a message that matches. */
async function failsWith(code: string, pattern: RegExp, action: () => unknown): Promise<void> {
  await assert.rejects(async () => await action(), (error) => {
    assert.ok(error instanceof MeshError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, pattern);
    assert.ok(!error.message.endsWith("."));
    return true;
  });
}

async function withFolder(action: (path: string) => Promise<void>): Promise<void> {
  const parent = await Deno.makeTempDir({ prefix: "macula-state-" });
  try {
    await action(`${parent}/a/state`);
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
}

/** Runs `code` with what the store exports in another process. */
async function inChild(code: string, flags: readonly string[] = ["-A"]): Promise<string> {
  const from = new URL("../../src/store/mod.ts", import.meta.url).href;
  const module = `import { openStateFolder } from ${JSON.stringify(from)};\n${code}`;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", ...flags, `data:application/typescript,${encodeURIComponent(module)}`],
    stdout: "piped",
    stderr: "piped",
  }).output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

Deno.test("a folder is created for its owner alone, and what is written in it comes back", () =>
  withFolder(async (path) => {
    await using folder = await openStateFolder(path, { lock: true });
    assert.equal(folder.path, path);
    assert.equal(await folder.readKey(), undefined);
    assert.equal(await folder.readText("ticket"), undefined);
    await folder.writeKey("secret key\n");
    await folder.writeText("ticket", "macula1abc\n");
    await folder.writeText("ticket", "macula1def\n");
    await folder.writeText("token", "0123", { secret: true });
    assert.equal(await folder.readKey(), "secret key\n");
    assert.equal(await folder.readText("ticket"), "macula1def\n");
    if (Deno.build.os !== "windows") {
      const mode = async (file: string) => (await Deno.stat(file)).mode! & 0o777;
      assert.equal(await mode(path), 0o700);
      assert.equal(await mode(folder.keyPath), 0o600);
      assert.equal(await mode(`${path}/token`), 0o600);
      assert.equal(await mode(`${path}/lock`), 0o600);
    }
    await folder.remove("ticket");
    await folder.remove("ticket");
    assert.equal(await folder.readText("ticket"), undefined);
    const names = [...Deno.readDirSync(path)].map((entry) => entry.name).sort();
    assert.deepEqual(names, ["lock", "node.key", "token"]);
  }));

Deno.test("a ticket comes back as it was left, and what is none is an error", () =>
  withFolder(async (path) => {
    await using folder = await openStateFolder(path, { lock: true });
    const ticket = formatTicket({
      realm: parseRealm("org.example"),
      publicKey: new Uint8Array(32).fill(7),
      addresses: [],
    });
    assert.equal(await folder.readTicket(), undefined);
    await folder.writeTicket(ticket);
    assert.equal(await folder.readTicket(), ticket);
    await folder.writeText("ticket", "macula1half");
    await assert.rejects(folder.readTicket(), ValidationError);
  }));

Deno.test("a second process is told who holds the folder, and may have it afterwards", () =>
  withFolder(async (path) => {
    const first = await openStateFolder(path, { lock: true });
    const open = `try { await openStateFolder(${JSON.stringify(path)}, { lock: true }); console.log("opened"); }
      catch (error) { console.log([error.code, error.retryable, error.message].join(" ")); }`;
    const said = await inChild(open);
    assert.match(said, /^state_locked true Cannot open the state folder .*: one process at a time may hold it/);
    assert.match(said, new RegExp(`got process ${Deno.pid}; .*macula stop.*--state-dir`));
    await failsWith("state_locked", /--state-dir/, () => openStateFolder(path, { lock: true }));
    await using looking = await openStateFolder(path, { lock: false });
    assert.equal(await looking.holder(), Deno.pid);
    assert.equal(await first.holder(), Deno.pid);
    await first.close();
    await first.close();
    assert.equal(await looking.holder(), undefined);
    assert.equal(await inChild(open), "opened\n");
  }));

Deno.test("a killed process leaves the folder free, and its half-written file is swept", () =>
  withFolder(async (path) => {
    await using folder = await openStateFolder(path, { lock: true });
    await folder.close();
    await Deno.writeTextFile(`${path}/.ticket.5b1c.new`, "macul");
    const said = await inChild(`await openStateFolder(${JSON.stringify(path)}, { lock: true });
      Deno.kill(Deno.pid, "SIGKILL"); await new Promise(() => {});`);
    assert.equal(said, "");
    await using again = await openStateFolder(path, { lock: true });
    assert.equal(await again.holder(), Deno.pid);
    assert.deepEqual([...Deno.readDirSync(path)].map((entry) => entry.name), ["lock"]);
  }));

Deno.test("who only looks creates nothing until it writes", () =>
  withFolder(async (path) => {
    await using folder = await openStateFolder(path, { lock: false });
    assert.equal(await folder.readKey(), undefined);
    assert.equal(await folder.holder(), undefined);
    await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
    await folder.writeKey("k");
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o700);
  }));

Deno.test("a key is never replaced, and a damaged one is an error that leaves the file alone", () =>
  withFolder(async (path) => {
    await using folder = await openStateFolder(path, { lock: true });
    await folder.writeKey("first");
    await failsWith("state_exists", /node\.key: it is never replaced/, () => folder.writeKey("second"));
    assert.equal(await folder.readKey(), "first");
    const damages: [Uint8Array, RegExp][] = [
      [new Uint8Array(0), /node\.key: it must hold something, got an empty file; put back a copy/],
      [new Uint8Array([0xff, 0xfe, 0]), /it must be UTF-8 text/],
      [new Uint8Array(300 * 1024).fill(65), /at most 262144 bytes, got 307200/],
    ];
    for (const [bytes, pattern] of damages) {
      await Deno.writeFile(folder.keyPath, bytes);
      await failsWith("state_damaged", pattern, () => folder.readKey());
      await failsWith("state_exists", /never replaced/, () => folder.writeKey("third"));
      assert.deepEqual(await Deno.readFile(folder.keyPath), bytes);
    }
    assert.deepEqual([...Deno.readDirSync(path)].map((entry) => entry.name).sort(), ["lock", "node.key"]);
  }));

Deno.test({
  name: "what others may read or write is refused with the mode and the cure",
  ignore: Deno.build.os === "windows",
  fn: () =>
    withFolder(async (path) => {
      await using folder = await openStateFolder(path, { lock: true });
      await folder.writeKey("k");
      await Deno.chmod(folder.keyPath, 0o644);
      await failsWith("key_exposed", /nobody but its owner may read it, got mode 644; chmod 600 it/, () =>
        folder.readKey());
      await Deno.chmod(folder.keyPath, 0o400);
      assert.equal(await folder.readKey(), "k");
      await folder.close();
      await Deno.chmod(path, 0o777);
      await failsWith("state_exposed", /got mode 777; chmod 700 it/, () =>
        openStateFolder(path, { lock: true }));
      assert.equal((await Deno.stat(path)).mode! & 0o777, 0o777, "somebody's folder is not changed");
    }),
});

Deno.test("readers never see half a file while another writes", () =>
  withFolder(async (path) => {
    await using folder = await openStateFolder(path, { lock: true });
    const texts = ["a".repeat(100_000), "b".repeat(200_000)];
    await folder.writeText("ticket", texts[0]!);
    let writing = true;
    const writer = (async () => {
      for (let i = 0; i < 40; i++) await folder.writeText("ticket", texts[i % 2]!);
      writing = false;
    })();
    let reads = 0;
    for (; writing; reads++) assert.ok(texts.includes((await folder.readText("ticket"))!));
    await writer;
    assert.ok(reads > 0);
  }));

Deno.test("a name that leaves the folder, or takes its lock, is refused", () =>
  withFolder(async (path) => {
    await using folder = await openStateFolder(path, { lock: true });
    for (const name of ["../x", "a/b", "", ".hidden", "A", "x".repeat(65), "a\0b"]) {
      await assert.rejects(async () => await folder.writeText(name, "x"), ValidationError);
    }
    await assert.rejects(folder.writeText("lock", "x"), ValidationError);
    await assert.rejects(openStateFolder("", { lock: true }), ValidationError);
  }));

Deno.test("a folder where a file is says so", () =>
  withFolder(async (path) => {
    const file = path.slice(0, path.indexOf("/a/")) + "/file";
    await Deno.writeTextFile(file, "");
    await failsWith("state_unavailable", /got (ENOTDIR|EEXIST); choose another/, () =>
      openStateFolder(file, { lock: true }));
    await failsWith("state_unavailable", /got ENOTDIR/, () =>
      openStateFolder(`${file}/state`, { lock: true }));
  }));

Deno.test("what Deno does not permit names the flags, and exactly these flags are enough", () =>
  withFolder(async (path) => {
    const use = `try {
      await using folder = await openStateFolder(${JSON.stringify(path)}, { lock: true });
      await folder.writeKey("k"); await folder.writeText("ticket", "t"); await folder.writeText("ticket", "u");
      const isHolder = await folder.holder() === Deno.pid;
      console.log([await folder.readKey(), await folder.readText("ticket"), isHolder].join(" "));
    } catch (error) { console.log(error.code, error.message); }`;
    const refused = await inChild(use, []);
    assert.match(
      refused,
      /^state_denied Cannot open the state folder .*: Deno must be allowed to read and write there;/,
    );
    const flags = refused.match(/--allow-\w+=\S+/g) ?? [];
    assert.deepEqual(flags, [`--allow-read=${path}`, `--allow-write=${path}`]);
    assert.equal(await inChild(use, flags), "k u true\n");
  }));

Deno.test("the default folder follows the environment, and asks for no more of it than it needs", async () => {
  function dir(variables: Record<string, string>): string {
    return defaultStateDir((name) => variables[name]);
  }
  assert.equal(dir({ MACULA_STATE_DIR: "/s", XDG_STATE_HOME: "/x", HOME: "/h" }), "/s");
  assert.equal(dir({ MACULA_STATE_DIR: "", XDG_STATE_HOME: "/x/", HOME: "/h" }), "/x/macula");
  assert.equal(dir({ HOME: "/h" }), "/h/.local/state/macula");
  assert.equal(dir({ HOME: "/" }), "/.local/state/macula");
  await failsWith("state_unknown", /--state-dir/, () => dir({}));
  const asked: string[] = [];
  defaultStateDir((name) => (asked.push(name), "/s"));
  assert.deepEqual(asked, ["MACULA_STATE_DIR"]);
  await failsWith(
    "state_denied",
    /add --allow-env=HOME, or say where with --state-dir/,
    () =>
      defaultStateDir((name) => {
        if (name === "HOME") throw new Deno.errors.NotCapable(name);
        return undefined;
      }),
  );
});

/** Who may join and do what, from the command line: real processes, real QUIC. @module */

import assert from "node:assert/strict";
import { until } from "../../conformance/deadline.ts";
import { type Outcome, Program, runProgram, TestGateway } from "../program.ts";

/** One line on standard error, and nothing on standard output. */
function assertFails({ code, stdout, stderr }: Outcome, expected: number, line: RegExp): void {
  assert.deepEqual([code, stdout], [expected, ""], stderr);
  assert.match(stderr, /^macula: [^\n]*\n$/);
  assert.match(stderr, line);
}

/** A folder with a realm's key, and keys and credentials of nodes. */
class Realm implements AsyncDisposable {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async create(): Promise<Realm> {
    const realm = new Realm(await Deno.makeTempDir({ prefix: "macula-admission-" }));
    await realm.run("realm", "init", "org.example.home");
    return realm;
  }

  async run(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await runProgram([...args, "--state-dir", `${this.folder}/state`]);
    assert.equal(code, 0, stderr);
    return stdout.trim();
  }

  /** Makes a node with a credential; resolves with the flags by which it is shown. */
  async node(name: string, ...rights: string[]): Promise<string[]> {
    const file = `${this.folder}/${name}`;
    const id = await this.run("key", "new", `${file}.key`);
    await Deno.writeTextFile(`${file}.jwt`, await this.run("realm", "issue", "--node", id, ...rights));
    return ["--key", `${file}.key`, "--credential-file", `${file}.jwt`];
  }

  async audited(): Promise<Record<string, unknown>[]> {
    const text = await Deno.readTextFile(`${this.folder}/state/audit.jsonl`);
    return text.trim().split("\n").map((line) => JSON.parse(line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

Deno.test("credentials: what is allowed works, anything else exits 4 and names the rule", async (t) => {
  await using realm = await Realm.create();
  const rights = ["--publish", "sensor.*.temp", "--subscribe", "sensor.**", "--call", "math.*", "--ttl", "1h"];
  const sensor = await realm.node("sensor", ...rights), stranger = await realm.node("stranger");
  await using gateway = await TestGateway.start([], { folder: `${realm.folder}/state` });

  await t.step("what it does not allow", async () => {
    const cases: [string[], RegExp][] = [
      [["pub", "alarm.off", "1"], /Cannot publish on alarm\.off: the credential allows publish on sensor\.\*\.temp$/m],
      [["sub", "**"], /Cannot subscribe to \*\*: the credential allows subscribe on sensor\.\*\*$/m],
      [["call", "door.open", "1"], /Cannot call door\.open: the credential allows call on math\.\*$/m],
      [["serve", "math.add", "--echo"], /math\.add/],
    ];
    for (const [args, line] of cases) assertFails(await gateway.run([...args, ...sensor]), 4, line);
    assertFails(await gateway.run(["pub", "sensor.a.temp", "1", ...stranger]), 4, /sensor\.a\.temp: the credential/);
    assertFails(await gateway.run(["pub", "sensor.a.temp", "1"]), 4, /this gateway asks for a credential; give it/);
    const [, key = "", , credential = ""] = [...stranger.slice(0, 2), ...sensor.slice(2)];
    const mixed = await gateway.run(["pub", "a", "1", "--key", key, "--credential-file", credential]);
    assertFails(mixed, 2, /Cannot use the credential: it is for the node [0-9a-f]{64}, got the key of [0-9a-f]{64}/);
  });
  await t.step("what it allows, by file, flag and variable, with exactly the printed permissions", async () => {
    const args = ["pub", "sensor.kitchen.temp", "21.5"], [, key = "", , file = ""] = sensor;
    const printed = (await gateway.run([...args, ...sensor, "--print-permissions"])).stdout.trim().split(" ");
    const at = ["--state-dir", gateway.folder], credential = await Deno.readTextFile(file);
    const outcomes = await Promise.all([
      runProgram([...args, ...sensor, ...at], { flags: [...printed, "--no-prompt"] }),
      runProgram([...args, "--key", key, "--credential", credential, ...at]),
      runProgram([...args, "--key", key, ...at], { env: { MACULA_CREDENTIAL: credential } }),
      runProgram([...args, "--key", key, ...at], { env: { MACULA_CREDENTIAL_FILE: file } }),
    ]);
    for (const { code, stderr } of outcomes) assert.deepEqual([code, stderr], [0, ""]);
  });
  await t.step("the audit log has it", async () => {
    const entries = await realm.audited();
    const refused = entries.filter(({ verdict }) => verdict === "refused").map(({ action, name }) =>
      `${action} ${name}`
    );
    for (const one of ["publish alarm.off", "subscribe **", "call door.open", "advertise math.add", "attach "]) {
      assert(refused.includes(one), `${one} in ${refused}`);
    }
    assert(entries.every(({ time }) => /^\d{4}-.*Z$/.test(time as string)));
  });
});

Deno.test("credentials: a newer file is presented on the live link; a revoked one ends it", async () => {
  await using realm = await Realm.create();
  const flags = await realm.node("reader", "--subscribe", "a.**", "--ttl", "4s"), [, , , file = ""] = flags;
  await using gateway = await TestGateway.start([], { folder: `${realm.folder}/state` });
  await using reader = new Program(["sub", "a.**", "--state-dir", gateway.folder, ...flags]);
  await reader.line(/^ready subscribed/m);
  const id = await realm.run("key", "show", "--key", flags[1]!);
  const fresh = await realm.run("realm", "issue", "--node", id, "--subscribe", "a.**", "--ttl", "1h");
  await Deno.writeTextFile(`${file}.new`, fresh);
  await Deno.rename(`${file}.new`, file);
  const has = (action: string, verdict: string) => async () =>
    (await realm.audited()).some((entry) => entry.action === action && entry.verdict === verdict);
  await until(has("renew", "allowed"), "the renewal");
  await realm.run("realm", "revoke", `@${file}`);
  await until(has("stay", "refused"), "the end of the link");
  const ended = (await realm.audited()).find(({ action }) => action === "stay");
  assert.deepEqual([ended?.node, ended?.reason], [id, "credential_revoked"]);
  assertFails(await gateway.run(["pub", "a.b", "1", ...flags]), 4, /it must not have been revoked, got/);
});

Deno.test("credentials: what stays attached leaves with exit code 4 when its credential was revoked; with a file it waits", async () => {
  await using realm = await Realm.create();
  const [keyFlag = "", key = "", , file = ""] = await realm.node("reader", "--subscribe", "a.**", "--advertise", "b");
  const credential = await Deno.readTextFile(file);
  await using gateway = await TestGateway.start([], { folder: `${realm.folder}/state` });
  const given = [keyFlag, key, "--credential", credential], quiet = ["--log-level", "off"];
  await using reader = await gateway.serve(["sub", "a.**", ...given, ...quiet]);
  await using server = await gateway.serve(["serve", "b", "--echo", ...given, ...quiet]);
  await using peer = await gateway.serve(["peer", ...given, ...quiet]);
  await using waiting = await gateway.serve(["sub", "a.**", keyFlag, key, "--credential-file", file]);
  await realm.run("realm", "revoke", credential);
  for (const program of [reader, server, peer]) {
    const { code, stdout, stderr } = await program.ended;
    assert.deepEqual([code, stdout], [4, ""], stderr);
    const [ready, line, ...more] = stderr.trimEnd().split("\n");
    assert.match(`${ready}`, /^ready /);
    assert.match(
      `${line}`,
      /^macula: Cannot accept the credential: it must not have been revoked, got [0-9A-Za-z_-]+$/,
    );
    assert.deepEqual(more, []);
  }
  await waiting.line(/the hub does not let this node in again.*credential_revoked/);
  const id = await realm.run("key", "show", "--key", key);
  await Deno.writeTextFile(file, await realm.run("realm", "issue", "--node", id, "--subscribe", "a.**"));
  await waiting.line(/attached again/);
});

Deno.test("a token is enough, and needed; on an open address something must be said", async () => {
  const folder = await Deno.makeTempDir({ prefix: "macula-admission-" });
  try {
    const token = async () => (await runProgram(["realm", "token"])).stdout.trim();
    const [own, other] = [await token(), await token()];
    await using gateway = await TestGateway.start([], { env: { MACULA_TOKEN: own } });
    const args = ["pub", "a.b", "1"];
    assert.equal((await gateway.run([...args, "--token", own])).code, 0);
    assert.equal((await gateway.run(args, { env: { MACULA_TOKEN: own } })).code, 0);
    assertFails(await gateway.run(args), 4, /asks for the realm's token; give it with --token or MACULA_TOKEN$/m);
    assertFails(await gateway.run([...args, "--token", other]), 4, /must be that of the realm, got another one$/m);
    assertFails(await gateway.run([...args, "--token", "short"]), 2, /at least 128 random bits/);
    const everywhere = ["gateway", "--listen", "0.0.0.0:0", "--http-port", "0", "--state-dir", `${folder}/a`];
    const rule =
      /must be said who may join, got 0\.0\.0\.0 and no admission; choose --admission credential \(macula realm/;
    assertFails(await runProgram(everywhere), 2, rule);
    await using open = new Program([...everywhere, "--admission", "open"]);
    await open.line(/^ready gateway/m);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

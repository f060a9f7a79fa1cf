/** Restart, signals, permissions and commands in a shell, as far as no second process of ours is needed. @module */

import assert from "node:assert/strict";
import { parseArguments } from "../../src/cli/options.ts";
import { Executor, resultOf } from "../../src/cli/process/exec.ts";
import { permissionFlags } from "../../src/cli/process/permissions.ts";
import { inheritedFlags, shellWord } from "../../src/cli/process/restart.ts";
import { Leaving } from "../../src/cli/process/signals.ts";
import { Settings } from "../../src/cli/settings.ts";
import { SILENT } from "../../src/mesh/options.ts";
import { nodeId } from "../../src/identity/mod.ts";
import { soon, until } from "../conformance/deadline.ts";
import { isAlive } from "../conformance/processes.ts";

const whole = { state: "granted", partial: false };

Deno.test("a child gets no more than its parent has", () => {
  assert.deepEqual(inheritedFlags(() => whole), ["--allow-all"]);
  const without = (missing: string, answer: { state: string; partial: boolean }) =>
    inheritedFlags((name) => name === missing ? answer : whole);
  const seven = ["run", "read", "write", "net", "env", "sys", "ffi"];
  for (const name of seven) {
    assert.equal(without(name, { state: "prompt", partial: false }), undefined, `${name} is not granted`);
    assert.equal(without(name, { state: "denied", partial: false }), undefined, `${name} is denied`);
    assert.equal(without(name, { state: "granted", partial: true }), undefined, `${name} has exceptions`);
  }
  const each = seven.map((name) => `--allow-${name}`);
  assert.deepEqual(without("import", { state: "prompt", partial: false }), each, "imports stay as they were");
  assert.equal(without("import", { state: "denied", partial: false }), undefined);
  assert.equal(without("import", { state: "granted", partial: true }), undefined);
});

Deno.test("a shell reads back what is shown to the user", async () => {
  const words = ["plain", "a b", "it's", '{"a":1}', "MACULA_*", "[::1]:1", "$HOME", ""];
  const script = `printf '%s\\n' ${words.map(shellWord).join(" ")}`;
  const { stdout } = await new Deno.Command("sh", { args: ["-c", script] }).output();
  assert.deepEqual(new TextDecoder().decode(stdout).split("\n").slice(0, -1), words);
  assert.equal(shellWord("--allow-net=127.0.0.1:9443"), "--allow-net=127.0.0.1:9443");
});

Deno.test("signals of one kind within 500 ms are one, a second one while leaving ends after its last acts", async () => {
  const exits: number[] = [], order: string[] = [], ended = Promise.withResolvers<void>();
  const leaving = new Leaving((code) => (exits.push(code), ended.resolve()));
  leaving.lastly(() => Promise.reject(new Error("an act that fails keeps nobody")));
  leaving.lastly(async () => void order.push(await Promise.resolve("told the others")));
  leaving.hear("SIGINT", 1_000);
  leaving.hear("SIGINT", 1_001);
  leaving.hear("SIGINT", 1_499);
  assert.ok(leaving.signal.aborted);
  leaving.hear("SIGINT", 1_500);
  assert.equal(exits.length, 0, "first the last acts");
  await soon(ended.promise, "the end");
  assert.deepEqual([exits, order], [[1], ["told the others"]]);
});

Deno.test("signals of two kinds are two; last acts that do not end keep nobody", async () => {
  const ended = Promise.withResolvers<number>(), leaving = new Leaving(ended.resolve);
  leaving.lastly(() => new Promise(() => {}));
  leaving.hear("SIGINT", 0);
  leaving.hear("SIGTERM", 1);
  assert.equal(await soon(ended.promise, "the end"), 1);
});

async function flags(text: string, values: Record<string, string> = {}): Promise<string[]> {
  const { positionals: [command = "", ...positionals], flags } = parseArguments(text.split(" "));
  return await permissionFlags(command, new Settings({ positionals, flags }, values));
}

const NAMES = "--allow-env=MACULA_*,GATEWAY_REALM,HEALTH_PORT";

Deno.test("permissions are no more than the configuration needs", async () => {
  assert.deepEqual(await flags("gateway --state-dir /s --listen [::1]:7 --http-port 0 --key /k/node.key"), [
    "--unstable-net",
    "--allow-net=[::1]:7",
    NAMES,
    "--allow-read=/k/node.key,/s",
    "--allow-write=/s",
  ]);
  const joining = "gateway --state-dir /s --listen [::1]:7 --http-port 0 --bootstrap http://127.0.0.1:8080";
  assert.deepEqual((await flags(joining))[1], "--allow-net");
  assert.deepEqual((await flags(`${joining} --dial-only [::1]:8`))[1], "--allow-net=[::1]:7,[::1]:8,127.0.0.1:8080");
  assert.deepEqual(await flags("pub a 1 --url https://gw.example.org:9443"), [
    "--unstable-net",
    "--allow-net=gw.example.org:9443",
    NAMES,
  ]);
  assert.deepEqual(await flags("peer --url http://127.0.0.1:8080 --dial-only 127.0.0.1:9443 --state-dir /s"), [
    "--unstable-net",
    "--allow-net=127.0.0.1:9443,127.0.0.1:8080",
    NAMES,
    "--allow-read=/s/peer",
    "--allow-write=/s/peer",
  ]);
  assert.deepEqual(await flags("serve p --exec true --url http://127.0.0.1:8080"), [
    "--unstable-net",
    "--allow-net",
    NAMES,
    "--allow-run=sh",
  ]);
});

Deno.test("the systemd unit grants what --print-permissions prints for its settings", async () => {
  const unit = await Deno.readTextFile(new URL("../../deploy/macula-gateway.service", import.meta.url));
  const values = Object.fromEntries(
    [...unit.matchAll(/^Environment=(\w+)=(.*)$/gm)].map(([, name, value]) => [name!, value!]),
  );
  const line = /^ExecStart=((?:.*\\\n)*.*)$/m.exec(unit)![1]!.replaceAll("\\\n", " ");
  const granted = line.split(/\s+/).filter((word) => /^--(unstable|allow)/.test(word));
  assert.deepEqual(granted, await flags("gateway", values));
});

Deno.test("the permission sets of deno.json grant what --print-permissions prints for the defaults", async () => {
  const { permissions } = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
  const folder = `${Deno.cwd()}/state`,
    asked: Record<string, string[]> = {
      gateway: await flags("gateway --state-dir ./state"),
      peer: await flags("peer --url http://127.0.0.1:8080 --state-dir ./state"),
    };
  for (const [name, words] of Object.entries(asked)) {
    for (const word of words.filter((one) => one.startsWith("--allow-"))) {
      const [, kind = "", values] = /^--allow-(\w+)(?:=(.*))?$/.exec(word) ?? [], granted = permissions[name][kind];
      if (granted === true) continue;
      for (const value of values?.split(",") ?? ["everything"]) {
        const below = value.startsWith(`${folder}/`) ? folder : value, own = below.replace(folder, "./state");
        assert.ok(granted?.includes(own), `${name} lacks ${kind} ${value}`);
      }
    }
  }
});

const context = (signal: AbortSignal) => ({
  signal,
  procedure: "p",
  caller: nodeId(new Uint8Array(32)),
  proof: "link" as const,
  timeLeft: 1,
});

async function executed(command: string, args: unknown): Promise<unknown> {
  return await new Executor(command, SILENT).handle(args, context(new AbortController().signal));
}

Deno.test("a command gets its arguments as JSON, and its output is the result", async () => {
  assert.deepEqual(await executed("cat", { a: [1, "zwei", null] }), { a: [1, "zwei", null] });
  assert.deepEqual(await executed("cat", new Uint8Array([1])), { base64: "AQ==" });
  assert.equal(await executed("echo hello", null), "hello");
  assert.equal(await executed("true", null), null);
  assert.equal(await executed("sleep 100 & echo 1", null), 1, "what it leaves running ends with it");
  assert.deepEqual(resultOf(new Uint8Array([0xff, 0xfe])), new Uint8Array([0xff, 0xfe]));
});

Deno.test("a command that fails rejects with the last line of its standard error", async () => {
  const failing: [string, string][] = [
    ["echo first >&2; echo 'no such room' >&2; exit 3", "no such room"],
    ["exit 3", "the command exited with 3"],
    ["kill -9 $$", "got SIGKILL"],
    ["head -c 2000000 /dev/zero", "the command printed more than 1048576 bytes"],
  ];
  for (const [command, message] of failing) {
    await assert.rejects(executed(command, null), { code: "exec_failed", message }, command);
  }
});

Deno.test("giving up a call, and leaving, end the command and what it started", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const command = `sh -c 'echo $$ > ${folder}/pid; exec sleep 100'; echo never`;
    const started = (name: string) =>
      until(() => Deno.readTextFile(`${folder}/${name}`).then((text) => text !== "", () => false), "the start");
    const abort = new AbortController();
    const aborted = new Executor(command, SILENT).handle(null, context(abort.signal));
    await started("pid");
    const pid = Number(await Deno.readTextFile(`${folder}/pid`));
    abort.abort(new Error("the caller gave up"));
    await assert.rejects(soon(Promise.resolve(aborted), "the end"), { message: "the caller gave up" });
    await until(() => !isAlive(pid), "the end of what it started");

    const executor = new Executor(`trap '' TERM; echo $$ > ${folder}/second; sleep 100`, SILENT);
    const left = Promise.resolve(executor.handle(null, context(new AbortController().signal))).catch(() => "ended");
    await started("second");
    await soon(executor.close(), "the end of one that ignores SIGTERM");
    assert.equal(await left, "ended");
    assert.ok(!isAlive(Number(await Deno.readTextFile(`${folder}/second`))));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

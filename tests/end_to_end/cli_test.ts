/** The command line as its users meet it: real processes, real QUIC, one state folder per gateway. @module */

import assert from "node:assert/strict";
import { createIdentity, issueLeaf } from "../../src/identity/mod.ts";
import { soon, until } from "../conformance/deadline.ts";
import { freeTcpPort } from "../conformance/ports.ts";
import { isAlive } from "../conformance/processes.ts";
import { connectTo, Program, runProgram, TestGateway } from "./program.ts";

/** One line on standard error, and nothing on standard output. */
function assertFails(outcome: { code: number; stdout: string; stderr: string }, code: number, line: RegExp): void {
  assert.equal(outcome.code, code, outcome.stderr);
  assert.equal(outcome.stdout, "");
  assert.match(outcome.stderr, /^macula: [^\n]*\n$/);
  assert.match(outcome.stderr, line);
}

Deno.test("events and calls pass through a gateway, from start to stop", async (t) => {
  await using gateway = await TestGateway.start();
  await t.step("the gateway prints ticket, address and pid, each a line", () => {
    const lines = gateway.program.stdout.trim().split("\n");
    assert.match(lines[0]!, /^ticket macula1\w+$/);
    assert.match(lines[1]!, /^listening 127\.0\.0\.1:\d+$/);
    assert.equal(lines[2], `pid ${gateway.program.pid}`);
    assert.equal(lines.length, 3);
  });
  await t.step("sub, pub", async () => {
    await using subscriber = await gateway.serve(["sub", "demo.**", "--count", "2"]);
    const published = await gateway.run(["pub", "demo.kitchen.temp", '{"celsius":21.5}']);
    assert.equal(published.code, 0, published.stderr);
    assert.equal(published.stderr, "");
    const { id, recipients, ...rest } = JSON.parse(published.stdout);
    assert.deepEqual([recipients, rest], [1, {}]);
    const typed = await gateway.run(["pub", "demo.text", "-", "--qos", "1"], { input: '"zwei"\n' });
    assert.equal(typed.code, 0, typed.stderr);
    const { code, stdout, stderr } = await soon(subscriber.ended, "the end after 2 events");
    assert.equal(code, 0, stderr);
    const [first, second] = stdout.trim().split("\n").map((line) => JSON.parse(line));
    assert.match(first.publisher, /^[0-9a-f]{64}$/);
    const { publisher } = first;
    assert.deepEqual(first, { topic: "demo.kitchen.temp", data: { celsius: 21.5 }, publisher, id });
    assert.equal(second.data, "zwei");
    assert.notEqual(second.publisher, publisher, "each command is a node of its own");
  });
  await t.step("pub --retain, sub afterwards; without a value it deletes", async () => {
    for (const [args, answer] of [[["demo.kept", "[1]"], 0], [["demo.kept", '{"a":2}'], 0]] as const) {
      const { code, stdout, stderr } = await gateway.run(["pub", ...args, "--retain"]);
      assert.deepEqual([code, JSON.parse(stdout).recipients], [0, answer], stderr);
    }
    const { stdout } = await gateway.run(["sub", "demo.*", "--count", "1"]);
    const { topic, data, retained } = JSON.parse(stdout);
    assert.deepEqual([topic, data, retained], ["demo.kept", { a: 2 }, true]);
    assert.equal(JSON.parse((await gateway.run(["stats"])).stdout).retained.topics, 1);
    assert.equal((await gateway.run(["pub", "demo.kept", "--retain"])).code, 0);
    assert.equal(JSON.parse((await gateway.run(["stats"])).stdout).retained.topics, 0);
    assertFails(await gateway.run(["pub", "demo.kept"]), 2, /JSON is expected behind the topic, or --retain/);
  });
  await t.step("nobody listens: pub says 0 recipients and is content", async () => {
    const { code, stdout } = await gateway.run(["publish", "demo.nobody", "1"]);
    assert.deepEqual([code, JSON.parse(stdout).recipients], [0, 0]);
  });
  await t.step("serve --echo, call", async () => {
    await using server = await gateway.serve(["serve", "math.echo", "--echo"]);
    const { code, stdout } = await gateway.run(["call", "math.echo", '{"a":[1,"zwei",null]}']);
    assert.deepEqual([code, stdout], [0, '{"a":[1,"zwei",null]}\n']);
    server.kill("SIGINT");
    assert.equal((await soon(server.ended, "leaving")).code, 0);
    assertFails(await gateway.run(["call", "math.echo", "1"]), 3, /math\.echo/);
  });
  await t.step("stats, ping", async () => {
    const alone = async () => JSON.parse((await gateway.run(["stats"])).stdout).clients === 1;
    await until(alone, "those of the steps before are gone");
    const ping = JSON.parse((await gateway.run(["ping"])).stdout);
    assert.match(ping.node, /^[0-9a-f]{64}$/);
    assert.ok(ping.ms > 0);
  });
  await t.step("stop drains it", async () => {
    const stopped = await gateway.run(["stop"]);
    assert.deepEqual([stopped.code, stopped.stdout], [0, `stopped ${gateway.program.pid}\n`]);
    assert.equal((await gateway.program.ended).code, 0);
    await assert.rejects(Deno.stat(`${gateway.folder}/gateway.json`), Deno.errors.NotFound);
    assertFails(await gateway.run(["stop"]), 1, /none holds the state folder/);
  });
});

Deno.test("serve --exec runs a command for each call", async () => {
  await using gateway = await TestGateway.start();
  const command = 'read line; case "$line" in *stop*) echo "no more" >&2; exit 1;; *) echo "$line";; esac';
  await using server = await gateway.serve(["serve", "text.upper", "--exec", command]);
  const { code, stdout } = await gateway.run(["call", "text.upper", '{"a":"b"}']);
  assert.deepEqual([code, stdout], [0, '{"a":"b"}\n']);
  assertFails(await gateway.run(["call", "text.upper", '"stop"']), 1, /^macula: exec_failed: no more$/m);
  await using mesh = await connectTo(gateway);
  const giving = new AbortController();
  await using slow = await gateway.serve(["serve", "slow.one", "--exec", "echo started >&2; sleep 100"]);
  const call = mesh.call("slow.one", null, { signal: giving.signal, timeout: 60_000 });
  giving.abort(new Error("gave up"));
  await assert.rejects(call, /gave up/);
  slow.kill("SIGTERM");
  server.kill("SIGTERM");
  assert.equal((await soon(slow.ended, "leaving with nothing to wait for")).code, 0);
  assert.equal((await soon(server.ended, "leaving")).code, 0);
});

Deno.test("a call that nobody serves fails at once, in one line", async () => {
  await using gateway = await TestGateway.start();
  const call = ["call", "no.such.thing", "{}", "--timeout", "600000"]; // ten minutes, that nobody waits for
  assertFails(await gateway.run(call), 3, /no\.such\.thing/);
  await using mesh = await connectTo(gateway);
  await assert.rejects(soon(mesh.call("no.such.thing", null, { timeout: 600_000 }), "an answer"), {
    code: "no_provider",
  });
});

Deno.test("two gateways in two realms on one machine share nothing", async () => {
  await using home = await TestGateway.start(["--realm", "org.example.home"]);
  await using work = await TestGateway.start(["--realm", "org.example.work"]);
  await using subscriber = await home.serve(["sub", "**", "--count", "1"]);
  await using server = await home.serve(["serve", "door.open", "--echo"]);
  assert.equal(JSON.parse((await work.run(["pub", "demo.work", "1"])).stdout).recipients, 0);
  assertFails(await work.run(["call", "door.open", "1"]), 3, /door\.open/);
  assert.equal(JSON.parse((await home.run(["pub", "demo.home", "1"])).stdout).recipients, 1);
  assert.equal(JSON.parse((await subscriber.ended).stdout).topic, "demo.home");
  assert.equal((await work.run(["realm"])).stdout, "org.example.work\n");
  const wrong = await home.run(["pub", "demo.home", "1", "--realm", "org.example.work"]);
  assertFails(wrong, 4, /realm/);
  server.kill("SIGINT");
  assert.equal((await server.ended).code, 0);
});

Deno.test("a peer is another node than the gateway of the same folder, and comes back to it", async () => {
  await using gateway = await TestGateway.start();
  await using peer = await gateway.serve(["peer"]);
  const id = /^ready peer ([0-9a-f]{64})/m.exec(peer.stderr)![1]!;
  const hub = (await gateway.run(["key", "show"])).stdout.trim();
  assert.notEqual(id, hub);
  const mode = (await Deno.stat(`${gateway.folder}/peer/node.key`)).mode! & 0o777;
  assert.equal(mode, 0o600);
  assert.equal(JSON.parse((await gateway.run(["ping", id])).stdout).node, id);
  assertFails(await gateway.run(["peer"]), 1, /another one holds .*--state-dir or a --key/);
  peer.kill("SIGTERM");
  assert.equal((await soon(peer.ended, "leaving")).code, 0);
  await using again = await gateway.serve(["start"]);
  assert.ok(again.stderr.startsWith(`ready peer ${id} `), "its key is kept");
});

Deno.test("join keeps trying until its gateway is there, by URL too", async () => {
  const folder = await Deno.makeTempDir({ prefix: "macula-" }), http = freeTcpPort();
  try {
    await using peer = new Program(["join", `http://127.0.0.1:${http}`, "--state-dir", `${folder}/edge`]);
    await peer.line(/cannot attach, trying again/);
    await using gateway = new Program([
      ...["gateway", "--listen", "127.0.0.1:0", "--http-port", `${http}`, "--state-dir", `${folder}/hub`],
    ]);
    assert.equal(await gateway.line(/^http (.*)$/m), `http://127.0.0.1:${http}`);
    await peer.line(/^ready peer .*/m);
    const { pid, address, http: url } = JSON.parse(await Deno.readTextFile(`${folder}/hub/gateway.json`));
    assert.deepEqual([pid, url], [gateway.pid, `http://127.0.0.1:${http}`]);
    assert.equal(address, await gateway.line(/^listening (.*)$/m));
    assert.equal(await (await fetch(`${url}/ready`)).text(), "Ready");
    peer.kill("SIGINT");
    gateway.kill("SIGINT");
    assert.deepEqual([(await peer.ended).code, (await gateway.ended).code], [0, 0]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("commands that are started with their gateway wait for it", async () => {
  const folder = await Deno.makeTempDir({ prefix: "macula-" });
  try {
    await using subscriber = new Program(["sub", "**", "--count", "1", "--state-dir", folder]);
    await using gateway = await TestGateway.start([], { folder });
    await subscriber.line(/^ready subscribed/m);
    assert.equal(JSON.parse((await gateway.run(["pub", "a.b", "1"])).stdout).recipients, 1);
    assert.equal((await subscriber.ended).code, 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("what cannot work is told in one line, with the cure", async (t) => {
  const folder = await Deno.makeTempDir({ prefix: "macula-" }), here = ["--state-dir", `${folder}/none`];
  await using gateway = await TestGateway.start();
  const port = await gateway.program.line(/^listening 127\.0\.0\.1:(\d+)$/m), other = `${folder}/other`;
  const mistyped = gateway.ticket.slice(0, -1) + (gateway.ticket.endsWith("x") ? "y" : "x");
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const cases: [string, string[], number, RegExp][] = [
    ["a peer with nothing to attach to", here, 2, /nothing to connect to.*--ticket or --url.*macula gateway/],
    ["pub with nothing to attach to", ["pub", "a.b", "1", ...here], 2, /nothing to connect to/],
    ["a wrong flag", ["pub", "a.b", "1", "--relm", "x"], 2, /did you mean --realm\?/],
    ["no JSON", ["pub", "a.b", "21,5", "--url", "https://127.0.0.1:1"], 2, /JSON is expected, got "21,5"/],
    ["a wrong topic", ["pub", "a..b", "1", "--url", "https://127.0.0.1:1"], 2, /topic/],
    ["serve without what", ["serve", "a.b"], 2, /one of --echo and --exec/],
    ["a file that is not there", ["sub", "a", "--ticket", "@/no/such/file"], 2, /there is no file/],
    ["a mistyped ticket", ["sub", "a", "--ticket", mistyped], 2, /ticket/],
    [
      "an address that is not allowed",
      ["sub", "a", "--ticket", gateway.ticket, "--dial-only", "127.0.0.1:1"],
      2,
      /--dial-only allows 127\.0\.0\.1:1/,
    ],
    ["nobody there", ["call", "a.b", "1", "--url", "http://127.0.0.1:1", "--timeout", "200"], 3, /127\.0\.0\.1:1/],
    ["a folder in use", ["gateway", "--listen", "127.0.0.1:0", "--state-dir", gateway.folder], 1, /macula stop/],
    [
      "a UDP port in use",
      ["gateway", "--listen", `127.0.0.1:${port}`, "--http-port", "0", "--state-dir", other],
      1,
      new RegExp(`UDP port ${port} .*MACULA_QUIC_PORT`),
    ],
    [
      "a TCP port in use",
      ["gateway", "--listen", "127.0.0.1:0", "--http-port", `${taken.addr.port}`, "--state-dir", other],
      1,
      new RegExp(`TCP port ${taken.addr.port} .*MACULA_HTTP_PORT`),
    ],
    ["no ticket", ["ticket", ...here], 1, /start one with macula gateway/],
    ["no key", ["key", ...here], 1, /macula key new makes one/],
  ];
  const outcomes = await Promise.all(cases.slice(0, 8).map(([, args]) => runProgram(args)));
  for (const [index, [name, args, code, line]] of cases.entries()) {
    await t.step(name, async () => assertFails(outcomes[index] ?? await runProgram(args), code, line));
  }
  const old = await runProgram(["sub", "a"], { env: { GATEWAY_REALM: "x" } });
  assertFails(old, 2, /set MACULA_REALM instead/);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a second signal ends a drain at once; the first one waits for running calls", async () => {
  await using gateway = await TestGateway.start();
  const file = `${gateway.folder}/pid`;
  await using server = await gateway.serve(["serve", "slow.one", "--exec", `echo $$ > '${file}'; sleep 100`]);
  await using mesh = await connectTo(gateway);
  const call = mesh.call("slow.one", null, { timeout: 60_000 }).catch(() => {});
  await until(async () => (await mesh.members()).length > 2, "the server's link");
  const pid = () => Deno.readTextFile(file).then(Number, () => 0);
  await until(async () => await pid() > 0, "the command");
  server.kill("SIGINT");
  server.kill("SIGINT"); // together with the first: one
  await until(() => discovered(mesh), "that it serves no longer");
  server.kill("SIGTERM");
  assert.equal((await soon(server.ended, "ending at once")).code, 1);
  await until(async () => !isAlive(await pid()), "the command's end");
  await mesh.close();
  await call;
});

Deno.test("certificate files are read again on SIGHUP", async () => {
  const folder = await Deno.makeTempDir({ prefix: "macula-" }), http = freeTcpPort();
  const env = { MACULA_TLS_CERTFILE: `${folder}/cert.pem`, MACULA_TLS_KEYFILE: `${folder}/key.pem` };
  const identity = createIdentity(crypto.getRandomValues(new Uint8Array(32)));
  async function writeCertificate(): Promise<string> {
    const leaf = await issueLeaf(identity, { realm: "org.example.mesh", hosts: ["localhost"], now: Date.now() });
    await Deno.writeTextFile(env.MACULA_TLS_CERTFILE, leaf.cert);
    await Deno.writeTextFile(env.MACULA_TLS_KEYFILE, leaf.key);
    return leaf.hash.toHex();
  }
  const shown = async () =>
    (await (await fetch(`http://127.0.0.1:${http}/.well-known/macula`)).json()).certificates[0].value;
  try {
    const first = await writeCertificate();
    await using gateway = new Program(
      ["gateway", "--listen", "127.0.0.1:0", "--http-port", `${http}`, "--state-dir", `${folder}/state`],
      { env },
    );
    await gateway.line(/^ready gateway/m);
    assert.equal(await shown(), first);
    const second = await writeCertificate();
    gateway.kill("SIGHUP");
    await gateway.line(/the certificate was read again/);
    assert.equal(await shown(), second);
    await Deno.writeTextFile(env.MACULA_TLS_KEYFILE, "no key");
    gateway.kill("SIGHUP");
    await gateway.line(/cannot read the certificate again, keeping the old one/);
    assert.equal(await shown(), second);
    gateway.kill("SIGTERM");
    assert.equal((await gateway.ended).code, 0);
    const half = await runProgram(["gateway", "--state-dir", `${folder}/state`], {
      env: { MACULA_TLS_CERTFILE: env.MACULA_TLS_CERTFILE },
    });
    assertFails(half, 2, /set MACULA_TLS_KEYFILE too/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a reader that goes away ends sub quietly", async () => {
  await using gateway = await TestGateway.start();
  await using mesh = await connectTo(gateway);
  const { ticket } = gateway;
  const script = `"$1" run -A --unstable-net "$2" sub 'demo.**' --ticket ${ticket} | head -n 1`;
  const shell = new Deno.Command("sh", {
    args: ["-c", script, "sh", Deno.execPath(), new URL("../../cli.ts", import.meta.url).pathname],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const ended = shell.output();
  let isOver = false;
  void ended.finally(() => isOver = true);
  await until(
    async () => {
      await mesh.publish("demo.tick", 1, { acknowledge: true });
      return isOver;
    },
    "its end",
  );
  const { stdout, stderr } = await ended;
  assert.equal(JSON.parse(new TextDecoder().decode(stdout)).topic, "demo.tick");
  assert.doesNotMatch(new TextDecoder().decode(stderr), /macula:/);
});

Deno.test("keys and tickets", async () => {
  const folder = await Deno.makeTempDir({ prefix: "macula-" });
  try {
    const file = `${folder}/a.key`, made = await runProgram(["key", "new", file]);
    assert.match(made.stdout, /^[0-9a-f]{64}\n$/);
    assert.equal((await Deno.stat(file)).mode! & 0o777, 0o600);
    assert.equal((await runProgram(["key", "show", "--key", file])).stdout, made.stdout);
    assertFails(await runProgram(["key", "new", file]), 1, /never replaced/);
    assert.match((await runProgram(["key", "export-public", "--key", file])).stdout, /^-----BEGIN PUBLIC KEY-----\n/);
    await using gateway = await TestGateway.start(["--key", file, "--hostname", "localhost"]);
    const shown = await gateway.run(["ticket"]);
    assert.equal(shown.stdout.trim(), gateway.ticket);
    const said = JSON.parse((await runProgram(["ticket", "inspect", gateway.ticket])).stdout);
    assert.deepEqual([said.realm, said.id], ["org.example.mesh", made.stdout.trim()]);
    assert.match(said.addresses[0], /^localhost:\d+$/);
    const named = await gateway.run(["pub", "a.b", "1", "--key", `${folder}/b.key`]);
    assertFails(named, 2, /macula key new/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("help and version go to standard output", async () => {
  const [help, command, version, short] = await Promise.all(
    [["--help"], ["pub", "--help"], ["--version"], ["version"]].map((args) => runProgram(args)),
  );
  assert.match(help!.stdout, /^A mesh network .*\n(.*\n)*Exit status: /);
  assert.match(command!.stdout, /^macula pub <topic> \[json\]\n/);
  const { version: current } = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
  assert.deepEqual([version!.stdout, short!.stdout], [`macula ${current}\n`, `macula ${current}\n`]);
  for (const outcome of [help!, command!, version!, short!]) assert.deepEqual([outcome.code, outcome.stderr], [0, ""]);
});

async function discovered(mesh: { discover(name: string): Promise<unknown[]> }): Promise<boolean> {
  return (await mesh.discover("slow.one")).length === 0;
}

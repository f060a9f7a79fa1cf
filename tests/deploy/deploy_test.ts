/**
 * What `deploy/` says, checked against the program: every flag, port, path and variable in it exists. No container
 * engine is needed: the files are parsed.
 *
 * @module
 */

import assert from "node:assert/strict";
import { parse } from "yaml";
import { OPTIONS } from "../../src/cli/options.ts";
import { ENVIRONMENT, VARIABLES_READ } from "../../src/node/environment.ts";
import { dockerfile, type Instruction, unitFile } from "./parsing.ts";

const ROOT = new URL("../../", import.meta.url);
const COMMANDS = ["gateway", "peer"];
/** Variables of Deno itself. */
const DENO_VARIABLES = ["DENO_DIR"];
/** Asked for only where `MACULA_STATE_DIR` is not set; everything in `deploy/` sets it. */
const FOLDER_VARIABLES = ["XDG_STATE_HOME", "HOME", "USERPROFILE"];

/** A service of the compose file, as far as it is looked at here. */
interface Service {
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly disable?: boolean };
  readonly user?: string;
}

function read(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT));
}

const image = dockerfile(read("deploy/Dockerfile"));
const compose = parse(read("deploy/compose.yaml"), { merge: true });
const services = new Map<string, Service>(Object.entries(compose.services));
const unit = unitFile(read("deploy/macula-gateway.service"));

Deno.test("the image runs the program, not as root, with variables and ports that exist", () => {
  assert.deepEqual(only(image, "FROM").words, ["denoland/deno:2.9.6"]);
  const user = image.findIndex(({ name }) => name === "USER");
  assert.ok(user >= 0 && !/^(root|0)\b/.test(image[user]!.words[0]!));
  assert.ok(
    user < image.findIndex(({ name, words }) => name === "RUN" && words.includes("cache")),
    "caches as that user",
  );
  const environment = imageEnvironment();
  for (const name of Object.keys(environment)) existsVariable(name);
  const exposed = image.filter(({ name }) => name === "EXPOSE").flatMap(({ words }) => words);
  assert.deepEqual(exposed, [`${environment.MACULA_QUIC_PORT}/udp`, `${environment.MACULA_HTTP_PORT}/tcp`]);
  isDefault("MACULA_QUIC_PORT", environment.MACULA_QUIC_PORT!);
  isDefault("MACULA_HTTP_PORT", environment.MACULA_HTTP_PORT!);
  checkCommand([...only(image, "ENTRYPOINT").words, ...only(image, "CMD").words], environment);
  const health = only(image, "HEALTHCHECK").words.join(" ");
  assert.match(health, /^--interval=\S+ .*CMD deno eval .*MACULA_HTTP_PORT.*\/ready/);
  for (const path of image.filter(({ name }) => name === "COPY").flatMap(({ words }) => words.slice(1, -1))) {
    if (path !== "mod.ts" && path !== "cli.ts") Deno.statSync(new URL(path, ROOT));
  }
});

Deno.test("the health check of the image is a program that works", async () => {
  const words = only(image, "HEALTHCHECK").words;
  const command = words.slice(words.indexOf("CMD") + 1);
  let status = 200;
  const paths: string[] = [];
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    paths.push(new URL(request.url).pathname);
    return new Response(null, { status });
  });
  for (const [answer, code] of [[200, 0], [503, 1]] as const) {
    status = answer;
    const env = { MACULA_HTTP_PORT: String(server.addr.port), NO_COLOR: "1" };
    const result = await new Deno.Command(Deno.execPath(), { args: command.slice(1), env, stderr: "null" }).output();
    assert.equal(result.code, code);
  }
  assert.deepEqual(paths, ["/ready", "/ready"]);
});

Deno.test("the compose file runs a gateway and two edges that find its ticket", () => {
  const [gateway, ticket] = [services.get("gateway")!, services.get("ticket")!];
  const edges = [...services].filter(([, service]) => service.command?.[0] === "peer");
  assert.equal(edges.length, 2);
  for (const [name, service] of services) {
    for (const variable of Object.keys(service.environment ?? {})) existsVariable(variable);
    for (const needed of Object.keys(service.depends_on ?? {})) {
      assert.ok(services.has(needed), `${name} needs ${needed}`);
    }
    for (const volume of service.volumes ?? []) {
      assert.ok(volume.split(":")[0]! in compose.volumes, `${name}: ${volume}`);
    }
    assert.equal(service.user, undefined, "the user of the image");
    if (service.entrypoint === undefined) {
      const environment = { ...imageEnvironment(), ...service.environment };
      checkCommand([...only(image, "ENTRYPOINT").words, ...service.command!], environment);
    }
  }
  const [from, to] = ticket.entrypoint!.slice(1);
  assert.equal(volumeAt(ticket, from!), volumeAt(gateway, `${imageEnvironment().MACULA_STATE_DIR}/ticket`));
  assert.equal(ticket.depends_on!.gateway!.condition, "service_healthy");
  const states = new Set<string>([volumeAt(gateway, "/state/ticket")!]);
  for (const [name, edge] of edges) {
    const file = edge.command![edge.command!.indexOf("--ticket") + 1]!;
    assert.ok(file.startsWith("@/"));
    assert.equal(volumeAt(edge, file.slice(1)), volumeAt(ticket, to!), name);
    assert.equal(edge.depends_on!.ticket!.condition, "service_completed_successfully");
    assert.equal(edge.environment!.MACULA_REALM, gateway.environment!.MACULA_REALM);
    assert.ok(edge.healthcheck!.disable || edge.environment!.MACULA_HTTP_PORT !== "0", `${name}: no HTTP to check`);
    states.add(volumeAt(edge, "/state/node.key")!);
  }
  assert.equal(states.size, 3, "each node has a state folder of its own");
});

Deno.test("the compose file publishes the gateway's ports and uses variables that exist", () => {
  const text = read("deploy/compose.yaml");
  for (const [, name, fallback] of text.matchAll(/\$\{(\w+):-([^}]*)\}/g)) {
    existsVariable(name!);
    if (name !== "MACULA_HOSTNAME") isDefault(name!, fallback!);
  }
  const needed = [...text.matchAll(/\$\{(\w+):\?[^}]+\}/g)].map(([, name]) => name);
  assert.deepEqual(new Set(needed), new Set(["MACULA_TOKEN"]), "a secret has no default");
  assert.ok(!/\$\{?\w+\}|\$\w/.test(text), "each other variable has a default");
  for (const service of services.values()) {
    // The image listens on all addresses: there, a gateway starts only when it was said who may join.
    if (service.command?.[0] === "gateway") assert.equal(service.environment?.MACULA_ADMISSION, "token");
    if (service.command?.length) assert.ok("MACULA_TOKEN" in service.environment!);
  }
  const ports = services.get("gateway")!.ports!.map((port) => port.replace(/\$\{\w+:-(\w+)\}/g, "$1"));
  const { MACULA_QUIC_PORT: quic, MACULA_HTTP_PORT: http } = imageEnvironment();
  assert.deepEqual(ports, [`${quic}:${quic}/udp`, `127.0.0.1:${http}:${http}/tcp`]);
  for (const [name, service] of services) if (name !== "gateway") assert.equal(service.ports, undefined);
});

Deno.test("the systemd unit grants what the program needs and keeps the rest away", () => {
  const service = unit.get("Service")!;
  const environment = Object.fromEntries(
    service.get("Environment")!.map((pair) => pair.split("=") as [string, string]),
  );
  for (const name of Object.keys(environment)) existsVariable(name);
  isDefault("MACULA_QUIC_PORT", environment.MACULA_QUIC_PORT!);
  isDefault("MACULA_HTTP_PORT", environment.MACULA_HTTP_PORT!);
  assert.deepEqual(environment.MACULA_STATE_DIR, `/var/lib/${service.get("StateDirectory")![0]}`);
  assert.deepEqual(environment.DENO_DIR, `/var/cache/${service.get("CacheDirectory")![0]}`);
  const words = service.get("ExecStart")![0]!.split(/\s+/);
  checkCommand(words, environment);
  const { MACULA_LISTEN: host, MACULA_QUIC_PORT: quic, MACULA_HTTP_PORT: http } = environment;
  assert.deepEqual(flagValues(words, "--allow-net"), [`${host}:${quic}`, `${host}:${http}`]);
  assert.notEqual(service.get("User")?.[0] ?? "root", "root");
  for (const name of ["NoNewPrivileges", "ProtectHome", "PrivateDevices", "RestrictNamespaces"]) {
    assert.deepEqual(service.get(name), ["yes"], name);
  }
  assert.deepEqual(service.get("ProtectSystem"), ["strict"]);
  assert.equal(service.has("MemoryDenyWriteExecute"), false, "V8 could not run");
});

Deno.test("the permission sets of deno.json cover the environment and the default ports", () => {
  const sets = JSON.parse(read("deno.json")).permissions;
  for (const name of COMMANDS) {
    coversEnvironment(sets[name].env, FOLDER_VARIABLES);
    assert.deepEqual(sets[name].read, sets[name].write);
  }
  for (const port of ["MACULA_QUIC_PORT", "MACULA_HTTP_PORT"]) {
    const host = sets.gateway.net.filter((place: string) => place.startsWith("127.0.0.1:"));
    assert.ok(host.some((place: string) => mentions(port, place.split(":")[1]!)), port);
  }
});

Deno.test("the guide names variables and flags that exist", () => {
  const guide = read("deploy/README.md");
  for (const [name] of guide.matchAll(/\bMACULA_[A-Z_]+\b/g)) existsVariable(name);
  for (const [, command] of guide.matchAll(/`macula ([^`]+)`/g)) checkArguments(command!.split(" "));
  for (const [, flag] of guide.matchAll(/`--(\w[\w-]*) @/g)) assert.ok(option(flag!), flag);
});

/** Checks `deno run <flags> cli.ts <command> <flags>`: the program's arguments, and that the permissions suffice. */
function checkCommand(words: readonly string[], environment: Readonly<Record<string, string>>): void {
  const script = words.indexOf("cli.ts");
  assert.match(words[0]!, /(^|\/)deno$/);
  assert.equal(words[1], "run");
  const flags = words.slice(2, script);
  for (const needed of ["--unstable-net", "--no-prompt", "--cached-only"]) assert.ok(flags.includes(needed), needed);
  assert.ok(!flags.some((flag) => /^(-A|--allow-all|--allow-run|--allow-ffi)/.test(flag)), "no more than is needed");
  coversEnvironment(flagValues(flags, "--allow-env"), FOLDER_VARIABLES);
  const state = environment.MACULA_STATE_DIR!;
  assert.ok(flagValues(flags, "--allow-read").includes(state) && flagValues(flags, "--allow-write").includes(state));
  const args = words.slice(script + 1);
  checkArguments(args);
  for (const [index, word] of args.entries()) {
    if (args[index - 1] !== "--ticket" || !word.startsWith("@")) continue;
    assert.ok(flagValues(flags, "--allow-read").some((folder) => word.startsWith(`@${folder}/`)), `may read ${word}`);
  }
}

function checkArguments(args: readonly string[]): void {
  assert.ok([...COMMANDS, "realm"].includes(args[0]!), `${args[0]} is a command`);
  for (const word of args.slice(1)) if (word.startsWith("--")) assert.ok(option(word.slice(2)), `${word} exists`);
}

function option(name: string): unknown {
  const options: Readonly<Record<string, unknown>> = OPTIONS;
  return options[name] ?? options[`--${name}`];
}

function existsVariable(name: string): void {
  assert.ok(name in ENVIRONMENT || DENO_VARIABLES.includes(name), `${name} is a variable of the program`);
}

function coversEnvironment(allowed: readonly string[], except: readonly string[]): void {
  const covers = (pattern: string, name: string) =>
    pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : pattern === name;
  for (const name of VARIABLES_READ) {
    if (!except.includes(name)) assert.ok(allowed.some((pattern) => covers(pattern, name)), `may read ${name}`);
  }
  for (const pattern of allowed) {
    assert.ok(VARIABLES_READ.some((name) => covers(pattern, name)), `${pattern} names something`);
  }
}

/** The program's own default for a variable is this value, so that leaving it away changes nothing. */
function isDefault(name: string, value: string): void {
  existsVariable(name);
  assert.ok(mentions(name, value), `the default of ${name} is ${value}`);
}

function mentions(name: string, value: string): boolean {
  const entry = (ENVIRONMENT as Readonly<Record<string, unknown>>)[name];
  return new RegExp(`(?<![\\w.])${RegExp.escape(value)}(?![\\w.])`).test(JSON.stringify(entry));
}

function flagValues(flags: readonly string[], name: string): string[] {
  return flags.find((flag) => flag.startsWith(`${name}=`))?.slice(name.length + 1).split(",") ?? [];
}

function imageEnvironment(): Record<string, string> {
  const pairs = image.filter(({ name }) => name === "ENV").flatMap(({ words }) => words);
  return Object.fromEntries(pairs.map((pair) => pair.split("=") as [string, string]));
}

/** The volume that a path inside a service lies on. */
function volumeAt(service: Service, path: string): string | undefined {
  const found = service.volumes?.find((volume) => path.startsWith(`${volume.split(":")[1]}/`));
  return found?.split(":")[0];
}

function only(instructions: readonly Instruction[], name: string): Instruction {
  const found = instructions.filter((instruction) => instruction.name === name);
  assert.equal(found.length, 1, `one ${name}`);
  return found[0]!;
}

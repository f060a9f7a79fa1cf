/** The permissions that a command needs, as flags of `deno run`. @module */

import { formatEndpoint, parseEndpoint } from "../../names/mod.ts";
import { VARIABLES_READ } from "../../node/environment.ts";
import { defaultStateDir, openStateFolder } from "../../store/mod.ts";
import type { Address } from "../../transport/transport.ts";
import { namedAuditFile } from "../admission/audit_file.ts";
import { givenAuth } from "../admission/credential_source.ts";
import { realmKeyFile } from "../admission/realm_key.ts";
import { parseListen, permittedVariable, type Settings } from "../settings.ts";
import { addressesOf, dialOnlyOf, namedTargets, ticketFiles } from "../target.ts";
import { SHELL } from "./exec.ts";

/** The flags for a command; with them and `--no-prompt` it works. */
export async function permissionFlags(command: string, settings: Settings): Promise<string[]> {
  const permissions = new Permissions(settings);
  await grant(command, settings, permissions);
  return ["--unstable-net", ...permissions.flags()];
}

/** What holds where the settings cannot be read without more permissions. */
export const UNSCOPED_FLAGS: readonly string[] = [
  "--unstable-net",
  "--allow-net",
  "--allow-env",
  "--allow-read",
  "--allow-write",
];

class Permissions {
  readonly #settings: Settings;
  /** `undefined` is the whole network. */
  net: readonly string[] | undefined = [];
  /** `undefined` is any program. */
  run: readonly string[] | undefined = [];
  readonly #env = ["MACULA_*", ...VARIABLES_READ.filter((name) => !name.startsWith("MACULA_")).sort()];
  readonly #read = new Set<string>();
  readonly #write = new Set<string>();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  read(...paths: readonly (string | undefined)[]): void {
    for (const path of paths) if (path !== undefined) this.#read.add(absolute(path));
  }

  write(path: string): void {
    this.read(path);
    this.#write.add(absolute(path));
  }

  /** The state folder, and the variables that say where it is. */
  folder(): string {
    if (this.#settings.environment.get("MACULA_STATE_DIR") === undefined) {
      const ask = (name: string) => {
        if (!name.startsWith("MACULA_") && !this.#env.includes(name)) this.#env.push(name);
        return permittedVariable(name);
      };
      return defaultStateDir(ask);
    }
    return this.#settings.stateDir;
  }

  flags(): string[] {
    const scoped = (name: string, list: Iterable<string> | undefined) => {
      const text = list === undefined ? undefined : [...new Set(list)].join(",");
      return text === "" ? [] : [text === undefined ? `--allow-${name}` : `--allow-${name}=${text}`];
    };
    return [
      ...scoped("net", this.net),
      ...scoped("env", this.#env),
      ...scoped("read", this.#read),
      ...scoped("write", this.#write),
      ...scoped("run", this.run),
    ];
  }
}

async function grant(command: string, settings: Settings, permissions: Permissions): Promise<void> {
  permissions.read(settings.text("key"));
  switch (command) {
    case "version":
      return;
    case "gateway":
      return await gateway(settings, permissions);
    case "stop":
      permissions.read(permissions.folder());
      permissions.run = undefined; // it sends a signal
      return;
    case "key": {
      const [action, path] = settings.positionals;
      if (action === "new") permissions.write(path === undefined ? permissions.folder() : folderOf(path));
      else if (!settings.has("key")) permissions.read(permissions.folder());
      return;
    }
    case "cert": {
      const { environment } = settings, [, file, keyFile] = settings.positionals;
      const named = [environment.get("MACULA_TLS_CERTFILE"), environment.get("MACULA_TLS_KEYFILE")];
      if (file !== undefined) permissions.read(file, keyFile);
      else permissions.read(...named[0] === undefined ? [permissions.folder()] : named);
      return;
    }
    case "ticket":
      if (settings.positionals.length === 0) permissions.read(permissions.folder());
      return;
    case "realm":
      return realm(settings, permissions);
  }
  await client(settings, permissions);
  if ((command === "peer" || command === "join") && !settings.has("key")) {
    permissions.folder();
    permissions.write(settings.peerDir);
  }
  if (command === "serve" && settings.has("exec")) permissions.run = [SHELL[0]];
}

/** A gateway that joins others dials nodes that it has yet to meet: it needs the whole network, or `--dial-only`. */
async function gateway(settings: Settings, permissions: Permissions): Promise<void> {
  const { listen, httpPort, environment } = settings, names = await namedTargets(settings);
  const ports = httpPort === 0 ? [listen.port] : [listen.port, httpPort];
  const own = ports.map((port) => formatEndpoint({ ...listen, port })), allowed = dialOnlyOf(settings);
  const dialled = [...allowed ?? [], ...fetchedFrom(names)].map((address) => formatEndpoint(address));
  permissions.net = names.length > 0 && allowed === undefined ? undefined : [...own, ...dialled];
  permissions.read(environment.get("MACULA_TLS_CACERTFILE"), ...ticketFiles(settings));
  permissions.read(environment.get("MACULA_TLS_CERTFILE"), environment.get("MACULA_TLS_KEYFILE"));
  permissions.read(realmKeyFile(settings), environment.get("MACULA_CREDENTIAL_FILE"));
  const auditFile = namedAuditFile(settings);
  if (auditFile !== undefined) { for (const path of [auditFile, `${auditFile}.1`]) permissions.write(path); }
  permissions.write(permissions.folder());
}

function realm(settings: Settings, permissions: Permissions): void {
  const [action = "show", argument] = settings.positionals;
  if (argument?.startsWith("@")) permissions.read(argument.slice(1));
  if (action === "show") permissions.read(...ticketFiles(settings));
  if (action === "inspect") permissions.read(realmKeyFile(settings));
  if (action === "init" || action === "revoke") permissions.write(permissions.folder());
  else if (action !== "token") permissions.read(permissions.folder());
}

/** A client dials what its targets name; where that is not known yet, it needs the whole network. */
async function client(settings: Settings, permissions: Permissions): Promise<void> {
  permissions.read(settings.environment.get("MACULA_TLS_CACERTFILE"), ...ticketFiles(settings));
  const given = givenAuth(settings);
  if (given?.kind === "file") permissions.read(given.value);
  if (given !== undefined && given.kind !== "token" && !settings.has("key")) permissions.read(permissions.folder());
  let names: readonly string[] = await namedTargets(settings);
  if (names.length === 0) {
    const folder = await openStateFolder(permissions.folder(), { lock: false }), ticket = await folder.readTicket();
    permissions.read(folder.path);
    names = ticket === undefined ? [] : [ticket];
  }
  const addresses = dialOnlyOf(settings) ?? (names.length === 0 ? undefined : addressesOf(names));
  if (addresses === undefined) return void (permissions.net = undefined);
  const fetched = fetchedFrom(names);
  const listen = settings.has("listen") ? parseListen(settings.text("listen")!) : undefined;
  const own = listen === undefined ? [] : [{ hostname: listen.hostname ?? "::", port: listen.port ?? 0 }];
  permissions.net = [...addresses, ...fetched, ...own].map((address) => formatEndpoint(address));
}

/** Where tickets are fetched. */
function fetchedFrom(names: readonly string[]): Address[] {
  return names.filter((name) => name.startsWith("http://")).map((name) => parseEndpoint(new URL(name).origin));
}

function absolute(path: string): string {
  return /^([/\\]|[A-Za-z]:[/\\])/.test(path) ? path : `${Deno.cwd()}/${path.replace(/^\.\//, "")}`;
}

function folderOf(path: string): string {
  const at = path.lastIndexOf("/");
  return at < 0 ? "." : path.slice(0, Math.max(1, at));
}

/** `macula gateway`: a gateway until it is told to leave. @module */

import { MeshError, ValidationError } from "../../base/errors.ts";
import type { CertificateStore } from "../../gateway/certificate.ts";
import type { Gateway } from "../../gateway/gateway.ts";
import { LEGACY_TRANSPORT, startGateway } from "../../gateway/start.ts";
import type { LegacyOptions } from "../../legacy/mod.ts";
import { formatEndpoint, isHostname } from "../../names/mod.ts";
import type { Logger } from "../../mesh/options.ts";
import { openStateFolder, readWhole, type StateFolder } from "../../store/mod.ts";
import type { TlsIdentity } from "../../transport/transport.ts";
import { denoRuntime, readCaCerts, systemTimers } from "../../node/runtime.ts";
import { createQuicTransport } from "../../transport/quic/mod.ts";
import { openAuditFile } from "../admission/audit_file.ts";
import { gatewayAdmission } from "../admission/gateway_admission.ts";
import { CERTIFICATE_FILE } from "./cert/facts.ts";
import { folderIdentity, keyFlag } from "../identity.ts";
import { print, say, toJson } from "../output.ts";
import { stayingLogger } from "../session.ts";
import type { Settings } from "../settings.ts";
import { checkDialOnly, checkedTargets, dialOnly, dialOnlyOf, GATEWAY_FILE } from "../target.ts";
import { type Leaving, staying } from "../process/signals.ts";

/** Runs a gateway. */
export async function gateway(settings: Settings): Promise<number> {
  // With certificate files SIGHUP means that there are new ones.
  const hasFiles = settings.environment.get("MACULA_TLS_CERTFILE") !== undefined;
  return await staying((leaving) => run(settings, leaving), hasFiles ? "SIGHUP" : undefined);
}

async function run(settings: Settings, leaving: Leaving): Promise<number> {
  const { listen, httpPort } = settings, logger = stayingLogger(settings);
  const hostname = hostnameOf(settings), certificateFiles = filesOf(settings);
  const bootstrap = await checkedTargets(settings), caCerts = await readCaCerts(settings.environment);
  const allowed = dialOnlyOf(settings);
  if (allowed !== undefined && bootstrap.length > 0) checkDialOnly(bootstrap, allowed);
  const legacy = legacyOf(settings), network = createQuicTransport(legacy && { limits: LEGACY_TRANSPORT });
  leaving.lastly(() => network.close());
  await using folder = await openStateFolder(settings.stateDir, { lock: true });
  await folder.remove(GATEWAY_FILE); // of one that was killed: until there is ours, commands wait
  const tls = certificateFiles === undefined ? undefined : await readTls(certificateFiles);
  const identity = await keyFlag(settings) ?? await folderIdentity(folder);
  using joining = await gatewayAdmission(settings, { identity, folder, timers: systemTimers(), logger });
  using audit = openAuditFile(settings, folder, logger);
  const running = await startGateway({
    realm: joining.realm,
    admission: joining.admission,
    auth: joining.auth,
    audit: audit.sink,
    listen,
    identity,
    certificates: certificateStore(folder),
    logger,
    bootstrap,
    legacy,
    ...(caCerts === undefined ? {} : { caCerts }),
    runtime: denoRuntime(allowed === undefined ? network : dialOnly(network, allowed)),
    ...(hostname === undefined ? {} : { hostname }),
    ...(httpPort === 0 ? {} : { http: { port: httpPort } }),
    ...(tls === undefined ? {} : { tls }),
  });
  try {
    await announce(running, folder, settings);
    using _reloading = certificateFiles === undefined ? undefined : reloadOnHangup(running, certificateFiles, logger);
    watch(running, logger);
    joining.onChange = () => void running.recheck();
    say(`ready gateway ${running.id} serves ${running.realm} on ${formatEndpoint(running.address)}`);
    await leaving.asked;
    logger.info("draining", { clients: running.clients().length });
    await running.drain();
  } finally {
    await running.close();
    await network.close();
    await folder.remove(GATEWAY_FILE);
  }
  logger.info("left");
  return 0;
}

/** Tells where it is: in the state folder first, so that whoever reads the lines finds it there. */
async function announce(running: Gateway, folder: StateFolder, settings: Settings): Promise<void> {
  const { ticket, address, httpAddress } = running, pid = Deno.pid, listening = formatEndpoint(address);
  const http = httpAddress === undefined ? undefined : `http://${formatEndpoint(httpAddress)}`;
  await folder.writeTicket(ticket);
  await folder.writeText(GATEWAY_FILE, `${JSON.stringify({ pid, address: listening, http })}\n`);
  if (settings.has("json")) return await print(toJson({ ticket, listening, http, pid }));
  const lines = [
    `ticket ${ticket}`,
    `listening ${listening}`,
    ...http === undefined ? [] : [`http ${http}`],
    `pid ${pid}`,
  ];
  await print(lines.join("\n"));
}

function watch(running: Gateway, logger: Logger): void {
  const tell = (message: string) => (event: Event) => logger.info(message, (event as CustomEvent).detail);
  running.addEventListener("peerup", tell("attached"));
  running.addEventListener("peerdown", tell("gone"));
}

function legacyOf(settings: Settings): LegacyOptions | undefined {
  const allow = settings.text("legacy-allow")?.split(",").map((one) => one.trim()).filter(Boolean);
  if (settings.has("allow-legacy")) return allow === undefined ? {} : { allow };
  if (allow === undefined) return undefined;
  throw new ValidationError(
    "Cannot use --legacy-allow alone: peers of Macula 0.20 are served with --allow-legacy only",
  );
}

function hostnameOf({ environment }: Settings): string | undefined {
  const hostname = environment.get("MACULA_HOSTNAME")?.replace(/^\[(.*)\]$/, "$1");
  if (hostname === undefined || isHostname(hostname)) return hostname;
  throw new ValidationError(
    `Cannot use ${environment.named("MACULA_HOSTNAME")}: a host name or an IP address is expected, got ${
      JSON.stringify(hostname)
    }`,
  );
}

interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

function filesOf({ environment }: Settings): CertificateFiles | undefined {
  const cert = environment.get("MACULA_TLS_CERTFILE"), key = environment.get("MACULA_TLS_KEYFILE");
  if (cert !== undefined && key !== undefined) return { cert, key };
  if (cert === undefined && key === undefined) return undefined;
  const missing = cert === undefined ? "MACULA_TLS_CERTFILE" : "MACULA_TLS_KEYFILE";
  throw new ValidationError(`Cannot use a certificate: its chain and its key are two files, set ${missing} too`);
}

async function readTls({ cert, key }: CertificateFiles): Promise<TlsIdentity> {
  return {
    cert: await readPem(cert, "MACULA_TLS_CERTFILE"),
    key: await readPem(key, "MACULA_TLS_KEYFILE"),
  };
}

async function readPem(path: string, variable: string): Promise<string> {
  const text = await readWhole(path);
  if (text !== undefined) return text;
  throw new ValidationError(`Cannot use ${variable}: there is no file ${path}`);
}

/** What renews certificates signals that there are new ones. */
function reloadOnHangup(running: Gateway, files: CertificateFiles, logger: Logger): Disposable {
  if (Deno.build.os === "windows") return { [Symbol.dispose]() {} };
  const reload = async () => {
    try {
      running.replaceTls(await readTls(files));
      logger.info("the certificate was read again", { file: files.cert });
    } catch (error) {
      logger.error("cannot read the certificate again, keeping the old one", { text: (error as Error).message });
    }
  };
  const onHangup = () => void reload();
  Deno.addSignalListener("SIGHUP", onHangup);
  return { [Symbol.dispose]: () => Deno.removeSignalListener("SIGHUP", onHangup) };
}

function certificateStore(folder: StateFolder): CertificateStore {
  return {
    async load() {
      try {
        return await folder.readText(CERTIFICATE_FILE);
      } catch (error) {
        if (error instanceof MeshError && error.code === "state_damaged") return undefined; // another is made
        throw error;
      }
    },
    save: (text) => folder.writeText(CERTIFICATE_FILE, text, { secret: true }),
  };
}

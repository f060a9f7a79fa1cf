/** `macula cert`: the certificate that a gateway shows, or any other in a file. @module */

import { MeshError, ValidationError } from "../../../base/errors.ts";
import { openStateFolder, readWhole } from "../../../store/mod.ts";
import { EXIT } from "../../failure.ts";
import { print, toJson } from "../../output.ts";
import type { Settings } from "../../settings.ts";
import { CERTIFICATE_FILE, type CertificateFacts, certificateFacts, publicKeyOfPem } from "./facts.ts";
import { findings } from "./findings.ts";

/** A certificate to look at. */
interface Looked {
  /** Where it is from, for people. */
  readonly source: string;
  readonly cert: string;
  readonly key: string | undefined;
}

/** Shows a certificate, or checks it. */
export async function cert(settings: Settings): Promise<number> {
  const [action = "show", ...files] = settings.positionals;
  if (action !== "show" && action !== "check") {
    throw new ValidationError(`Cannot run macula cert ${action}: show or check is expected`);
  }
  if (action === "show" && (files.length > 1 || settings.has("host") || settings.has("browser"))) {
    throw new ValidationError("Cannot run macula cert show: a certificate file alone is expected; check takes more");
  }
  const looked = await lookedAt(settings, files), facts = await certificateFacts(looked.cert, looked.source);
  return action === "show" ? await show(facts, looked) : await check(facts, looked, settings);
}

async function show(facts: CertificateFacts, { source }: Looked): Promise<number> {
  const { publicKey: _, notBefore, notAfter, ...rest } = facts, instant = (ms: number) => new Date(ms).toISOString();
  await print(toJson({ source, ...rest, notBefore: instant(notBefore), notAfter: instant(notAfter) }));
  return EXIT.done;
}

async function check(facts: CertificateFacts, { source, key }: Looked, settings: Settings): Promise<number> {
  const publicKey = key === undefined ? undefined : publicKeyOfPem(key);
  if (key !== undefined && publicKey === undefined) {
    throw new ValidationError(`Cannot read the private key of ${source}: it must be PEM, got ${key.length} characters`);
  }
  const host = settings.text("host") ?? settings.environment.get("MACULA_HOSTNAME");
  const found = findings(facts, { now: Date.now(), host, publicKey, browser: settings.has("browser") });
  const faults = found.filter(({ isFault }) => isFault);
  if (settings.has("json")) await print(toJson({ source, ok: faults.length === 0, findings: found }));
  else {
    const lines = found.map(({ code, text, isFault }) => `${isFault ? "fault" : "note"} ${code}: ${text}`);
    await print([...lines, ...faults.length === 0 ? [`ok ${source}`] : []].join("\n"));
  }
  return faults.length === 0 ? EXIT.done : EXIT.failed;
}

/** Files that were named, else those of the environment, else what the gateway of this machine issued itself. */
async function lookedAt(settings: Settings, [certPath, keyPath]: readonly string[]): Promise<Looked> {
  const { environment } = settings,
    fileOf = async (path: string) => {
      const text = await readWhole(path);
      if (text !== undefined) return text;
      throw new ValidationError(`Cannot read the certificate: there is no file ${path}`);
    };
  const cert = certPath ?? environment.get("MACULA_TLS_CERTFILE");
  if (cert !== undefined) {
    const key = certPath === undefined ? environment.get("MACULA_TLS_KEYFILE") : keyPath;
    return { source: cert, cert: await fileOf(cert), key: key === undefined ? undefined : await fileOf(key) };
  }
  const folder = await openStateFolder(settings.stateDir, { lock: false }),
    text = await folder.readText(CERTIFICATE_FILE);
  if (text === undefined) {
    throw new MeshError(
      "no_certificate",
      `Cannot show a certificate: there is none in ${folder.path}, a gateway makes it when it starts; or name a file`,
    );
  }
  const source = folder.pathOf(CERTIFICATE_FILE);
  try {
    const { cert, key } = JSON.parse(text);
    if (typeof cert === "string" && typeof key === "string") return { source, cert, key };
  } catch {
    // told below
  }
  throw new MeshError(
    "state_damaged",
    `Cannot read the certificate: ${source} must be as the gateway wrote it, got something else; it makes another one`,
  );
}

/** The bare relay's certificate: P-256, signed by itself, pinned by its clients. @module */

/** A certificate with its key, PEM. */
export interface RelayCertificate {
  readonly cert: string;
  readonly key: string;
}

const DAY_MS = 86_400_000;
const read = new Map<string, Promise<RelayCertificate>>();

/** That of a run's folder; made by the first who asks, which must be the hub. */
export function relayCertificate(folder: string): Promise<RelayCertificate> {
  let found = read.get(folder);
  if (found === undefined) read.set(folder, found = readOrMake(`${folder}/relay.json`));
  return found;
}

async function readOrMake(path: string): Promise<RelayCertificate> {
  try {
    return JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const certificate = await make();
  await Deno.writeTextFile(path, JSON.stringify(certificate), { mode: 0o600 });
  return certificate;
}

async function make(): Promise<RelayCertificate> {
  await import("reflect-metadata"); // a dependency of x509 wants it loaded first
  const x509 = await import("@peculiar/x509");
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=localhost",
    keys,
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + DAY_MS),
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.SubjectAlternativeNameExtension([{ type: "dns", value: "localhost" }, {
        type: "ip",
        value: "127.0.0.1",
      }]),
    ],
  });
  const key = x509.PemConverter.encode(await crypto.subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY");
  return { cert: `${certificate.toString("pem")}\n`, key: `${key}\n` };
}

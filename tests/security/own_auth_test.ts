/** `connect()` without a target: the environment says where to, what is shown, and by whose key it is. @module */

import assert from "node:assert/strict";
import { connect, type ConnectOptions } from "../../mod.ts";
import { encodeKeyFile } from "../../src/identity/mod.ts";
import { denoRuntime } from "../../src/node/runtime.ts";
import { createQuicTransport } from "../../src/transport/quic/mod.ts";
import { soon, until } from "../conformance/deadline.ts";
import {
  credentialGateway,
  credentialOf,
  foreignKey,
  identity,
  mustFail,
  openGateway,
  OTHER_TOKEN,
  TOKEN,
  tokenGateway,
} from "./world.ts";

const EDGE = identity(1), OTHER = identity(2);

Deno.test("connect: what the options leave out comes from the environment and the state folder", async (t) => {
  await using folder = await stateFolder(), empty = await stateFolder({ key: false }), transport = network();
  await using byToken = await tokenGateway(), byCredential = await credentialGateway();
  const own = await credentialOf(EDGE), others = await credentialOf(OTHER), file = `${folder.path}/edge.jwt`;
  await Deno.writeTextFile(file, own);
  const join = (ticket: string, values: Record<string, string>, options: ConnectOptions = {}) => {
    const environment = { MACULA_STATE_DIR: folder.path, MACULA_BOOTSTRAP_PEERS: ticket, ...values };
    return connect(undefined, { runtime: { ...denoRuntime(transport.inner), environment }, ...options });
  };
  const shows = async (ticket: string, values: Record<string, string>, options?: ConnectOptions) => {
    await using mesh = await soon(join(ticket, values, options), "the welcome");
    return mesh.id;
  };
  assert.notEqual(await shows(byToken.ticket, { MACULA_TOKEN: TOKEN }), EDGE.id, "a token needs no key");
  assert.equal(await shows(byCredential.ticket, { MACULA_CREDENTIAL: own }), EDGE.id);
  assert.equal(await shows(byCredential.ticket, { MACULA_CREDENTIAL_FILE: file }), EDGE.id);
  assert.equal(await shows(byCredential.ticket, { MACULA_CREDENTIAL: others }, { identity: OTHER }), OTHER.id);
  assert.equal(await shows(byCredential.ticket, {}, { auth: { credential: own } }), EDGE.id);
  assert.equal(await shows(byCredential.ticket, { MACULA_TOKEN: TOKEN }, { auth: { credential: () => own } }), EDGE.id);
  const keyless = { MACULA_STATE_DIR: empty.path, MACULA_CREDENTIAL: own }, code = "invalid";
  const refused = [
    {
      name: "another token",
      code: "bad_token",
      text: "Cannot connect: the token must be that of the realm, got another one",
      run: () => join(byToken.ticket, { MACULA_TOKEN: OTHER_TOKEN }),
    },
    {
      name: "nothing, as it was said",
      code: "token_required",
      text: /^Cannot connect: this gateway asks for the realm's token/,
      run: () => join(byToken.ticket, { MACULA_TOKEN: TOKEN }, { auth: {} }),
    },
    {
      name: "a credential of another node than the folder's",
      code,
      text: `Cannot connect: the credential is for the node ${OTHER.id}, got the key of ${EDGE.id} in ` +
        `${folder.path}/node.key; give the right one as identity, or its folder with MACULA_STATE_DIR`,
      run: () => join(byCredential.ticket, { MACULA_CREDENTIAL: others }),
    },
    {
      name: "a credential of another node than the identity",
      code,
      text: `Cannot connect: the credential of MACULA_CREDENTIAL is for the node ${EDGE.id}, got the identity ` +
        `${OTHER.id}; give the right identity, or another credential as auth`,
      run: () => join(byCredential.ticket, { MACULA_CREDENTIAL: own }, { identity: OTHER }),
    },
    {
      name: "a credential without a key",
      code,
      text: `Cannot connect: a credential needs the key of its node ${EDGE.id}; give it as identity, or say with ` +
        `MACULA_STATE_DIR where it is, got none in ${empty.path}/node.key`,
      run: () => join(byCredential.ticket, keyless),
    },
    {
      name: "no credential at all",
      code,
      text: "Cannot use MACULA_CREDENTIAL: it has three parts with dots between them, got 1",
      run: () => join(byCredential.ticket, { MACULA_CREDENTIAL: "nonsense" }),
    },
    {
      name: "no file",
      code,
      text: "Cannot use MACULA_CREDENTIAL_FILE: there is no file /nowhere.jwt",
      run: () => join(byCredential.ticket, { MACULA_CREDENTIAL_FILE: "/nowhere.jwt" }),
    },
    {
      name: "two things",
      code,
      text: "Cannot connect: one of MACULA_TOKEN, MACULA_CREDENTIAL, MACULA_CREDENTIAL_FILE is expected, got " +
        "MACULA_TOKEN and MACULA_CREDENTIAL",
      run: () => join(byCredential.ticket, { MACULA_TOKEN: TOKEN, MACULA_CREDENTIAL: own }),
    },
  ];
  await mustFail(t, refused);
});

Deno.test("connect: a credential file is read again, one that cannot be used is told and not taken", async () => {
  await using folder = await stateFolder(),
    transport = network(),
    gateway = await credentialGateway({
      audit: ({ action, name }) => void audited.push(`${action} ${name}`),
    });
  const audited: string[] = [], logged: string[] = [], file = `${folder.path}/edge.jwt`, MACULA_CREDENTIAL_FILE = file;
  const replace = async (credential: string) => {
    await Deno.writeTextFile(`${file}.new`, credential);
    await Deno.rename(`${file}.new`, file);
  };
  await replace(await credentialOf(EDGE, { id: "first" }));
  const environment = {
    MACULA_STATE_DIR: folder.path,
    MACULA_BOOTSTRAP_PEERS: gateway.ticket,
    MACULA_CREDENTIAL_FILE,
  };
  const logger = { debug() {}, info() {}, warn() {}, error: (text: string) => void logged.push(text) };
  await using _mesh = await connect(undefined, {
    runtime: { ...denoRuntime(transport.inner), environment },
    logger,
  });
  await replace(await credentialOf(OTHER, { by: foreignKey }));
  await until(() => logged.length > 0, "the error");
  assert.deepEqual(logged, ["cannot read the credential again, keeping the old one"]);
  await replace(await credentialOf(EDGE, { id: "second" }));
  await until(() => audited.includes("renew second"), "the fresh one on the live link");
});

Deno.test("connect: a target that the program names is shown nothing of the environment", async () => {
  await using folder = await stateFolder(),
    transport = network(),
    byToken = await tokenGateway(),
    byNothing = await openGateway();
  const join = (ticket: string, values: Record<string, string>, options: ConnectOptions = {}) => {
    const environment = { MACULA_STATE_DIR: folder.path, ...values };
    return connect(ticket, { runtime: { ...denoRuntime(transport.inner), environment }, ...options });
  };
  await assert.rejects(join(byToken.ticket, { MACULA_TOKEN: TOKEN }), { code: "token_required" });
  for (const values of [{ MACULA_TOKEN: TOKEN }, { MACULA_CREDENTIAL: await credentialOf(EDGE) }]) {
    await using mesh = await join(byNothing.ticket, values);
    assert.notEqual(mesh.id, EDGE.id, "nor is the node that of the state folder");
  }
});

function network() {
  const inner = createQuicTransport();
  return { inner, [Symbol.asyncDispose]: () => inner.close() };
}

async function stateFolder({ key = true } = {}) {
  const path = await Deno.makeTempDir({ prefix: "macula-auth-" });
  if (key) await Deno.writeTextFile(`${path}/node.key`, encodeKeyFile(EDGE), { mode: 0o600 });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** Who may join at a gateway of the command line: what its flags say, else what its state folder holds. @module */

import type { Timers } from "../../base/clock.ts";
import { ValidationError } from "../../base/errors.ts";
import type { Identity, RealmPublicKey } from "../../identity/mod.ts";
import type { Admission, Auth } from "../../link/admission/guard.ts";
import type { Logger } from "../../mesh/options.ts";
import { readRealmKey, readRealmPublicKey, RevocationList, type StateFolder } from "../../store/mod.ts";
import type { Settings } from "../settings.ts";
import { type Given, givenAuth, showing } from "./credential_source.ts";
import { HubCredential } from "./hub_credential.ts";
import { namedRealmKey } from "./realm_key.ts";

/** What a gateway is started with; kept up to date until it is disposed of. */
export interface GatewayAdmission extends Disposable {
  readonly realm: string;
  /** Undefined where nothing was said: `startGateway` then decides by the address. */
  readonly admission: Admission | undefined;
  readonly auth: Auth | undefined;
  /** Called when the revocation list has changed. */
  onChange: () => void;
}

/** What the gateway has at hand. */
export interface GatewayMeans {
  readonly identity: Identity;
  readonly folder: StateFolder;
  readonly timers: Timers;
  readonly logger: Logger;
}

const MODES: readonly Admission["mode"][] = ["open", "token", "credential"];
const DOING = "Cannot start a gateway";

/** Finds out; throws `ValidationError` that says what is missing and how to get it. */
export async function gatewayAdmission(settings: Settings, means: GatewayMeans): Promise<GatewayAdmission> {
  const { environment } = settings, given = givenAuth(settings);
  const key = await namedRealmKey(settings) ?? await readRealmPublicKey(means.folder);
  const realm = environment.realm() ?? key?.realm ?? environment.text("MACULA_REALM");
  const mode = settings.choiceOf("MACULA_ADMISSION", MODES) ?? impliedMode(given, key);
  switch (mode) {
    case undefined:
      return fixed(realm, undefined);
    case "open":
      return fixed(realm, { mode });
    case "token": {
      if (given?.kind === "token") return fixed(realm, { mode, token: given.value });
      throw new ValidationError(
        `${DOING}: admission token needs the realm's secret, give it with MACULA_TOKEN or --token; ` +
          "macula realm token makes one",
      );
    }
    case "credential":
      return await byCredential(key, { realm, given, ...means });
  }
}

function fixed(realm: string, admission: Admission | undefined): GatewayAdmission {
  return { realm, admission, auth: undefined, onChange() {}, [Symbol.dispose]() {} };
}

/** What is at hand is there to be used: a gateway with a realm's key in its folder is not open by accident. */
function impliedMode(given: Given | undefined, key: RealmPublicKey | undefined): Admission["mode"] | undefined {
  const byToken = given?.kind === "token", byCredential = key !== undefined || (given !== undefined && !byToken);
  if (byToken && byCredential) {
    throw new ValidationError(
      `${DOING}: there are a token and a realm's key, so it must be said who may join; give --admission token or ` +
        "--admission credential",
    );
  }
  return byToken ? "token" : byCredential ? "credential" : undefined;
}

async function byCredential(
  key: RealmPublicKey | undefined,
  means: GatewayMeans & { readonly realm: string; readonly given: Given | undefined },
): Promise<GatewayAdmission> {
  const { realm, folder, timers, logger } = means;
  if (key === undefined) {
    throw new ValidationError(
      `${DOING}: admission credential needs the realm's public key; macula realm init <name> makes one in ` +
        `${folder.path}, --realm-key names one from elsewhere`,
    );
  }
  if (key.realm !== undefined && key.realm !== realm) {
    throw new ValidationError(`${DOING}: its realm must be that of the realm's key, ${key.realm}, got ${realm}`);
  }
  const { publicKey: realmKey } = key, own = await ownCredential(realmKey, means);
  try {
    const list = await RevocationList.open(folder, {
      timers,
      onChange: (revoked) => {
        logger.info("the revocation list was read again", { revoked });
        started.onChange();
      },
      onFailure: ({ message }) =>
        logger.error("cannot read the revocation list again, keeping the old one", { text: message }),
    });
    const started: GatewayAdmission = {
      realm,
      admission: { mode: "credential", realmKey, isRevoked: (id) => list.isRevoked(id) },
      auth: own.auth,
      onChange() {},
      [Symbol.dispose]() {
        list.close();
        own[Symbol.dispose]();
      },
    };
    return started;
  } catch (error) {
    own[Symbol.dispose]();
    throw error;
  }
}

/** What the gateway shows itself: what it was given, else one that it issues with the private key in its folder. */
async function ownCredential(
  realmKey: Uint8Array,
  { given, identity, folder, timers, logger }: GatewayMeans & { readonly given: Given | undefined },
): Promise<Disposable & { readonly auth: Auth }> {
  if (given !== undefined && given.kind !== "token") return await showing(given, { identity, timers, logger });
  const key = await readRealmKey(folder);
  if (key === undefined || key.identity.publicKey.toHex() !== realmKey.toHex()) {
    throw new ValidationError(
      `${DOING}: with admission credential it shows one too; on the machine with the realm's key run: ` +
        `macula realm issue --role hub --node ${identity.id}, and give it with --credential-file or --credential`,
    );
  }
  const hub = await HubCredential.open({ key, identity, timers, logger });
  return { auth: { credential: () => hub.token }, [Symbol.dispose]: () => hub[Symbol.dispose]() };
}

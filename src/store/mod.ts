/**
 * What must survive a restart. The command line and gateways open a {@link StateFolder}; protocol cores never see it.
 *
 * @module
 */

export { LineLog } from "./line_log.ts";
export { createRealmKey, readRealmKey, readRealmPublicKey } from "./realm_files.ts";
export { RevocationList, revoke, REVOKED_MAX } from "./revocations.ts";
export { defaultStateDir, openStateFolder, StateFolder, type StateFolderOptions } from "./state_folder.ts";
export { damagedState, readSecret, readWhole, replaceFile, stateError } from "./state_file.ts";
export { WATCH_LOOK_MS, WatchedFile, type WatchOptions } from "./watched_file.ts";

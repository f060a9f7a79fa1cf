/**
 * What must survive a restart. The command line and gateways open a {@link StateFolder}; protocol cores never see it.
 *
 * @module
 */

export { defaultStateDir, openStateFolder, StateFolder, type StateFolderOptions } from "./state_folder.ts";
export { damagedState, readSecret, readWhole, replaceFile, stateError } from "./state_file.ts";

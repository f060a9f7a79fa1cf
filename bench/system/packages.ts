/** Packages of the peers, from `bench/peers.json`. @module */

/**
 * Imports a package of a peer. The name is no literal at the place of the import: so the project's own import map, lock
 * and type check need not know the peers.
 */
export async function imported<Package>(name: string): Promise<Package> {
  return await import(name);
}

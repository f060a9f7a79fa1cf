/** Any MessagePack value. @module */

/**
 * A MessagePack value: a *bin* is `Uint8Array`, a *str* is `string`, an integer outside ±2^53 is `bigint`. Keys of a
 * map are their texts, whether they came as bin or str.
 */
export type Value = null | boolean | number | bigint | string | Uint8Array | readonly Value[] | ValueMap;

/** A MessagePack map whose keys are texts. */
export interface ValueMap extends ReadonlyMap<string, Value> {}

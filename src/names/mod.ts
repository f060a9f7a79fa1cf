/**
 * The names of the mesh: realms, topics, patterns, procedures, endpoints, URIs and tickets. Each is parsed once into a
 * type of its own; after that nobody checks again. Every parser throws `ValidationError` with a sentence that names the
 * rule and the value.
 *
 * ```ts
 * import { contains, matches, parsePattern, parseTopic } from "@macula/mesh/names";
 * import assert from "node:assert/strict";
 *
 * const pattern = parsePattern("sensor.*.measured");
 * assert(matches(pattern, parseTopic("sensor.kitchen.measured")));
 * assert(!matches(pattern, parseTopic("sensor.kitchen.oven.measured")));
 * assert(contains(parsePattern("sensor.**"), pattern));
 * assert.equal(parsePattern("sensor.#"), "sensor.**");
 * assert.throws(() => parseTopic("sensor..measured"), { code: "invalid" });
 * ```
 *
 * A ticket is one string that says how to reach and verify a node:
 *
 * ```ts
 * import { formatTicket, parseEndpoint, parseRealm, parseTicket } from "@macula/mesh/names";
 * import assert from "node:assert/strict";
 *
 * const text = formatTicket({
 *   realm: parseRealm("org.example.home"),
 *   publicKey: new Uint8Array(32),
 *   addresses: [parseEndpoint("https://gateway.example.org:9443"), parseEndpoint("[2001:db8::1]:9443")],
 * });
 * assert(text.startsWith("macula1"));
 * assert.equal(parseTicket(text).addresses[1]?.hostname, "2001:db8::1");
 * assert.throws(() => parseTicket(text.replace(/.$/, "q").replace(/..$/, "pp")), /checksum/);
 * ```
 *
 * @module
 */

export { decodeAddress, encodeAddress, type Endpoint, formatIp, formatIpInFull, parseIp } from "./address.ts";
export { bucketIndex, compareDistance, distance, leadingZeros } from "./distance.ts";
export { formatEndpoint, isHostname, isPort, parseEndpoint } from "./endpoint.ts";
export { formatUuid, type Hash, ID_BYTES, natProfileKey, normalizeId, originalKey, parseUuid } from "./id.ts";
export { contains, isExact, isPattern, matches, parsePattern, type Pattern } from "./pattern.ts";
export { isForEverybody, isProcedure, parseProcedure, type Procedure } from "./procedure.ts";
export { isRealm, parseRealm, type Realm } from "./realm.ts";
export {
  formatTicket,
  looksLikeTicket,
  parseTicket,
  type Ticket,
  TICKET_ADDRESSES_MAX,
  TICKET_PATH,
} from "./ticket.ts";
export { isTopic, NAME_BYTES_MAX, NAME_SEGMENTS_MAX, parseTopic, type Topic } from "./topic.ts";
export { formatUri, isUri, type NodeUri, parseUri } from "./uri.ts";

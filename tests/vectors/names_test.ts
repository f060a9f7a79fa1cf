/** Names, ids and distances as the original's code gave them. @module */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { fromHex, toHex } from "../../src/base/bytes.ts";
import {
  bucketIndex,
  compareDistance,
  decodeAddress,
  distance,
  encodeAddress,
  type Endpoint,
  formatIp,
  formatIpInFull,
  formatUuid,
  isPattern,
  isProcedure,
  isRealm,
  isTopic,
  isUri,
  leadingZeros,
  matches,
  natProfileKey,
  normalizeId,
  originalKey,
  parseEndpoint,
  parseIp,
  parsePattern,
  parseTopic,
  parseUri,
  parseUuid,
} from "../../src/names/mod.ts";
import { atomOf, bytesOf, checkSection, type Noted, SECTIONS, succeeds, textOf, type Vector } from "./vectors.ts";

/** Columns that are not compared: helpers of the original's library that its wire and its nodes do not use. */
const COLUMNS_LEFT_OUT: Record<string, string[]> = {
  realms: ["normalize", "namespace", "to_binary_hex"],
  names: ["normalize", "namespace", "segment_count"],
  topic_matching: ["client_utils", "pubsub_topic_module"], // the first is the same, the second not on the live path
  endpoints: [ // five more parsers, each with another idea
    "macula_connection_parse_url",
    "macula_connection_server_address",
    "peer_connector_parse_endpoint",
    "gateway_mesh_parse_address",
    "pubsub_router_parse_endpoint",
  ],
};

const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash("sha256").update(bytes).digest());
const id = (hex: Noted | undefined) => normalizeId(fromHex(hex as string), sha256);
const unnamed = () => "any";

Deno.test("columns that are left out exist", () => {
  for (const [section, columns] of Object.entries(COLUMNS_LEFT_OUT)) {
    for (const column of columns) assert(SECTIONS[section]!.every((vector) => column in vector), `${section} ${column}`);
  }
});

Deno.test("realms", () => {
  checkSection("realms", (vector) => textOf(vector["realm"]), (vector) => {
    const realm = textOf(vector["realm"]);
    assert.equal(toHex(originalKey(realm, sha256)), vector["id_hex"]);
    assert.equal(vector["core_types_realm_id_hex"], vector["id_hex"]);
    return isRealm(realm) === (atomOf(vector["validate"]) === "ok");
  });
});

Deno.test("names", () => {
  checkSection("names", (vector) => textOf(vector["name"]), (vector) => {
    const name = textOf(vector["name"]);
    return isTopic(name) === (atomOf(vector["names_validate"]) === "ok") &&
      isProcedure(name) === (atomOf(vector["rpc_name_validate"]) === "ok") &&
      succeeds(() => parsePattern(name)) === (atomOf(vector["topic_validate"]) === "ok");
  });
});

Deno.test("topic matching: as the gateway did", () => {
  const name = (vector: Vector) => `${shown(vector["topic"])} ${shown(vector["pattern"])}`;
  checkSection("topic_matching", name, (vector) => {
    const topic = textOf(vector["topic"]), pattern = textOf(vector["pattern"]);
    const ours = isTopic(topic) && succeeds(() => parsePattern(pattern)) &&
      matches(parsePattern(pattern), parseTopic(topic));
    if (ours && isPattern(pattern)) assert.equal(vector["client_utils"], true);
    return ours === vector["gateway_pubsub"];
  });
});

Deno.test("URIs", () => {
  checkSection("uris", (vector) => textOf(vector["uri"]), (vector) => {
    const uri = textOf(vector["uri"]), [result, realm, nodeId] = (vector["parse"] as { $tuple: Noted[] }).$tuple;
    assert.equal(isUri(uri), vector["is_valid"]);
    if (atomOf(result) !== "ok") return !succeeds(() => parseUri(uri));
    const ours = parseUri(uri);
    return ours.realm === textOf(realm) && toHex(ours.nodeId) === toHex(bytesOf(nodeId));
  });
});

Deno.test("endpoints: as macula_utils reads them", () => {
  checkSection("endpoints", (vector) => shown(vector["endpoint"]), (vector) => {
    const text = textOf(vector["endpoint"]), theirs = vector["macula_utils_parse_url"] as { $tuple?: [Noted, number] };
    if (theirs.$tuple === undefined) return !succeeds(() => parseEndpoint(text));
    if (!succeeds(() => parseEndpoint(text))) return false;
    assert.deepEqual(parseEndpoint(text), { hostname: textOf(theirs.$tuple[0]), port: theirs.$tuple[1] });
    return true;
  });
});

Deno.test("addresses", () => {
  checkSection("addresses", (vector) => vector["hex"] as string, (vector) => {
    const packed = fromHex(vector["hex"] as string);
    if (atomOf(vector["decoded"]) !== "ok") return !succeeds(() => decodeAddress(packed));
    const endpoint = endpointOf(vector["address"]!);
    assert.deepEqual(decodeAddress(packed), endpoint);
    assert.equal(toHex(encodeAddress(endpoint)), vector["hex"]);
    return formatIpInFull(parseIp(endpoint.hostname)!) === textOf(vector["gateway_format_ip"]);
  });
});

Deno.test("ids", () => {
  checkSection("ids", unnamed, (vector) => {
    if (vector["uuid"] !== undefined) {
      const text = textOf(vector["uuid"]), theirs = vector["from_uuid"] as Vector;
      if ("$crash" in theirs) return !succeeds(() => parseUuid(text));
      return toHex(parseUuid(text)) === toHex(bytesOf(theirs));
    }
    const bytes = fromHex(vector["bytes_hex"] as string), theirs = vector["to_uuid"] as Vector;
    assert.equal(toHex(bytes), textOf(vector["to_hex"]));
    if ("$crash" in theirs) return !succeeds(() => formatUuid(bytes));
    return formatUuid(bytes) === textOf(theirs);
  });
});

Deno.test("distances", () => {
  checkSection("node_id_distance", unnamed, (vector) => {
    const a = id(vector["a_hex"]), b = id(vector["b_hex"]), between = distance(a, b);
    assert.equal(toHex(a), vector["a_normalized_hex"]);
    assert.equal(leadingZeros(between), vector["leading_zeros_of_distance"]);
    assert.equal(bucketIndex(a, b), vector["bucket_index"]);
    return toHex(between) === vector["distance_hex"];
  });
  checkSection("leading_zeros", unnamed, (vector) => {
    return leadingZeros(fromHex(vector["hex"] as string)) === vector["leading_zeros"];
  });
  checkSection("compare", unnamed, (vector) => {
    const order = compareDistance(id(vector["target_hex"]), id(vector["a_hex"]), id(vector["b_hex"]));
    assert.equal(order < 0, vector["closer_to_a"]);
    return ["less", "equal", "greater"][Math.sign(order) + 1] === vector["compare"];
  });
});

Deno.test("DHT keys", () => {
  checkSection("dht_keys", unnamed, (vector) => {
    const input = bytesOf(vector["input"]);
    const key = vector["kind"] === "nat_profile" ? natProfileKey(input, sha256) : originalKey(textOf(vector["input"]), sha256);
    return toHex(key) === vector["key_hex"];
  });
});

function endpointOf(noted: Noted): Endpoint {
  const [ip, port] = (noted as { $tuple: [{ $tuple: number[] }, number] }).$tuple;
  const groups = ip.$tuple;
  const bytes = groups.length === 4 ? groups : groups.flatMap((group) => [group >>> 8, group & 0xff]);
  return { hostname: formatIp(Uint8Array.from(bytes)), port };
}

/** A text as the list of exceptions shows it. */
function shown(noted: Noted | undefined): string {
  return textOf(noted) || '""';
}

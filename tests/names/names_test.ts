/** Realms, topics, procedures, endpoints, URIs and ids. @module */

import assert from "node:assert/strict";
import { fromHex, toHex } from "../../src/base/bytes.ts";
import {
  bucketIndex,
  compareDistance,
  decodeAddress,
  distance,
  encodeAddress,
  formatEndpoint,
  formatIp,
  formatUri,
  isHostname,
  isProcedure,
  isRealm,
  isTopic,
  leadingZeros,
  parseEndpoint,
  parseIp,
  parseProcedure,
  parseRealm,
  parseTopic,
  parseUri,
} from "../../src/names/mod.ts";

const parsers = { "a topic": parseTopic, "a procedure": parseProcedure, "a realm": parseRealm };

Deno.test("topics, procedures and realms keep one rule", () => {
  for (const [what, parse] of Object.entries(parsers)) {
    for (const text of ["a", "A.b-C_d.9", "_dht.store", "a".repeat(255), Array(32).fill("a").join(".")]) {
      assert.equal(parse(text), text);
    }
    for (const text of ["", ".", "a.", ".a", "a..b", "a.*", "**", "a b", "a\n", "a.b\0", "é", "a/b", "a".repeat(256)]) {
      assert.throws(() => parse(text), (error: Error & { code: string }) => {
        assert.equal(error.code, "invalid");
        assert.match(error.message, new RegExp(`^Cannot use as ${what}: .*, got .*[^.]$`));
        return true;
      }, text);
    }
  }
  assert(isTopic("a") && isProcedure("a") && isRealm("a"));
  assert(!isTopic("*") && !isProcedure("*") && !isRealm("*"));
});

Deno.test("an error shows a long value in part", () => {
  assert.throws(() => parseTopic("!".repeat(200)), (error: Error) => error.message.length < 200);
});

Deno.test("endpoints are read with and without scheme, port and brackets", () => {
  const table: [string, string, number][] = [
    ["https://host:9443", "host", 9443],
    ["host:9443", "host", 9443],
    ["host", "host", 443],
    ["https://host", "host", 443],
    ["http://host", "host", 80],
    ["https://host:1/", "host", 1],
    ["192.168.1.5:4433", "192.168.1.5", 4433],
    ["https://[::1]:9443", "::1", 9443],
    ["[2001:db8::1]", "2001:db8::1", 443],
    ["my_host.example.org.:65535", "my_host.example.org.", 65535],
  ];
  for (const [text, hostname, port] of table) {
    assert.deepEqual(parseEndpoint(text), { hostname, port }, text);
    assert.deepEqual(parseEndpoint(formatEndpoint({ hostname, port })), { hostname, port });
  }
  assert.deepEqual(parseEndpoint("https://host", { defaultPort: 9443 }), { hostname: "host", port: 9443 });
});

Deno.test("what is no endpoint is refused", () => {
  const refused = ["", ":", ":1", "host:", "host:0", "host:65536", "host:x", "host:123456", "quic://host:1", "a@b:1"];
  refused.push("https://host/path", "https://host?x", "::1:9443", "[::1", "[1.2.3.4]:1", "[]:1", "1.2.3.256:1", "-a:1");
  refused.push("a..b:1", "a b:1", "https://", "010.0.0.1:1", "1.2.3:1", `${"a".repeat(64)}:1`);
  for (const text of refused) {
    assert.throws(() => parseEndpoint(text), /^ValidationError: Cannot use as an endpoint: .*, got ".*"$/, text);
  }
});

Deno.test("IP literals", () => {
  const same = ["0.0.0.0", "255.255.255.255", "::", "::1", "1::", "2001:db8::1", "1:2:3:4:5:6:7:8", "1:0:0:2::3"];
  for (const text of same) assert.equal(formatIp(parseIp(text)!), text);
  assert.equal(formatIp(parseIp("2001:0DB8:0:0:0:0:0:0001")!), "2001:db8::1");
  assert.equal(formatIp(parseIp("::ffff:1.2.3.4")!), "::ffff:102:304");
  assert.equal(formatIp(parseIp("1:2:3:4:5:6:0:8")!), "1:2:3:4:5:6:0:8");
  const none = ["", "1.2.3", "1.2.3.4.5", "01.2.3.4", "256.1.1.1", ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "12345::"];
  for (const text of [...none, "1:2:3:4:5:6:7:8:9", "1:2:3:4::5:6:7:8", "::1.2.3", "1.2.3.4::", "fe80::1%eth0"]) {
    assert.equal(parseIp(text), undefined, text);
  }
  assert(isHostname("a.b") && isHostname("::1") && !isHostname("[::1]") && !isHostname("1.2.3.999"));
});

Deno.test("packed addresses", () => {
  for (const endpoint of [{ hostname: "1.2.3.4", port: 5 }, { hostname: "2001:db8::1", port: 65535 }]) {
    assert.deepEqual(decodeAddress(encodeAddress(endpoint)), endpoint);
  }
  assert.throws(() => encodeAddress({ hostname: "host", port: 1 }), /it is an IP literal, got "host"$/);
  for (const hex of ["", "04", "0501020304000a", "04010203040001ff"]) {
    assert.throws(() => decodeAddress(fromHex(hex)), /Cannot unpack an address/);
  }
});

Deno.test("URIs of nodes", () => {
  const uri = `macula://org.example.mesh/${"ab".repeat(32)}`;
  assert.equal(formatUri(parseUri(uri)), uri);
  for (
    const text of ["", "macula://r", "macula://r/", "macula://r/abc", "macula:///ab", "macula://r/ab/", "macula://*/ab"]
  ) {
    assert.throws(() => parseUri(text), /Cannot use as a node's URI/, text);
  }
});

Deno.test("the XOR metric", () => {
  const a = fromHex("00ff"), b = fromHex("00f0"), c = fromHex("8000");
  assert.equal(toHex(distance(a, b)), "000f");
  assert.equal(leadingZeros(distance(a, b)), 12);
  assert.equal(bucketIndex(a, b), 12);
  assert.equal(bucketIndex(a, a), 16);
  assert(compareDistance(a, b, c) < 0 && compareDistance(a, c, b) > 0 && compareDistance(a, b, b) === 0);
});

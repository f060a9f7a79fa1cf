/** Tickets and the bech32m they are written in. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { seededRandom } from "../../src/base/random.ts";
import { decodeBech32m, encodeBech32m } from "../../src/names/bech32.ts";
import { parseRealm } from "../../src/names/realm.ts";
import { formatTicket, looksLikeTicket, parseTicket, type Ticket } from "../../src/names/ticket.ts";

const ticket: Ticket = {
  realm: parseRealm("org.example.home"),
  publicKey: seededRandom("ticket").bytes(32),
  addresses: [
    { hostname: "203.0.113.7", port: 9443 },
    { hostname: "2001:db8::1", port: 1 },
    { hostname: "gateway.example.org", port: 65535 },
  ],
};

Deno.test("a ticket is one string and comes back the same", () => {
  const text = formatTicket(ticket);
  assert.match(text, /^macula1[a-z0-9]+$/);
  assert(looksLikeTicket(text) && !looksLikeTicket("https://host"));
  assert.deepEqual(parseTicket(text), ticket);
  assert.deepEqual(parseTicket(`  ${text.toUpperCase()}\n`), ticket);
  assert.deepEqual(parseTicket(formatTicket({ ...ticket, addresses: [] })), { ...ticket, addresses: [] });
});

Deno.test("Bech32m as BIP-350 has it", () => {
  assert.equal(encodeBech32m("a", new Uint8Array(0)), "a1lqfn3a");
  assert.equal(encodeBech32m("?", new Uint8Array(0)), "?1v759aa");
  assert.deepEqual(decodeBech32m("a", "A1LQFN3A"), new Uint8Array(0));
  const bytes = Uint8Array.from({ length: 20 }, (_, i) => i);
  assert.deepEqual(decodeBech32m("abcdef", encodeBech32m("abcdef", bytes)), bytes);
});

Deno.test("the largest ticket can be read", () => {
  const label = "a".repeat(62), hostname = [label, label, label, label].join(".");
  const largest: Ticket = {
    realm: parseRealm("r".repeat(255)),
    publicKey: ticket.publicKey,
    addresses: Array.from({ length: 16 }, (_, i) => ({ hostname, port: i + 1 })),
  };
  assert.deepEqual(parseTicket(formatTicket(largest)), largest);
});

Deno.test("any typo is found and says what is wrong", () => {
  const text = formatTicket(ticket);
  for (let i = 0; i < text.length; i++) {
    for (const character of ["q", "p", "b", "Z", ""]) {
      const typo = text.slice(0, i) + character + text.slice(i + 1);
      if (typo === text) continue;
      assert.throws(() => parseTicket(typo), /^ValidationError: Cannot read the ticket: .+, got ".*"$/, typo);
    }
    const swapped = text.slice(0, i) + (text[i + 1] ?? "") + text[i] + text.slice(i + 2);
    if (swapped !== text) assert.throws(() => parseTicket(swapped), { code: "invalid" });
  }
  assert.throws(() => parseTicket(text.slice(0, -1) + (text.endsWith("q") ? "p" : "q")), /its checksum does not fit/);
});

Deno.test("a right checksum over wrong bytes is no ticket", () => {
  const random = seededRandom("ticket bytes");
  for (const bytes of [[], [2], [1, 0], [1, 1, 0x2a], [1, 200, 65]]) {
    assert.throws(() => parseTicket(encodeBech32m("macula", Uint8Array.from(bytes))), /Cannot read the ticket: /);
  }
  for (let i = 0; i < 2000; i++) {
    const bytes = random.bytes(3 + Math.floor(random.number() * 80));
    bytes[0] = 1;
    if (i % 2) bytes.set([1, 97], 1);
    try {
      parseTicket(encodeBech32m("macula", bytes));
    } catch (error) {
      assert.equal((error as { code?: string }).code, "invalid", String(error));
    }
  }
});

Deno.test("a ticket that cannot be right is not written", () => {
  const wrong: Partial<Ticket>[] = [
    { realm: "a..b" as Ticket["realm"] },
    { publicKey: new Uint8Array(31) },
    { addresses: [{ hostname: "host", port: 0 }] },
    { addresses: [{ hostname: "a b", port: 1 }] },
    { addresses: Array(17).fill({ hostname: "host", port: 1 }) },
  ];
  for (const fields of wrong) {
    assert.throws(() => formatTicket({ ...ticket, ...fields }), /^ValidationError: Cannot write the ticket: .*, got /);
  }
});

Deno.test("any ticket comes back the same", () => {
  const hostname = fc.oneof(fc.ipV4(), fc.domain(), fc.constant("2001:db8::5"));
  const address = fc.record({ hostname, port: fc.integer({ min: 1, max: 65535 }) }, { noNullPrototype: true });
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.array(address, { maxLength: 16 }),
      (publicKey, addresses) => {
        const one = { realm: parseRealm("a.b"), publicKey, addresses };
        assert.deepEqual(parseTicket(formatTicket(one)), one);
      },
    ),
    { seed: 1, numRuns: 200 },
  );
});

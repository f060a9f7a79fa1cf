/** DER, as much as one certificate needs (ITU-T X.690). @module */

import { concatBytes, fromHex, utf8 } from "../base/bytes.ts";

/** A value under its tag. */
export function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const content = concatBytes(...parts);
  const length = content.length;
  const head = length < 0x80
    ? [tag, length]
    : length < 0x100
    ? [tag, 0x81, length]
    : [tag, 0x82, length >>> 8, length & 0xff];
  return concatBytes(Uint8Array.from(head), content);
}

/** SEQUENCE. */
export function sequence(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return der(0x30, ...parts);
}

/** OBJECT IDENTIFIER, given its content as hexadecimal digits. */
export function objectId(hex: string): Uint8Array<ArrayBuffer> {
  return der(0x06, fromHex(hex));
}

/** BIT STRING of whole bytes. */
export function bitString(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return der(0x03, Uint8Array.of(0), bytes);
}

/** A distinguished name of one common name. */
export function commonName(text: string): Uint8Array<ArrayBuffer> {
  return sequence(der(0x31, sequence(objectId("550403"), der(0x13, utf8(text)))));
}

/** An X.509 extension. */
export function extension(idHex: string, critical: boolean, value: Uint8Array): Uint8Array<ArrayBuffer> {
  const flag = critical ? der(0x01, Uint8Array.of(0xff)) : new Uint8Array();
  return sequence(objectId(idHex), flag, der(0x04, value));
}

/** The PEM text of a certificate. */
export function certificatePem(certificate: Uint8Array): string {
  const lines = certificate.toBase64().match(/.{1,64}/g)!.join("\n");
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

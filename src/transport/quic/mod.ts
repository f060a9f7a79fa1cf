/**
 * The transport contract over Deno's QUIC (quinn). One UDP port listens and dials; TLS proves the other end.
 *
 * @module
 */

export { ALPN } from "./endpoint.ts";
export { createQuicTransport, type QuicTransportOptions } from "./quic_transport.ts";

/**
 * Ports that a test must know before anybody listens there, or that somebody comes back to: free ones, of those that no
 * system hands out by itself, so that they stay free unless somebody asks for them.
 *
 * @module
 */

const HOSTNAME = "127.0.0.1", FIRST = 10_000, COUNT = 20_000;

/** A free TCP port. */
export function freeTcpPort(): number {
  return freePort((port) => Deno.listen({ hostname: HOSTNAME, port }));
}

/** A free UDP port. */
export function freeUdpPort(): number {
  return freePort((port) => Deno.listenDatagram({ transport: "udp", hostname: HOSTNAME, port }));
}

function freePort(listen: (port: number) => { close(): void }): number {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    try {
      listen(port).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

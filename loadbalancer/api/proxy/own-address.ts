const EVERY_ADDRESS = /^[0:.]+$/;

/**
 * Where we reach our own data plane. A port that is open on every address of the machine is reached over 127.0.0.1, the
 * IPv6 ones included: a port of Node.js on `::` takes IPv4 as well, and every pod has 127.0.0.1, but `::1` is missing where
 * the kernel's IPv6 is switched off for the interfaces.
 *
 * @param bound - the address that the data plane listens on
 */
export function ownAddress(bound: string): string {
  return EVERY_ADDRESS.test(bound) ? '127.0.0.1' : bound;
}

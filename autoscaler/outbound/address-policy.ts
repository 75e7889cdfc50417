import { BlockList, isIPv4 } from 'node:net';

/**
 * Addresses that nothing of ours ever talks to, whoever writes the name: those of the link, where clouds keep the credentials
 * of their machines, and those that are no single host.
 *
 * @see https://www.iana.org/assignments/iana-ipv4-special-registry/iana-ipv4-special-registry.xhtml
 */
const NEVER = new BlockList();
NEVER.addSubnet('0.0.0.0', 8, 'ipv4');
NEVER.addSubnet('169.254.0.0', 16, 'ipv4');
NEVER.addSubnet('224.0.0.0', 4, 'ipv4');
NEVER.addSubnet('240.0.0.0', 4, 'ipv4');
NEVER.addAddress('::', 'ipv6');
NEVER.addSubnet('fe80::', 10, 'ipv6');
NEVER.addSubnet('ff00::', 8, 'ipv6');
// The metadata service of AWS over IPv6.
NEVER.addAddress('fd00:ec2::254', 'ipv6');

/** Whether an address may be talked to. */
export function isAllowedAddress(address: string): boolean {
  const mapped = /^::ffff:(?:(\d+\.\d+\.\d+\.\d+)|([\da-f]{1,4}):([\da-f]{1,4}))$/i.exec(address);
  if (mapped !== null) return isAllowedAddress(mapped[1] ?? dotted(mapped[2] ?? '', mapped[3] ?? ''));
  return !NEVER.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
}

/** The IPv4 address of the last two groups of an IPv6 address, as URLs write those that are mapped. */
function dotted(high: string, low: string): string {
  const [upper, lower] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [upper >> 8, upper & 255, lower >> 8, lower & 255].join('.');
}

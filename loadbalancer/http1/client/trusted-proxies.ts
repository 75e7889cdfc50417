import { BlockList, isIP } from 'node:net';

/** The addresses of the proxies before us that are believed about who the client is. */
export class TrustedProxies {
  /** Entries that are no address range. */
  readonly invalid: readonly string[];
  readonly #list = new BlockList();
  readonly #empty: boolean;

  /** @param ranges addresses and CIDR blocks, such as `10.0.0.0/8` and `fd00::/8` */
  constructor(ranges: readonly string[]) {
    this.invalid = ranges.filter((range) => !this.#add(range));
    this.#empty = ranges.length === this.invalid.length;
  }

  /** Whether what comes from the address is believed. */
  has(address: string): boolean {
    if (this.#empty) return false;
    const version = isIP(address);
    return version !== 0 && this.#list.check(address, version === 6 ? 'ipv6' : 'ipv4');
  }

  #add(range: string): boolean {
    const [address = '', prefix, ...more] = range.split('/');
    const version = isIP(address);
    const bits = version === 6 ? 128 : 32;
    if (version === 0 || more.length > 0 || (prefix !== undefined && !/^[0-9]{1,3}$/.test(prefix))) return false;
    const length = prefix === undefined ? bits : Number(prefix);
    if (length > bits) return false;
    this.#list.addSubnet(address, length, version === 6 ? 'ipv6' : 'ipv4');
    return true;
  }
}

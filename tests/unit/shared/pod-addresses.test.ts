import { expect } from 'chai';
import type { Pod } from '../../../shared/kubernetes/objects.ts';
import { PodAddresses } from '../../../shared/kubernetes/pod-addresses.ts';
import { pod } from '../../support/builders.ts';

const at = (name: string, podIP?: string): Pod => pod(name, { status: podIP === undefined ? {} : { podIP } });

describe('PodAddresses', () => {
  it('Given pods that come, move and go, Then each is found by the address that it has now', () => {
    const addresses = new PodAddresses();
    const names = (address: string): string[] => [...addresses.podsAt(address)].map(({ metadata }) => metadata.name);
    addresses.podChanged({ type: 'set', object: at('a'), previous: undefined });
    addresses.podChanged({ type: 'set', object: at('a', '10.0.0.1'), previous: at('a') });
    addresses.podChanged({ type: 'set', object: at('b', '10.0.0.1'), previous: undefined });
    expect(names('10.0.0.1')).to.deep.equal(['a', 'b']);
    addresses.podChanged({ type: 'set', object: at('a', '10.0.0.2'), previous: at('a', '10.0.0.1') });
    expect([names('10.0.0.1'), names('10.0.0.2')]).to.deep.equal([['b'], ['a']]);
    addresses.podChanged({ type: 'delete', object: at('b', '10.0.0.1') });
    addresses.podChanged({ type: 'delete', object: at('c') });
    expect(names('10.0.0.1')).to.deep.equal([]);
  });
});

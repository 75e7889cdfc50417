import { expect } from 'chai';
import {
  bodyOf,
  settingsBodySchema,
  settingsSchema,
  specOf,
} from '../../../loadbalancer/api/settings/settings-body.ts';
import { DEFAULT_SETTINGS } from '../../../shared/api/load-balancer-settings.ts';

describe('The settings of the balancers in the REST API', () => {
  it('Given no resource, Then the body has the defaults under their names, the policy in snake case', () => {
    expect(bodyOf()).to.deep.equal({
      policy: 'least_connections',
      max_connections: 10_000,
      max_connections_per_address: 5_000,
      trusted_proxies: [],
      max_concurrency_per_replica: 0,
      max_requests: 1000,
      max_bytes: DEFAULT_SETTINGS.maxBytes,
      hold_seconds: 900,
      body_timeout_seconds: 60,
      min_body_bytes_per_second: 240,
      response_timeout_seconds: 900,
      idle_timeout_seconds: 900,
      client_write_timeout_seconds: 300,
      tunnel_timeout_seconds: 3600,
      shared_hosts: [],
      idle_seconds: 300,
    });
    expect(settingsSchema.safeParse(bodyOf()).success).to.equal(true);
  });

  it('Given any settings, Then what is answered can be sent back, and changes nothing', () => {
    const spec = { ...DEFAULT_SETTINGS, policy: 'PowerOfTwoChoices' as const, maxRequests: 7, sharedHosts: ['*'] };
    expect(specOf(settingsBodySchema.parse(bodyOf(spec)))).to.deep.equal(spec);
  });

  it('Given a body that names some fields, Then the spec has these and no other, whatever they are set to', () => {
    expect(specOf(settingsBodySchema.parse({ max_requests: 0, policy: 'RoundRobin' }))).to.deep.equal({
      policy: 'RoundRobin',
      maxRequests: 0,
    });
    expect(specOf(settingsBodySchema.parse({}))).to.deep.equal({});
  });

  it('Given a policy or a value that does not exist, Then the sentence says what does', () => {
    const { error } = settingsBodySchema.safeParse({ policy: 'fastest', hold_seconds: 0 });
    expect(error?.issues.map(({ path, message }) => [path[0], message])).to.deep.equal([
      ['policy', 'expected round_robin, least_connections, random or power_of_two_choices'],
      ['hold_seconds', 'Too small: expected number to be >=0.001'],
    ]);
  });
});

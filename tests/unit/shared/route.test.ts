import { expect } from 'chai';
import { Registry } from 'prom-client';
import { openAccess } from '../../../shared/http/access.ts';
import { AuditLog, type AuditEntry } from '../../../shared/http/audit-log.ts';
import { createManagementApp } from '../../../shared/http/management-app.ts';
import type { BoundRoute } from '../../../shared/http/route.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { silentLogger } from '../../support/silent-logger.ts';

const mounting = (route: object) => () => {
  const registry = new Registry();
  const deps = { logger: silentLogger, clock: new FakeClock(), registry };
  createManagementApp(
    {
      ...deps,
      notReadyReason: () => undefined,
      access: openAccess({ everywhere: '', systemNamespace: 'nemesis-system' }),
      audit: new AuditLog(deps),
    },
    [route as BoundRoute],
  );
};

describe('A route on a management port', () => {
  const handle = (): void => undefined;
  const response = { status: 200, description: 'Nothing' };

  it('Given no permission, When it is mounted, Then the program does not start, and the error names the route', () => {
    expect(mounting({ method: 'get', path: '/secrets', response, handle })).to.throw(
      'GET /secrets states no permission',
    );
    expect(mounting({ method: 'get', path: '/secrets', permissions: [], response, handle })).to.throw(
      'states no permission',
    );
  });

  it('Given a permission, When it is mounted, Then it is', () => {
    const permission = { verb: 'get', resource: 'autoscalers', scope: 'AllNamespaces' };
    expect(mounting({ method: 'get', path: '/secrets', permissions: [permission], response, handle })).to.not.throw();
  });
});

describe('The audit log', () => {
  it('Given the same refusal again and again, Then it is written once a minute with how often, and counted each time', async () => {
    const clock = new FakeClock();
    const registry = new Registry();
    const written: AuditEntry[] = [];
    const audit = new AuditLog({ logger: silentLogger, clock, registry }, (entry) => written.push(entry));
    const user = { username: 'u', uid: undefined, groups: [], extra: {}, podName: undefined, podUid: undefined };
    const refuse = () => audit.refused({ name: 'u', address: '10.0.0.1', user }, 'PUT /x', 'a/b', 'Forbidden');
    for (let time = 0; time < 100; time += 1) refuse();
    clock.advance(60_000);
    refuse();
    expect(written.map(({ repeated }) => repeated)).to.deep.equal([undefined, 99]);
    expect(await registry.metrics()).to.include('nemesis_management_refusals_total{reason="Forbidden"} 101');
  });

  it('Given somebody without a token who asks for anything, Then one entry is written for the address', () => {
    const written: AuditEntry[] = [];
    const deps = { logger: silentLogger, clock: new FakeClock(), registry: new Registry() };
    const audit = new AuditLog(deps, (entry) => written.push(entry));
    const nobody = { name: 'system:anonymous', address: '10.0.0.1', user: undefined };
    for (let number = 0; number < 1_000; number += 1) audit.refused(nobody, `GET /${number}`, '', 'Unauthenticated');
    expect(written).to.have.length(1);
  });

  it('Given a user who asks for more than is reviewed, Then one entry is written, whatever it asks for', () => {
    const written: AuditEntry[] = [];
    const deps = { logger: silentLogger, clock: new FakeClock(), registry: new Registry() };
    const audit = new AuditLog(deps, (entry) => written.push(entry));
    const user = { username: 'u', uid: undefined, groups: [], extra: {}, podName: undefined, podUid: undefined };
    const caller = { name: 'u', address: '10.0.0.1', user };
    for (let number = 0; number < 1_000; number += 1) audit.refused(caller, 'GET /x', `a/${number}`, 'TooManyRequests');
    expect(written).to.have.length(1);
  });
});

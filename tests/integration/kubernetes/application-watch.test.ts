import { expect } from 'chai';
import { applyManifest } from '../../../demo/apply.ts';
import { customResourceDefinitions } from '../../../shared/api/crd.ts';
import { ApplicationWatch } from '../../../shared/kubernetes/application-watch.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { startLocalApi, type LocalApi } from '../../support/local-api.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { until } from '../../support/until.ts';

describe('ApplicationWatch over a real API', function () {
  this.timeout(20_000);
  let local: LocalApi;
  before(async () => (local = await startLocalApi()));
  after(() => local.stop());

  it('Given two Autoscalers for one Deployment, Then the older one owns it, and for another there is none', async () => {
    for (const definition of customResourceDefinitions()) await applyManifest(local.api, definition);
    // The older one comes last in every list by name. Ages are compared in seconds.
    for (const name of ['two', 'one']) {
      const since = Math.floor(Date.now() / 1000);
      await until(() => Math.floor(Date.now() / 1000) > since);
      await applyManifest(local.api, {
        apiVersion: 'nemesis.io/v1alpha1',
        kind: 'Autoscaler',
        metadata: { name, namespace: 'default' },
        spec: { scaleTargetRef: { name: 'app' }, route: { pathPrefix: `/${name}` } },
      });
    }
    const deps = { logger: silentLogger, clock: systemClock, random: Math.random };
    const watch = new ApplicationWatch(local.api, { systemNamespace: 'default' }, deps);
    watch.start(() => undefined);
    await watch.firstSync();
    await until(() => watch.keys().some((key) => watch.get(key)?.conflict?.reason === 'TargetClaimed'));
    const owner = watch.applicationOfTarget('default/app');
    expect(owner?.key).to.equal('default/two');
    expect(watch.get('default/one')?.conflict?.reason).to.equal('TargetClaimed');
    expect(watch.applicationOfTarget('default/other')).to.equal(undefined);
    expect(watch.applicationOfTarget('elsewhere/app')).to.equal(undefined);
    watch.stop();
  });
});

import { expect } from 'chai';
import { applyManifest } from '../../../demo/apply.ts';
import { customResourceDefinitions } from '../../../shared/api/crd.ts';
import { ApplicationWatch } from '../../../shared/kubernetes/application-watch.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { silentLogger, startLocalApi, until, type LocalApi } from '../../helpers/local-api.ts';

describe('ApplicationWatch over a real API', function () {
  this.timeout(20_000);
  let local: LocalApi;
  before(async () => (local = await startLocalApi()));
  after(() => local.stop());

  it('Given two Autoscalers for one Deployment, Then the one without a conflict owns it, and for another there is none', async () => {
    for (const definition of customResourceDefinitions()) await applyManifest(local.api, definition);
    for (const name of ['one', 'two']) {
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
    const others = watch.keys().filter((key) => key !== owner?.key);
    expect(owner?.conflict).to.equal(undefined);
    expect(others.map((key) => watch.get(key)?.conflict?.reason)).to.deep.equal(['TargetClaimed']);
    expect(watch.applicationOfTarget('default/other')).to.equal(undefined);
    expect(watch.applicationOfTarget('elsewhere/app')).to.equal(undefined);
    watch.stop();
  });
});

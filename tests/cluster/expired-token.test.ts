import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { waitFor } from '../../demo/wait-for.ts';
import { isKubeStatus, KubeApi } from '../../shared/kubernetes/kube-api.ts';
import type { Pod } from '../../shared/kubernetes/objects.ts';
import { createWaitingPod, metricsOf, openIngest, tokenFor } from './support/ingest.ts';

const NAMESPACE = `expired-${randomBytes(4).toString('hex')}`;
const VALID_MS = 600_000;
const CLOCK_TOLERANCE_MS = 5_000;

let api: KubeApi;
let pod: Pod;
let token: string;
let issuedAtMs: number;

// Before all tests of the run: no API server gives out a token that ends sooner, and the others fill the time.
before(async function () {
  this.timeout(60_000);
  api = KubeApi.fromDefault('nemesis-e2e');
  await api.request('POST', '/api/v1/namespaces', { body: { metadata: { name: NAMESPACE } } });
  await waitFor('the account', 30_000, async () =>
    api.request('GET', `/api/v1/namespaces/${NAMESPACE}/serviceaccounts/default`).then(
      () => true,
      (error: unknown) => {
        if (isKubeStatus(error, 404)) return false;
        throw error;
      },
    ),
  );
  pod = await createWaitingPod(api, NAMESPACE, 'patient');
  token = await tokenFor(api, NAMESPACE, 'default', { pod });
  issuedAtMs = Date.now();
});
after(async () => {
  await api.request('DELETE', `/api/v1/namespaces/${NAMESPACE}`);
  api.close();
});

describe('A token that has expired, on a cluster', function () {
  this.timeout(VALID_MS + 120_000);

  it('is refused, though its pod is there and it was good once', async () => {
    const ingest = await openIngest(api);
    const left = issuedAtMs + VALID_MS - Date.now();
    if (left > 0) expect(await ingest.post('/metrics', token, metricsOf(pod))).to.deep.equal([200, undefined]);
    const endsMs = issuedAtMs + VALID_MS + 2 * CLOCK_TOLERANCE_MS;
    await waitFor('it to expire', VALID_MS + 60_000, () => Date.now() > endsMs, 1_000);
    expect(await ingest.post('/metrics', token, metricsOf(pod))).to.deep.equal([401, 'ExpiredToken']);
    const fresh = await tokenFor(api, NAMESPACE, 'default', { pod });
    expect(await ingest.post('/metrics', fresh, metricsOf(pod))).to.deep.equal([200, undefined]);
  });
});

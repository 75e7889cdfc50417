import { expect } from 'chai';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { step } from '../../../autoscaler/domain/lifecycle/step.ts';
import type { LifecycleFacts, LifecycleState } from '../../../autoscaler/domain/lifecycle/lifecycle.ts';
import { BalancerPresence } from '../../../autoscaler/controllers/application/balancers.ts';
import { ProgramTokens } from '../../../autoscaler/ingest/program-tokens.ts';
import { kubeClient } from '../../support/kube-client.ts';
import { silentLogger } from '../../support/silent-logger.ts';

describe('What lasts longer than it should', () => {
  it('the issuer of the cluster changes, its keys do not: tokens of pods are taken again after a moment', async () => {
    const { publicKey, privateKey } = await generateKeyPair('RS256');
    const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'RS256' }] };
    let issuer = 'https://old';
    let monotonicMs = 0;
    const api = kubeClient((_method, path) => Promise.resolve(path.endsWith('jwks') ? jwks : { issuer }));
    const clock = { monotonicMs: () => monotonicMs, wallMs: () => Date.now() };
    const review = { verify: () => Promise.resolve(undefined) };
    const tokens = new ProgramTokens(api, 'nemesis', { review, clock, logger: silentLogger });
    const token = (): Promise<string> =>
      new SignJWT({
        'kubernetes.io': { namespace: 'n', serviceaccount: { name: 's', uid: 's' }, pod: { name: 'p', uid: 'u' } },
      })
        .setProtectedHeader({ alg: 'RS256', kid: 'k' })
        .setIssuer(issuer)
        .setAudience('nemesis')
        .setExpirationTime('1h')
        .sign(privateKey);
    expect(await tokens.verify(await token())).to.have.property('identity');
    issuer = 'https://new';
    monotonicMs = 3_600_000;
    expect(await tokens.verify(await token())).to.have.property('identity');
  });

  it('a truce holds for an application whose start failed, too', () => {
    const state = {
      phase: 'Failed',
      sinceMs: 0,
      targetUid: 'u',
      drainId: undefined,
      wakeId: undefined,
      startAttempts: 12,
      retryAfterMs: 300_000,
      reason: 'CrashLoopBackOff',
      message: 'crashes',
    } satisfies LifecycleState;
    const facts = {
      mode: 'Active',
      minReplicas: 0,
      minReplicasWhy: 'minReplicas is 0',
      target: {
        uid: 'u',
        replicas: 1,
        readyReplicas: 0,
        servedReplicas: 0,
        startingReplicas: 0,
        leftZeroBy: undefined,
        templateChanged: false,
        foreignManager: 'argocd',
        rolloutInProgress: false,
      },
      contended: 'argocd took back our spec.replicas 5 times in a row; we leave it alone.',
      startProblem: undefined,
      startDeadlineMs: 900_000,
      idleTimeoutMs: 300_000,
      traffic: undefined,
      trafficMissing: undefined,
      directConnections: undefined,
      cpuBelow: undefined,
      balancersMissing: false,
      unconfirmed: [],
      confirmMs: 0,
    } satisfies LifecycleFacts;
    expect(step(state, facts, () => 'id', 1_000).actions).to.deep.equal([]);
  });

  it('a controller that begins to lead after an hour in reserve gives balancers their time, too', () => {
    // As main.ts does it: made at the start of the process, asked only while leading.
    const presence = new BalancerPresence(60_000, 0);
    expect(presence.missing(0, 3_600_000)).to.equal(false);
  });
});

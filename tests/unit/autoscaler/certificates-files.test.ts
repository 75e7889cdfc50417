import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { FileCertificates } from '../../../autoscaler/certificates/file-certificates.ts';
import { createAuthority, issueServerCertificate } from '../../../autoscaler/certificates/x509.ts';
import { checkAutoscalerSettings, autoscalerSettings } from '../../../autoscaler/config.ts';
import { readSettings } from '../../../shared/runtime/settings.ts';
import { silentLogger } from '../../support/silent-logger.ts';

const LIFE = { notBeforeMs: Date.parse('2026-01-01T00:00:00Z'), notAfterMs: Date.parse('2036-01-01T00:00:00Z') };

describe('Certificates from files', () => {
  let directory = '';
  let errors: string[] = [];
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'nemesis-files-'));
    errors = [];
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  function put(files: Record<string, string>): void {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  }
  function made(): { 'tls.crt': string; 'tls.key': string; 'ca.crt': string } {
    const authority = createAuthority('ca', LIFE);
    const { cert, key } = issueServerCertificate(authority, ['nemesis-webhook'], LIFE);
    return { 'tls.crt': cert, 'tls.key': key, 'ca.crt': authority.cert };
  }
  async function started(): Promise<FileCertificates> {
    const error = (_message: string, fields?: Record<string, unknown>) => void errors.push(String(fields?.['reason']));
    const certificates = new FileCertificates(directory, { logger: { ...silentLogger, error } });
    await certificates.start();
    certificates.stop();
    return certificates;
  }

  it('Given other files, When they are looked at again, Then they count and it is told once', async () => {
    put(made());
    const certificates = await started();
    let told = 0;
    certificates.onChange(() => (told += 1));
    await certificates.look();
    expect(told).to.equal(0);
    const next = made();
    put(next);
    await certificates.look();
    await certificates.look();
    expect(told).to.equal(1);
    expect(certificates.current()).to.deep.equal({ cert: next['tls.crt'], key: next['tls.key'] });
    expect(certificates.ca).to.equal(next['ca.crt']);
  });

  it('Given files that cannot be used later on, Then the old ones stay and the log has one sentence', async () => {
    const first = made();
    put(first);
    const certificates = await started();
    // The key is written before the certificate: for a moment they do not belong together.
    put({ 'tls.key': made()['tls.key'] });
    await certificates.look();
    await certificates.look();
    expect(certificates.current().key).to.equal(first['tls.key']);
    rmSync(join(directory, 'ca.crt'));
    await certificates.look();
    expect(errors).to.have.length(2);
    expect(errors[0]).to.match(/tls.key is not the private key of tls.crt/);
    expect(errors[1]).to.match(/ca.crt cannot be read/);
  });

  for (const [what, files, sentence] of [
    ['none', {}, /tls.crt cannot be read: ENOENT/],
    ['no certificate', { 'tls.crt': 'x' }, /tls.crt has no certificate in PEM/],
    ['no authority', { 'ca.crt': '' }, /ca.crt has no certificate in PEM/],
    ['no key', { 'tls.key': 'x' }, /tls.key is not the private key of tls.crt/],
  ] as const) {
    it(`Given ${what} at the start, Then it is refused in a sentence`, async () => {
      if (what !== 'none') put({ ...made(), ...files });
      const message = await started().then(
        () => 'started',
        (error: unknown) => (error as Error).message,
      );
      expect(message).to.match(sentence).and.to.include(directory);
    });
  }
});

describe('Settings of certificates and injection', () => {
  const check = (env: Record<string, string>): string => {
    try {
      checkAutoscalerSettings(readSettings(autoscalerSettings, env));
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  };
  it('refuse what does not go together, a sentence each', () => {
    expect(check({})).to.equal('');
    expect(check({ NEMESIS_CERTIFICATES: 'managed', NEMESIS_SIDECAR_IMAGE: 'a/b:1' })).to.equal('');
    expect(check({ NEMESIS_CERTIFICATES: 'files', NEMESIS_CERTIFICATE_DIRECTORY: '/tls' })).to.equal('');
    expect(check({ NEMESIS_CERTIFICATES: 'files' })).to.match(/NEMESIS_CERTIFICATE_DIRECTORY must name the folder/);
    expect(check({ NEMESIS_CERTIFICATE_DIRECTORY: '/tls' })).to.match(/^NEMESIS_CERTIFICATE_DIRECTORY is "\/tls", but/);
    expect(check({ NEMESIS_SIDECAR_IMAGE: 'a' })).to.match(/^NEMESIS_SIDECAR_IMAGE is set, but .* is none/);
    expect(check({ NEMESIS_SIDECAR_IMAGE: 'a b' })).to.match(/^NEMESIS_SIDECAR_IMAGE is "a b", but expected an image/);
    const http = { NEMESIS_SIDECAR_CONTROLLER_URL: 'http://c:8091', NEMESIS_SIDECAR_IMAGE: 'a' };
    expect(check({ ...http, NEMESIS_CERTIFICATES: 'managed' })).to.match(/but expected https/);
  });
});

import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { expect } from 'chai';

/** In place of kubectl: says whether the claim is there, shows which folder is rendered, and repeats what is applied. */
const KUBECTL = `#!/bin/sh
case "$*" in
*persistentvolumeclaim*) printf '%s' "$CLAIM" ;;
kustomize*) cat "$2/kustomization.yaml"; echo "image: localhost/nemesis:0.1.0" ;;
*) cat ;;
esac
`;

describe('where the history is kept', () => {
  const directory = mkdtempSync(join(tmpdir(), 'nemesis-install-'));
  before(() => {
    writeFileSync(join(directory, 'kubectl'), KUBECTL);
    chmodSync(join(directory, 'kubectl'), 0o755);
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  function install(overlay: string, claim: string): string {
    const PATH = [directory, process.env['PATH'] ?? ''].join(delimiter);
    const env = { ...process.env, PATH, CLAIM: claim };
    const { stdout, status } = spawnSync('scripts/install.sh', [overlay, 'example/nemesis:1'], { env });
    expect(status).to.equal(0);
    expect(readdirSync('manifests/overlays').filter((name) => name.startsWith('.'))).to.deep.equal([]);
    return stdout.toString();
  }

  it('Given a cluster without a storage class, when the base is applied, then nothing in it waits for a volume', () => {
    for (const file of readdirSync('manifests/base')) {
      expect(readFileSync(`manifests/base/${file}`, 'utf8'), file).to.not.match(
        /persistentVolumeClaim|PersistentVolumeClaim/,
      );
    }
  });

  it('Given no claim, when an overlay is installed, then it is that overlay, with the image that was named', () => {
    const applied = install('default', '');
    expect(applied).to.include('- ../../base').and.to.include('image: example/nemesis:1');
    expect(applied).to.not.include('persistent-history');
  });

  it('Given a claim from before, when any overlay of one controller is installed, then the history stays on it', () => {
    for (const overlay of ['default', 'namespaced', 'cert-manager', 'without-admission-policy']) {
      const applied = install(overlay, 'persistentvolumeclaim/nemesis-history');
      expect(applied).to.include(`resources: [../${overlay}]`).and.to.include('components/persistent-history');
    }
    // Several controllers cannot share a file: whoever asks for them asks for that.
    const several = install('high-availability', 'persistentvolumeclaim/nemesis-history');
    expect(several).to.not.include('persistent-history');
  });

  it('Given several controllers, when they are installed, then a Secret may name the database that they share', () => {
    const rendered = execFileSync('kubectl', ['kustomize', 'manifests/overlays/high-availability']).toString();
    const url =
      /NEMESIS_DATABASE_URL\s+valueFrom:\s+secretKeyRef:\s+key: url\s+name: nemesis-database\s+optional: true/;
    expect(rendered).to.match(url);
  });
});

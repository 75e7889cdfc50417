import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { expect } from 'chai';
import { choice, flag, integer, readSettings, text, url } from '../../../shared/runtime/settings.ts';

const ROOT = join(import.meta.dirname, '../../..');
const settings = {
  port: integer('NEMESIS_PORT', { description: 'The port.', fallback: '80', min: 0, max: 100 }),
  name: text('NEMESIS_NAME', { description: 'The name.' }),
  on: flag('NEMESIS_ON', { description: 'On.', fallback: 'false' }),
  level: choice('NEMESIS_LEVEL', { description: 'Level.', fallback: 'a', choices: ['a', 'b'] }),
  to: url('NEMESIS_TO', { description: 'Where to.', fallback: 'http://x/' }),
};

describe('readSettings', () => {
  it('Given good variables, Then typed values; an empty one counts as not set', () => {
    const read = readSettings(settings, { NEMESIS_PORT: '', NEMESIS_NAME: 'n', NEMESIS_ON: 'true', OTHER: 'x' });
    expect(read).to.deep.equal({ port: 80, name: 'n', on: true, level: 'a', to: 'http://x' });
  });
  it('Given several wrong ones, Then each is named with its value and what is allowed', () => {
    const env = { NEMESIS_PORT: '101', NEMESIS_ON: 'yes', NEMESIS_LEVEL: 'c', NEMESIS_TO: 'x', NEMESIS_PROT: '1' };
    let lines: string[] = [];
    try {
      readSettings(settings, env);
    } catch (error) {
      lines = (error as Error).message.split('\n');
    }
    expect(lines).to.have.length(6);
    for (const name of ['NEMESIS_PORT', 'NEMESIS_NAME', 'NEMESIS_ON', 'NEMESIS_LEVEL', 'NEMESIS_TO', 'NEMESIS_PROT']) {
      expect(
        lines.filter((line) => line.startsWith(`${name} `)),
        name,
      ).to.have.length(1);
    }
    expect(lines[0]).to.equal('NEMESIS_PORT is "101", but expected a whole number from 0 to 100.');
  });
  it("Given variables that Kubernetes makes for Services, Then they are nobody's mistake", () => {
    const env = { NEMESIS_NAME: 'n', NEMESIS_AUTOSCALER_SERVICE_HOST: 'h', NEMESIS_AUTOSCALER_PORT_8090_TCP: 'p' };
    expect(() => readSettings(settings, env)).not.to.throw();
    // A Service named "nemesis" makes this one.
    expect(readSettings(settings, { NEMESIS_NAME: 'n', NEMESIS_PORT: 'tcp://10.0.0.1:443' }).port).to.equal(80);
  });
});

describe('the programs', () => {
  for (const program of ['sidecar', 'autoscaler', 'loadbalancer']) {
    it(`Given a wrong environment, Then ${program} ends with 1 and says what is wrong`, function () {
      this.timeout(20_000);
      const env = { PATH: process.env['PATH'] ?? '', NEMESIS_PORT: 'http', NEMESIS_TYPO: '1' };
      const ended = spawnSync(process.execPath, [join(ROOT, program, 'main.ts')], { env, encoding: 'utf8' });
      expect(ended.status).to.equal(1);
      expect(ended.stderr).to.include('NEMESIS_PORT is "http", but expected a whole number');
      expect(ended.stderr).to.include('NEMESIS_TYPO is set, but there is no such setting');
      expect(ended.stderr).not.to.match(/\n\s+at /);
    });
  }

  it('Given the modules of the sidecar, Then none reaches the Kubernetes client, express or winston', () => {
    const seen = new Set<string>();
    const packages = new Set<string>();
    const visit = (file: string): void => {
      if (seen.has(file)) return;
      seen.add(file);
      const source = readFileSync(file, 'utf8');
      for (const [, typeOnly, name = ''] of source.matchAll(/^(?:import|export)( type)?[^;]*? from '([^']+)'/gm)) {
        if (name.startsWith('.')) {
          if (typeOnly === undefined) visit(resolve(dirname(file), name));
        } else packages.add(name);
      }
    };
    visit(join(ROOT, 'sidecar/main.ts'));
    expect(seen.size).to.be.greaterThan(10);
    for (const heavy of ['@kubernetes/client-node', 'express', 'winston']) expect([...packages]).not.to.include(heavy);
  });
});

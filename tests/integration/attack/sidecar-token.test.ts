import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';

/** A user without rights; only root can become another one. */
const USER = process.getuid?.() === 0 ? { uid: 65_532, gid: 65_532 } : {};

describe("An application that shares processes and user with its sidecar, and looks for the sidecar's token", function () {
  this.timeout(30_000);
  const directory = mkdtempSync(join(tmpdir(), 'nemesis-token-'));
  const node = join(directory, 'node');

  before(() => {
    chmodSync(directory, 0o755);
    copyFileSync(process.execPath, node);
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  /** What another process of the same user sees of one that runs a node with this mode. */
  async function lookAt(mode: number): Promise<Record<string, string>> {
    chmodSync(node, mode);
    const program = "setInterval(() => undefined, 1000); console.log('up')";
    const sidecar = spawn(node, ['-e', program], {
      ...USER,
      cwd: '/',
      env: { SECRET: 'token' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await once(sidecar.stdout, 'data');
      const look = `
        const fs = require('fs');
        const tried = (look) => { try { look(); return 'seen'; } catch ({ code }) { return code; } };
        const of = (file) => '/proc/${sidecar.pid ?? 0}/' + file;
        console.log(JSON.stringify({
          root: tried(() => fs.readdirSync(of('root/'))),
          environ: tried(() => fs.readFileSync(of('environ'))),
          fd: tried(() => fs.readdirSync(of('fd'))),
          stat: tried(() => fs.readFileSync(of('stat'))),
        }))`;
      chmodSync(node, 0o755);
      const { stdout } = spawnSync(node, ['-e', look], { ...USER, cwd: '/', env: {} });
      return JSON.parse(stdout.toString()) as Record<string, string>;
    } finally {
      sidecar.kill('SIGKILL');
    }
  }

  it('is refused by the kernel, as the node of our image cannot be read', async function () {
    const plain = await lookAt(0o755);
    // A kernel that shows nothing of others anyway has nothing to tell here.
    if (plain['root'] !== 'seen') this.skip();
    expect(await lookAt(0o111)).to.deep.equal({ root: 'EACCES', environ: 'EACCES', fd: 'EACCES', stat: 'seen' });
  });

  it('finds such a node in the image of our programs, and no other', () => {
    const stages = readFileSync('Dockerfile', 'utf8').split(/^FROM /m);
    const stage = (name: string) => stages.find((text) => text.split('\n')[0]?.endsWith(` AS ${name}`)) ?? '';
    expect(stage('build')).to.match(/cp \/usr\/local\/bin\/node \/unreadable\/usr\/local\/bin\/ && chmod 0111 /);
    expect(stage('nemesis')).to.include('COPY --from=build /unreadable/ /');
    expect(stage('base')).to.not.include('node /');
  });
});

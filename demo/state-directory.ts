import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The folder of a demo's state. Always the same one, so that a start ends what a killed demo left running; another one
 * while a demo is up.
 */
export function claimStateDirectory(parent: string): { readonly path: string; readonly release: () => void } {
  const usual = join(parent, 'demo');
  const path = isInUse(usual) ? join(parent, `demo-${process.pid}`) : usual;
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'pid'), String(process.pid));
  return { path, release: () => rmSync(path, { recursive: true, force: true }) };
}

function isInUse(path: string): boolean {
  try {
    const pid = Number(readFileSync(join(path, 'pid'), 'utf8'));
    if (pid === process.pid) return false;
    process.kill(pid, 0);
    // Another program may have this pid by now, and a process that has ended but was not waited for has no command.
    return process.platform !== 'linux' || readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('demo');
  } catch {
    return false;
  }
}

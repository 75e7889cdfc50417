import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BALANCING_POLICY_NAMES_FILE, balancingPolicyNames } from './balancing-policy-names.ts';

const root = join(import.meta.dirname, '..');

// The schemas import these names, so they are written before the schemas are loaded.
write(BALANCING_POLICY_NAMES_FILE, balancingPolicyNames());
const { generatedFiles } = await import('./generated-files.ts');
for (const [path, text] of Object.entries(generatedFiles())) write(path, text);

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
  process.stdout.write(`${path}\n`);
}

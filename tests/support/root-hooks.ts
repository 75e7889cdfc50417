import { UNDECLARED_REFUSALS } from '../../shared/http/refusal-check.ts';
import { stopSharedInstallation } from '../e2e/support/shared-installation.ts';

const undeclared = new Set<string>();

/** Mocha's root hooks: what tests share is ended with the last one, and what a route refuses with must be declared. */
export const mochaHooks = {
  beforeAll(): void {
    UNDECLARED_REFUSALS.subscribe((message) => void undeclared.add(JSON.stringify(message)));
  },
  async afterAll(this: Mocha.Context): Promise<void> {
    this.timeout(30_000);
    await stopSharedInstallation();
    if (undeclared.size === 0) return;
    throw new Error(`Routes refused with codes that they do not declare: ${[...undeclared].sort().join(', ')}.`);
  },
};

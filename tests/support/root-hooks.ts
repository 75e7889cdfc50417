import { stopSharedInstallation } from '../e2e/support/shared-installation.ts';
import { takeUndeclaredRefusals, watchUndeclaredRefusals } from './undeclared-refusals.ts';

/** Mocha's root hooks: what tests share is ended with the last one, and what a route refuses with must be declared. */
export const mochaHooks = {
  beforeAll(): void {
    watchUndeclaredRefusals();
  },
  async afterAll(this: Mocha.Context): Promise<void> {
    this.timeout(30_000);
    await stopSharedInstallation();
    const undeclared = takeUndeclaredRefusals().map(({ action, code }) => `${action}: ${code}`);
    if (undeclared.length > 0) throw new Error(`Refusals that their routes do not declare: ${undeclared.join(', ')}.`);
  },
};

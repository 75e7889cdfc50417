import { stopSharedInstallation } from '../e2e/support/shared-installation.ts';

/** Mocha's root hooks: what tests share is ended with the last one. */
export const mochaHooks = {
  async afterAll(this: Mocha.Context): Promise<void> {
    this.timeout(30_000);
    await stopSharedInstallation();
  },
};

// Stryker's runner looks for mocha from the working directory and cannot load the mocha 12 that is there; here it finds 11.
const directory = process.cwd();
process.chdir(import.meta.dirname);
const { strykerPlugins, strykerValidationSchema } = await import('@stryker-mutator/mocha-runner');
process.chdir(directory);

export { strykerPlugins, strykerValidationSchema };

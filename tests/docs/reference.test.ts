import { expect } from 'chai';
import { Registry } from 'prom-client';
import { WEBHOOK_ROUTES } from '../../autoscaler/admission/webhook-server.ts';
import { MANAGEMENT_ROUTES } from '../../autoscaler/api/routes.ts';
import { backtest } from '../../autoscaler/commands/backtest/backtest.ts';
import { explain } from '../../autoscaler/commands/explain.ts';
import { importCommand } from '../../autoscaler/commands/import/import.ts';
import { inject } from '../../autoscaler/commands/inject.ts';
import { uninstall } from '../../autoscaler/commands/uninstall.ts';
import { INGEST_ROUTES } from '../../autoscaler/ingest/ingest-routes.ts';
import { PROXY_ROUTES } from '../../loadbalancer/api/proxy/routes.ts';
import { SETTINGS_ROUTES } from '../../loadbalancer/api/settings/routes.ts';
import { PROGRAM_SETTINGS, settingsPage } from '../../scripts/settings-page.ts';
import { ERRORS } from '../../shared/model/errors.ts';
import { openAccess } from '../../shared/http/access.ts';
import { AuditLog } from '../../shared/http/audit-log.ts';
import { createManagementApp } from '../../shared/http/management-app.ts';
import { bind, type BoundRoute, type Route } from '../../shared/http/route.ts';
import { SIDECAR_ROUTES } from '../../sidecar/routes.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { silentLogger } from '../support/silent-logger.ts';
import { filesLike, namesInTables, read, rowsOf } from './support.ts';

const unique = (names: readonly string[]): string[] => [...new Set(names)].sort();

describe('docs/reference/errors.md', () => {
  const page = read('docs/reference/errors.md');
  const known: Record<string, { readonly status: number }> = ERRORS;

  it('explains every code, and no other', () => {
    expect(unique(namesInTables(page))).to.deep.equal(Object.keys(known).sort());
  });

  it('gives each code the status that it is sent with', () => {
    for (const [code = '', status] of rowsOf(page)) {
      expect(String(known[code]?.status), code).to.equal(status);
    }
  });
});

describe('the OpenAPI documents', () => {
  const deps = { logger: silentLogger, clock: new FakeClock() };

  /** Methods and paths that are mounted for routes, as OpenAPI writes them. */
  function mounted(routes: readonly BoundRoute[]): string[] {
    const registry = new Registry();
    const app = createManagementApp(
      {
        ...{ ...deps, registry, notReadyReason: () => undefined, openapi: { openapi: '3.1.1' } },
        access: openAccess({ everywhere: '', systemNamespace: '' }),
        audit: new AuditLog({ ...deps, registry }),
        programs: { enter: () => Promise.resolve(undefined) },
      },
      routes,
    );
    return app.router.stack.flatMap(({ route }) =>
      [route?.path ?? []]
        .flat()
        .flatMap((path: string) =>
          (route?.stack ?? []).map(({ method }) => `${method} ${path.replace(/\{?[:*](\w+)\}?/g, '{$1}')}`),
        ),
    );
  }

  function documented(program: string): string[] {
    const { paths } = JSON.parse(read(`docs/openapi/${program}.json`)) as { paths: Record<string, object> };
    return Object.entries(paths).flatMap(([path, item]) => Object.keys(item).map((method) => `${method} ${path}`));
  }

  // Nothing is called, so no handler needs anything.
  const bound = (routes: readonly Route<never>[]): BoundRoute[] => bind(routes, {} as never);

  it('have every route that is mounted, and no other', () => {
    const autoscaler = [...MANAGEMENT_ROUTES, ...INGEST_ROUTES, ...WEBHOOK_ROUTES];
    expect(unique([...mounted(bound(autoscaler)), 'post /metrics'])).to.deep.equal(unique(documented('autoscaler')));
    const loadbalancer = [...SETTINGS_ROUTES, ...PROXY_ROUTES];
    expect(unique(mounted(bound(loadbalancer)))).to.deep.equal(unique(documented('loadbalancer')));
    const sidecar = SIDECAR_ROUTES.map(({ method, path }) => `${method} ${path}`);
    expect(unique(sidecar)).to.deep.equal(unique(documented('sidecar')));
  });

  it('are of all that is served: nothing is mounted past route()', () => {
    const direct = filesLike('{autoscaler,loadbalancer,sidecar,shared}/**/*.ts').filter((file) =>
      /\b(?:app|router?|routes)\.(?:get|post|put|patch|delete|all)\(\s*['`[]/.test(read(file)),
    );
    expect(direct).to.deep.equal([]);
  });
});

describe('docs/reference/settings.md', () => {
  const page = read('docs/reference/settings.md');

  it('is what "npm run generate" makes', () => {
    expect(page).to.equal(settingsPage());
  });

  it('has every setting of every program, and no other', () => {
    const variables = Object.values(PROGRAM_SETTINGS).flatMap((settings) =>
      Object.values(settings).map(({ variable }) => variable),
    );
    expect(namesInTables(page).sort()).to.deep.equal(variables.sort());
  });
});

describe('docs/reference/metrics.md', () => {
  it('has every metric of the code, and no other', () => {
    const found = new Set<string>();
    for (const file of filesLike('{autoscaler,loadbalancer,sidecar,shared}/**/*.ts')) {
      const text = read(file);
      for (const [name] of text.matchAll(/nemesis_[a-z_]*[a-z]\b/g)) found.add(name);
    }
    expect(unique(namesInTables(read('docs/reference/metrics.md')))).to.deep.equal([...found].sort());
  });
});

describe('docs/reference/custom-resources.md', () => {
  it('says of every field what it means', () => {
    const rows = rowsOf(read('docs/reference/custom-resources.md')).filter(([field]) =>
      /^(spec|status)\./.test(field ?? ''),
    );
    expect(rows).to.have.length.greaterThan(50);
    expect(rows.filter(([, , , meaning]) => meaning === '').map(([field]) => field)).to.deep.equal([]);
  });
});

describe('docs/reference/command.md', () => {
  it('has every option of every command, and no other', () => {
    const options = [backtest, explain, importCommand, inject, uninstall].flatMap((command) =>
      Object.keys(command.options),
    );
    const shown = [...read('docs/reference/command.md').matchAll(/^\|[^|]*?`--([a-z-]+)[ `]/gm)].map(
      ([, name = '']) => name,
    );
    expect(unique(shown)).to.deep.equal(unique(options.filter((name) => name !== 'help')));
  });
});

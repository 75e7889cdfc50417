const programs = ['sidecar', 'autoscaler', 'loadbalancer'];

/** The borders of the house; docs/architecture.md says why each of them is there. */
export default {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    ...programs.map((program) => ({
      name: `${program}-imports-no-other-program`,
      severity: 'error',
      from: { path: `^${program}/` },
      to: {
        path: `^(${[...programs.filter((other) => other !== program), 'packages', 'demo', 'examples', 'tests'].join('|')})/`,
      },
    })),
    {
      name: 'shared-imports-no-program',
      severity: 'error',
      from: { path: '^shared/' },
      to: { path: `^(${[...programs, 'packages', 'demo', 'examples', 'tests'].join('|')})/` },
    },
    {
      name: 'localcluster-knows-no-program',
      severity: 'error',
      comment: 'It stands in for Kubernetes, so it may not know what runs on it.',
      from: { path: '^packages/localcluster/' },
      to: { path: `^(${programs.join('|')}|shared/(api|rules|contracts|kubernetes)|demo|tests)/` },
    },
    {
      name: 'packages-by-their-name',
      severity: 'error',
      comment: 'What a package exports is its border; a path around it would not be.',
      from: { pathNot: '^packages/' },
      to: {
        path: '^packages/',
        dependencyTypesNot: ['aliased-workspace'],
      },
    },
    {
      name: 'nothing-imports-tests',
      severity: 'error',
      from: { pathNot: '^tests/' },
      to: { path: '^tests/' },
    },
    {
      name: 'unit-tests-load-no-cluster',
      severity: 'error',
      from: { path: '^tests/(unit|property)/' },
      to: { path: '^packages/localcluster/', reachable: true },
    },
    {
      name: 'domain-imports-only-domain',
      severity: 'error',
      comment:
        'Pure code sees nothing but itself and the vocabulary; edges bring in what the resource and the wire say.',
      from: { path: '^([^/]+)/domain/' },
      // Expressions and cron patterns are read by libraries that are pure as well.
      to: { pathNot: '^($1/domain|shared/model|node_modules/(@marcbachmann/cel-js|croner))/' },
    },
    {
      name: 'model-imports-nothing',
      severity: 'error',
      comment: 'The vocabulary may be used everywhere, so it depends on nothing.',
      from: { path: '^shared/model/' },
      to: { pathNot: '^shared/model/' },
    },
    {
      name: 'controllers-are-on-top',
      severity: 'error',
      comment: 'What brings signals in and carries events out knows nothing of who decides.',
      from: { path: '^autoscaler/(domain|events|ingest|metrics|signals|store)/' },
      to: { path: '^autoscaler/(controllers|composition|api)/' },
    },
    {
      name: 'only-sinks-know-the-store',
      severity: 'error',
      comment: 'Records are types of the domain; that they are kept, and where, is the business of a sink.',
      from: { path: '^autoscaler/(domain|controllers|ingest|signals|events/domain-event)' },
      to: { path: '^autoscaler/store/' },
    },
    {
      name: 'rules-are-pure',
      severity: 'error',
      from: { path: '^shared/rules/' },
      to: { pathNot: '^shared/(rules|api|model)/' },
    },
    {
      name: 'head-and-body-know-no-client',
      severity: 'error',
      comment: 'A head and a body are read alike, whoever sends them.',
      from: { path: '^loadbalancer/http1/(head|body)/' },
      to: { path: '^loadbalancer/http1/client/' },
    },
    {
      name: 'express-only-behind-route',
      comment:
        'What is served on a management port is declared with route(); only types of Express are seen elsewhere.',
      from: { path: '^(autoscaler|loadbalancer|sidecar|shared)/', pathNot: '^shared/http/' },
      to: { path: 'node_modules/express/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'databases-only-in-the-store',
      severity: 'error',
      comment: 'Only the worker of the store may wait for a database.',
      from: { path: '^(autoscaler|loadbalancer|sidecar|shared)/', pathNot: '^autoscaler/store/' },
      to: { path: 'node_modules/(kysely|pg)/' },
    },
    {
      name: 'sidecar-without-kubernetes-client',
      severity: 'error',
      from: { path: '^sidecar/' },
      to: { path: '@kubernetes/client-node', reachable: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};

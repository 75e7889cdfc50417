import { stringify } from 'yaml';
import { autoscalerOpenapi } from '../autoscaler/api/openapi.ts';
import { loadbalancerOpenapi } from '../loadbalancer/api/openapi.ts';
import { openapiDocument } from '../shared/http/openapi.ts';
import { SIDECAR_API, SIDECAR_ROUTES } from '../sidecar/routes.ts';
import { BALANCING_POLICY_NAMES_FILE, balancingPolicyNames } from './balancing-policy-names.ts';
import { benchmarksPage } from './benchmarks-page.ts';
import { clusterTestsPage } from './cluster-tests-page.ts';
import { customResourceDefinitions } from '../shared/api/crd.ts';
import { customResourcesPage } from './custom-resources-page.ts';
import { EVENT_SINKS_FILE, eventSinks } from './event-sinks.ts';
import { permissionsPage } from './permissions-page.ts';
import { scalingMetricsPage } from './scaling-metrics-page.ts';
import { settingsPage } from './settings-page.ts';

/** Every file that is made from code, by its path in the repository; a test says when one is stale. */
export function generatedFiles(): Record<string, string> {
  const files: Record<string, string> = {
    [BALANCING_POLICY_NAMES_FILE]: balancingPolicyNames(),
    [EVENT_SINKS_FILE]: eventSinks(),
  };
  for (const definition of customResourceDefinitions()) {
    files[`manifests/crds/${definition.metadata.name}.yaml`] =
      '# Made by "npm run generate" from shared/api; do not edit.\n' +
      stringify(definition, { lineWidth: 0, aliasDuplicateObjects: false });
  }
  files['docs/openapi/autoscaler.json'] = `${JSON.stringify(autoscalerOpenapi(), null, 2)}\n`;
  files['docs/openapi/loadbalancer.json'] = `${JSON.stringify(loadbalancerOpenapi(), null, 2)}\n`;
  // The sidecar serves it as it is: what makes it is not loaded in every pod.
  for (const file of ['docs/openapi/sidecar.json', 'sidecar/openapi.json']) {
    files[file] = `${JSON.stringify(openapiDocument(SIDECAR_API, SIDECAR_ROUTES), null, 2)}\n`;
  }
  files['docs/reference/settings.md'] = settingsPage();
  files['docs/reference/custom-resources.md'] = customResourcesPage();
  files['docs/reference/scaling-metrics.md'] = scalingMetricsPage();
  files['docs/reference/permissions.md'] = permissionsPage();
  files['docs/benchmarks.md'] = benchmarksPage();
  files['docs/reference/cluster-tests.md'] = clusterTestsPage();
  return files;
}

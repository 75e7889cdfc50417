function text(description: string): object {
  return { '200': { description, content: { 'text/plain': {} } } };
}

/** The OpenAPI document of the sidecar; plain data, so that nothing is loaded for it in every pod. */
export function openapiDocument(): object {
  return {
    openapi: '3.1.1',
    info: {
      title: 'k8s-nemesis sidecar',
      description: 'Measures the application of its pod. Never in the way of requests.',
      version: '0.1.0',
    },
    paths: {
      '/healthz': { get: { summary: 'The process lives.', responses: text('ok') } },
      '/readyz': {
        get: {
          summary: 'It measures.',
          responses: { ...text('ready'), '503': { description: 'It is shutting down.' } },
        },
      },
      '/metrics': { get: { summary: 'The last measurement, for Prometheus.', responses: text('exposition format') } },
      '/openapi.json': { get: { summary: 'This document.', responses: { '200': { description: 'OpenAPI 3.1' } } } },
      '/drain': {
        get: {
          summary: 'Answers when nobody from elsewhere is connected to the application any more. For preStop hooks.',
          parameters: [
            {
              name: 'nemesis-drain-token',
              in: 'header',
              schema: { type: 'string' },
              description: 'The value of NEMESIS_DRAIN_TOKEN; not needed from within the pod.',
            },
          ],
          responses: {
            '403': { description: 'Not a hook of this pod.' },
            '429': { description: 'Too many wait already.' },
            '200': {
              description: 'How it ended',
              content: {
                'application/json': {
                  schema: {
                    type: 'object',
                    required: ['drained', 'connections', 'tookMs'],
                    properties: {
                      drained: { type: 'boolean', description: 'False: the time was over and connections were left.' },
                      connections: { type: 'integer' },
                      tookMs: { type: 'number' },
                    },
                  },
                },
              },
            },
          },
        },
      },
    },
  };
}

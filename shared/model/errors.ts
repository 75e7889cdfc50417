/** What is fixed about an error: its HTTP status and its title. The code is its name for programs and for the docs. */
export interface ErrorDefinition {
  readonly status: number;
  readonly title: string;
}

/** Every error that a user can meet over HTTP; docs/reference/errors.md explains each. */
export const ERRORS = {
  // Answers of the data plane
  BadRequest: { status: 400, title: 'The request is malformed' },
  HeadersTooLarge: { status: 431, title: 'The request head is too large' },
  NoRoute: { status: 404, title: 'No application has this host and path' },
  RequestTimeout: { status: 408, title: 'The request did not arrive in time' },
  NotImplemented: { status: 501, title: 'The method is not implemented' },
  VersionNotSupported: { status: 505, title: 'The version of HTTP is not supported' },
  NotSynced: { status: 503, title: 'The balancer does not know the routes yet' },
  BufferFull: { status: 503, title: 'Too many requests wait for this application' },
  StartTimeout: { status: 503, title: 'The application did not start in time' },
  StartFailed: { status: 503, title: 'The application fails to start' },
  TargetMissing: { status: 503, title: 'The application does not exist' },
  Paused: { status: 503, title: 'The application is paused' },
  Observed: { status: 503, title: 'The application is only observed' },
  DisabledByOther: { status: 503, title: 'The application was switched off' },
  BadGateway: { status: 502, title: 'The application broke the connection' },
  GatewayTimeout: { status: 504, title: 'The application did not answer in time' },
  ShuttingDown: { status: 503, title: 'The balancer is shutting down' },
  // Answers of the management APIs
  InvalidBody: { status: 400, title: 'The body of the request is not valid' },
  ContentTooLarge: { status: 413, title: 'The body of the request is too large' },
  UnsupportedMediaType: { status: 415, title: 'The body of the request is in a form that is not read' },
  InvalidQuery: { status: 400, title: 'A query parameter is not valid' },
  NotFound: { status: 404, title: 'Not found' },
  MethodNotAllowed: { status: 405, title: 'The method is not allowed here' },
  Unauthenticated: { status: 401, title: 'A valid token is needed' },
  Forbidden: { status: 403, title: 'This is not allowed' },
  TooManyRequests: { status: 429, title: 'Too many requests' },
  NotRegistered: { status: 403, title: 'The target is not a registered application' },
  AmbiguousTarget: { status: 400, title: 'The target must be named' },
  Conflict: { status: 409, title: 'Somebody else changed it meanwhile' },
  PreconditionFailed: { status: 412, title: 'It was changed since it was read' },
  Refused: { status: 422, title: 'Kubernetes refused the change' },
  TooManyReports: { status: 429, title: 'Reports come too often' },
  NotLeader: { status: 503, title: 'This controller does not lead' },
  Unavailable: { status: 503, title: 'The Kubernetes API cannot be reached' },
  HistoryUnavailable: { status: 503, title: 'The history cannot be read' },
  Internal: { status: 500, title: 'An unexpected error' },
} as const satisfies Record<string, ErrorDefinition>;

/** One of the stable codes. */
export type ErrorCode = keyof typeof ERRORS;

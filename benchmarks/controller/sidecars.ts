import { Agent, request } from 'node:http';
import { nameOf, PODS, trafficOf } from './applications.ts';

/**
 * A process of its own: the sidecars of many applications and one balancer, as a controller meets them. Each pod has a
 * connection of its own and reports as often as the controller's last answer asks. Arguments: the controller's address, the
 * number of applications, and how many of those have CPU near a threshold. Prints each second how many reports were
 * taken and refused as JSON.
 */
const [base = '', count = '1000', near = '100'] = process.argv.slice(2);
const applications = Number(count);
const agents: Agent[] = [];
const counted = { taken: 0, refused: 0, failed: 0 };

function post(agent: Agent, path: string, body: object): Promise<{ status: number; body: string }> {
  const text = JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const call = request(
      `${base}${path}`,
      { method: 'POST', agent, headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) } },
      (response) => {
        let answer = '';
        response.on('data', (chunk: Buffer) => (answer += chunk.toString()));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: answer }));
      },
    ); // prettier-ignore
    call.on('error', reject);
    call.end(text);
  });
}

function startSidecar(application: number, pod: number): void {
  const { namespace, name } = nameOf(application);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  agents.push(agent);
  const report = async (): Promise<void> => {
    // scaleUpAt is 800m; calm is between the thresholds.
    const cpuUsage = application < Number(near) ? 700 + 50 * Math.random() : 500 + 20 * Math.random();
    let nextSeconds = 5;
    try {
      const { status, body } = await post(agent, '/metrics', {
        podName: `${name}-${pod}`,
        namespace,
        metrics: { cpuUsage, memoryUsage: 500, responseTime: 2.5, live: true, diskUsage: 100, networkReceiveRate: 1e4, networkTransmitRate: 1e4 },
        ageMs: 0,
        backlog: [],
      }); // prettier-ignore
      if (status === 200) {
        counted.taken += 1;
        nextSeconds = (JSON.parse(body) as { nextReportSeconds: number }).nextReportSeconds;
      } else counted.refused += 1;
    } catch {
      counted.failed += 1;
    }
    setTimeout(() => void report(), nextSeconds * 1000);
  };
  setTimeout(() => void report(), Math.random() * 10_000);
}

for (let application = 0; application < applications; application += 1) {
  for (let pod = 0; pod < PODS; pod += 1) startSidecar(application, pod);
}
const agent = new Agent({ keepAlive: true });
const names = Array.from({ length: applications }, (_, index) => nameOf(index));
setInterval(() => {
  const traffic = names.map((each) => {
    const { podsInFlight, ...rest } = trafficOf(`${each.namespace}/${each.name}`);
    return { ...each, ...rest, podsInFlight };
  });
  const balancer = { podName: 'nemesis-loadbalancer', podUid: 'lb' };
  post(agent, '/traffic', { balancer, applications: traffic }).catch(() => (counted.failed += 1));
}, 1000);
setInterval(() => process.stdout.write(`${JSON.stringify(counted)}\n`), 1000);

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { until } from '../../support/until.ts';

const ADDRESS = '127.0.0.11';

async function listening(server: Server): Promise<number> {
  server.listen(0, ADDRESS);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

describe('A sidecar that ends together with its application', function () {
  this.timeout(30_000);

  it('measures and answers until nothing listens on the port of the application any more, then it ends', async () => {
    const application = createServer((_request, response) => response.end('ok'));
    const appPort = await listening(application);
    const own = createServer();
    const port = await listening(own);
    own.close();
    const sidecar = spawn(process.execPath, ['sidecar/main.ts'], {
      stdio: 'ignore',
      env: {
        ...process.env,
        NEMESIS_POD_NAME: 'p',
        NEMESIS_POD_UID: 'u',
        NEMESIS_POD_IP: ADDRESS,
        NEMESIS_NAMESPACE: 'n',
        NEMESIS_PORT: String(port),
        NEMESIS_APP_PORT: String(appPort),
        NEMESIS_PROCESS_MARKER: 'NOBODY_HAS_THIS',
        NEMESIS_CONTROLLER_URL: 'http://127.0.0.1:9',
      },
    });
    const exited = once(sidecar, 'exit');
    const ask = async (path: string): Promise<number> =>
      await fetch(`http://${ADDRESS}:${port}${path}`, { headers: { connection: 'close' } }).then(
        ({ status }) => status,
        () => 0,
      );
    let status = 0;
    const asked = async (path: string, wanted: number): Promise<void> => {
      status = 0;
      void (async () => {
        while (status !== wanted) status = await ask(path);
      })();
      await until(() => status === wanted);
    };
    try {
      await asked('/readyz', 200);
      sidecar.kill('SIGTERM');
      await asked('/readyz', 503);
      // The kubelet's hooks and Prometheus still reach it.
      expect(await ask('/metrics')).to.equal(200);
      expect(await ask('/drain')).to.equal(200);
      expect(sidecar.exitCode).to.equal(null);
      application.close();
      application.closeAllConnections();
      expect(await exited).to.deep.equal([0, null]);
    } finally {
      sidecar.kill('SIGKILL');
      application.close();
    }
  });
});

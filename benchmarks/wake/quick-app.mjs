// An application that loads for LOAD_MS and tells when it began to listen and when each request reached it, in epoch ms.
import { createServer } from 'node:http';

const now = () => performance.timeOrigin + performance.now();
let listeningAt = 0;
const server = createServer((request, response) => {
  const receivedAt = now();
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ listeningAt, receivedAt }));
});
setTimeout(
  () =>
    server.listen(Number(process.env.PORT ?? 9000), process.env.POD_IP ?? '0.0.0.0', () => {
      listeningAt = now();
    }),
  Number(process.env.LOAD_MS ?? 0),
);
process.on('SIGTERM', () => process.exit(0));

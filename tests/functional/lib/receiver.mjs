// A receiver of webhooks on a free port of loopback. `answer(request, response, count)` decides;
// `seen` is all that came, in order.
import { createServer } from 'node:http';

export async function receiver(t,
  answer = (request, response) => response.writeHead(204).end()) {
  const seen = [];
  const server = createServer((request, response) => {
    const pieces = [];
    request.on('data', (piece) => pieces.push(piece));
    request.on('end', () => {
      const body = Buffer.concat(pieces).toString('utf8');
      const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signature } =
        request.headers;
      seen.push({ id, at, signature, body, json: JSON.parse(body), path: request.url });
      answer(request, response, seen.length);
    });
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  t.after(() => { server.closeAllConnections(); server.close(); });
  return { seen, url: `http://127.0.0.1:${server.address().port}/hook` };
}

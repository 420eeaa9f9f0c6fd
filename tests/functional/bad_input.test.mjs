// Requests made to confuse, overload or occupy the server: each has a defined answer, none is read
// as two, and the server goes on serving.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { once } from 'node:events';
import { Deployment } from './lib/program.mjs';
import { rawRequest } from './lib/raw.mjs';

let deployment;
let server;
const cleanups = [];
before(async () => {
  deployment = await Deployment.make({ after: (f) => cleanups.push(f), diagnostic: () => {} });
  server = await deployment.serve();
});
after(async () => { for (const cleanup of cleanups) await cleanup(); });

const raw = (text, options) => rawRequest(deployment.httpPort, text, options);
const key = () => `Authorization: Bearer ${deployment.keys.TEAM_API_KEY}\r\n`;
const hidden = 'GET /health HTTP/1.1\r\nHost: x\r\n\r\n';

const ambiguous = {
  'a length and chunks':
    `Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
  'two lengths': `Content-Length: 0\r\nContent-Length: 36\r\n\r\n${hidden}`,
  'a list of lengths': `Content-Length: 0, 36\r\n\r\n${hidden}`,
  'a signed length': `Content-Length: +0\r\n\r\n${hidden}`,
  'a hexadecimal length': `Content-Length: 0x0\r\n\r\n${hidden}`,
  'a length beyond 64 bits': 'Content-Length: 99999999999999999999999\r\n\r\n',
  'an unknown transfer coding': `Transfer-Encoding: xchunked\r\n\r\n${hidden}`,
  'chunked twice': `Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n${hidden}`,
  'chunked hidden by a control character': 'Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n',
  'a space before the colon': `Content-Length : 36\r\n\r\n${hidden}`,
  'a folded header': `X-A: b\r\n Content-Length: 36\r\n\r\n${hidden}`,
  'a header without a colon': 'nonsense\r\n\r\n',
  'a NUL in a header': 'X-A: a\0b\r\n\r\n',
  'a bare CR in a header': `X-A: a\rContent-Length: 36\r\n\r\n${hidden}`,
  'two hosts': 'Host: y\r\n\r\n',
};
for (const [name, rest] of Object.entries(ambiguous)) {
  test(`refused, and the connection closed: ${name}`, async () => {
    const { statuses, closed } = await raw(
      `POST /api/personas HTTP/1.1\r\nHost: x\r\n${key()}${rest}`);
    assert.equal(statuses.length, 1, 'one answer');
    assert.ok([400, 413, 501].includes(statuses[0]), String(statuses[0]));
    assert.ok(closed);
  });
}

const broken = {
  'no host': ['GET /health HTTP/1.1\r\n\r\n', [400]],
  'an unknown version': ['GET /health HTTP/3.7\r\nHost: x\r\n\r\n', [400, 505]],
  'not HTTP at all': ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', [400]],
  'a control character in the target': ['GET /he\x01alth HTTP/1.1\r\nHost: x\r\n\r\n', [400]],
  'an endless target': [`GET /${'a'.repeat(9000)} HTTP/1.1\r\nHost: x\r\n\r\n`, [414]],
  'endless headers':
    [`GET /health HTTP/1.1\r\nHost: x\r\n${'X-A: 1234567890\r\n'.repeat(2000)}\r\n`, [431]],
  'a body announced too large': [`POST /api/personas HTTP/1.1\r\nHost: x\r\nContent-Length: ${
    100 << 20}\r\n`, [413]],
  'a chunk size that overflows': ['POST /api/personas HTTP/1.1\r\nHost: x\r\n' +
    'Transfer-Encoding: chunked\r\n', [400, 413], 'ffffffffffffffffff\r\n'],
  'a chunk without its end': ['POST /api/personas HTTP/1.1\r\nHost: x\r\n' +
    'Transfer-Encoding: chunked\r\n', [400], '2\r\n{}XX0\r\n\r\n'],
};
for (const [name, [head, expected, body]] of Object.entries(broken)) {
  test(`answered with ${expected.join(' or ')}: ${name}`, async () => {
    const open = head.endsWith('\r\n\r\n') ? '' : `${key()}\r\n`;
    const { statuses } = await raw(head + open + (body ?? ''));
    assert.equal(statuses.length, 1);
    assert.ok(expected.includes(statuses[0]), String(statuses[0]));
  });
}

const bodies = {
  'not JSON': '{"name": ',
  'two values': '{"name": "a"} {"name": "b"}',
  'nested beyond reason': `{"name": "a", "permissionPolicy": ${'['.repeat(50_000)}${
    ']'.repeat(50_000)}}`,
  'a key twice': '{"name": "a", "name": "b"}',
  'not UTF-8': Buffer.from([0x7b, 0x22, 0x6e, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
  'a number beyond its range': '{"name": "a", "timeoutMs": 1e400}',
  'a list where an object belongs': '[]',
  'nothing': '',
  'a NUL in a name': '{"name": "a\\u0000b", "timeoutMs": "x"}',
  'half a surrogate pair': '{"name": "\\ud800"}',
};
for (const [name, body] of Object.entries(bodies)) {
  test(`a body with ${name} is a 400`, async () => {
    const response = await fetch(`${deployment.url}/api/personas`, { method: 'POST', body,
      headers: { authorization: `Bearer ${deployment.keys.TEAM_API_KEY}` } });
    assert.equal(response.status, 400);
    assert.equal(typeof (await response.json()).error, 'string');
  });
}

test('strange paths and parameters lead nowhere', async () => {
  const api = deployment.api();
  for (const path of ['/api/personas/..%2f..%2fetc%2fpasswd', '/api/executions/%00',
    '/api/personas/%', '/api/executions/exe_x%27%20OR%201=1--',
    `/api/personas/${'a'.repeat(500)}`]) {
    const { status } = await api.request('GET', path);
    assert.ok([400, 404].includes(status), `${path} → ${status}`);
  }
  for (const query of ['limit=0', 'limit=501', 'limit=x', 'limit=-1', 'cursor=nonsense',
    'status=nonsense', 'since=yesterday', 'limit=5&limit=6']) {
    const { status } = await api.request('GET', `/api/executions?${query}`);
    assert.equal(status, 400, query);
  }
});

test('pipelined requests are answered one by one, in order', async () => {
  const { statuses } =
    await raw(`${hidden}GET /api/personas HTTP/1.1\r\nHost: x\r\n\r\n${hidden}`);
  assert.deepEqual(statuses, [200, 401, 200]);
});

test('slow peers are closed in time and keep nobody waiting', { timeout: 40_000 }, async () => {
  const sockets = Array.from({ length: 200 }, () => connect(deployment.httpPort, '127.0.0.1'));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  const closed = sockets.map((socket) => once(socket.resume().on('error', () => {}), 'close'));
  for (const socket of sockets) socket.write('GET /health HTTP/1.1\r\nX-Slow: ');
  const dripping = setInterval(() => {
    for (const socket of sockets) if (socket.writable) socket.write('a');
  }, 500);
  try {
    const started = Date.now();
    assert.equal((await deployment.api().request('GET', '/api/personas')).status, 200);
    assert.ok(Date.now() - started < 2000);
    await Promise.all(closed); // the test's own limit is the deadline
  } finally {
    clearInterval(dripping);
    for (const socket of sockets) socket.destroy();
  }
});

test('after all of it the same process still serves', async () => {
  assert.equal(server.ending, undefined, server.log);
  assert.deepEqual(await deployment.api().get('/api/personas'), []);
});

// Streams over one WebSocket: several subscriptions, each resumable at its own cursor, over crashes
// of the server too; who may connect; what hostile and slow clients get.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Deployment } from './lib/program.mjs';
import { StreamClient, upgradeStatus } from './lib/stream_client.mjs';
import { waitFor } from './lib/wait.mjs';

const friend = 'https://console.example';
const lines = (n) => Array.from({ length: n }, (_, index) => `line ${index}\n`).join('');
const counting = (n, pause) =>
  `i=0; while [ $i -lt ${n} ]; do echo "line $i"; i=$((i+1)); sleep ${pause}; done`;
const textOf = (events) => events.filter(({ type }) => type === 'execution.output')
  .map(({ data }) => data.chunk).join('');
const isEnd = ({ type, data }) => type === 'execution.status' &&
  ['completed', 'failed', 'cancelled'].includes(data.status);

// A socket after the upgrade, for frames that no client would send.
async function upgraded(deployment) {
  const socket = connect(deployment.httpPort, '127.0.0.1');
  const seen = { bytes: Buffer.alloc(0), ended: false };
  socket.on('data', (data) => { seen.bytes = Buffer.concat([seen.bytes, data]); });
  socket.on('error', () => {});
  socket.on('close', () => { seen.ended = true; });
  socket.write(`GET /v1/stream HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\n` +
    `Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ` +
    `${randomBytes(16).toString('base64')}\r\nAuthorization: Bearer ` +
    `${deployment.keys.TEAM_API_KEY}\r\n\r\n`);
  await waitFor('the upgrade', () => seen.bytes.includes('\r\n\r\n'));
  assert.match(seen.bytes.toString('latin1'), /^HTTP\/1\.1 101 /);
  seen.bytes = seen.bytes.subarray(seen.bytes.indexOf('\r\n\r\n') + 4);
  return { socket, seen };
}

function masked(first, payload) {
  const mask = randomBytes(4);
  const head = payload.length < 126 ? Buffer.from([first, 0x80 | payload.length])
    : Buffer.from([first, 0x80 | 126, payload.length >> 8, payload.length & 255]);
  return Buffer.concat([head, mask, payload.map((byte, index) => byte ^ mask[index % 4])]);
}

// Which code the server closes with.
async function closeCode({ socket, seen }, ...frames) {
  for (const frame of frames) socket.write(frame);
  const code = await waitFor('a close frame', () => {
    for (let at = 0; at + 4 <= seen.bytes.length;) {
      const length = seen.bytes[at + 1];
      assert.ok(length < 126, 'only short frames are expected here');
      if (seen.bytes[at] === 0x88) return seen.bytes.readUInt16BE(at + 2);
      at += 2 + length;
    }
    return null;
  });
  socket.destroy();
  return code;
}

test('streams over one WebSocket', { timeout: 280_000 }, async (t) => {
  const deployment = await Deployment.make(t);
  let server = await deployment.serve({ CORS_ORIGINS: friend });
  await deployment.worker('w1', { PERSONAS_WORKER_SLOTS: '4' });
  const api = deployment.api();
  const key = deployment.keys.TEAM_API_KEY;
  const open = (options) => StreamClient.open(deployment.url, key, options);

  await t.test('who may connect', async () => {
    const status = (with_key, options) => upgradeStatus(deployment.url, with_key, options);
    assert.equal(await status(key), 101);
    assert.equal(await status(undefined), 401);
    assert.equal(await status('dac_wrong'), 401);
    assert.equal(await status(undefined, { path: `/v1/stream?token=${key}` }), 401);
    assert.equal(await status(undefined, { path: `/v1/stream?access_token=${key}` }), 401);
    assert.equal(await status(key, { path: '/v1/elsewhere' }), 404);
    assert.equal(await status(key, { origin: 'https://evil.example' }), 403);
    assert.equal(await status(key, { origin: friend }), 101);
    assert.equal(await status(key, { origin: deployment.url }), 101);
    assert.equal(await status(undefined,
      { protocols: ['personas.v1', 'personas.bearer.no'] }), 401);
    const page = await StreamClient.open(deployment.url, undefined,
      { protocols: ['personas.v1', `personas.bearer.${key}`], origin: friend });
    assert.equal(page.socket.protocol, 'personas.v1');
    await page.close();
    assert.equal((await api.request('GET', '/v1/stream')).status, 400);
  });

  await t.test('over a crash of the server nothing is missing or twice', async () => {
    const slow = await api.shellPersona('slow', counting(60, 0.1));
    let client = await open();
    await client.subscribe('everything');
    const id = await api.execute(slow.id);
    await client.subscribe('run', { executionId: id, cursor: 'start' });
    await client.subscribe('ends', { types: ['execution.status'] });
    const before = {};
    before.run = await client.reached('run', 'line 10', (all) => textOf(all).includes('line 10\n'));
    before.everything = client.events('everything');
    before.ends = client.events('ends');
    assert.ok(before.everything.length > 0);
    // What comes after those lists were taken is not looked at: a client that forgot it.
    await server.kill();
    assert.equal((await client.closed).code, 1006);
    server = await deployment.serve({ CORS_ORIGINS: friend });
    await api.shellPersona('after', 'true');
    client = await open();
    const after = {};
    for (const name of ['run', 'everything', 'ends']) {
      const last = before[name].at(-1);
      await client.subscribe(name, { ...(last ? { cursor: last.id } : { cursor: 'start' }),
        ...(name === 'run' ? { executionId: id } : {}),
        ...(name === 'ends' ? { types: ['execution.status'] } : {}) });
    }
    for (const name of ['run', 'everything', 'ends']) {
      after[name] = await client.reached(name, 'the end', (all) => all.some(isEnd), 60_000);
    }
    for (const name of ['run', 'everything', 'ends']) {
      const whole = [...before[name], ...after[name]];
      assert.equal(new Set(whole.map((event) => event.id)).size, whole.length, name);
    }
    assert.equal(textOf([...before.run, ...after.run]), lines(60));
    assert.equal(textOf([...before.everything, ...after.everything]), lines(60));
    assert.ok(after.everything.some(({ type }) => type === 'persona.created'));
    assert.ok(after.ends.every(({ type }) => type === 'execution.status'));

    // The same journal by server-sent events: the same events under the same cursors.
    const sse = [];
    for await (const event of api.stream(`/api/executions/${id}/stream`)) sse.push(event);
    assert.deepEqual([...before.run, ...after.run].map(({ id: cursor, type, data }) =>
      ({ id: cursor, event: type, data })), sse);
    await client.close();
  });

  let wideRun, wideEvents; // an execution with much output, and its stream
  await t.test('a client that does not read costs bounded memory and misses nothing', async () => {
    const rss = async () => Number(/VmRSS:\s+(\d+)/.exec(await (await import('node:fs/promises'))
      .readFile(`/proc/${server.pid}/status`, 'utf8'))[1]) / 1024;
    const count = 24_000;
    const wide = await api.shellPersona('wide',
      `i=0; while [ $i -lt ${count} ]; do printf "%s ${'x'.repeat(990)}\\n" $i; i=$((i+1)); done`,
      { maxOutputBytes: 64 << 20 });
    const id = await api.execute(wide.id);
    wideRun = id;
    await api.completed(id);
    const before = await rss();
    const client = await open();
    client.socket.pause();
    client.say({ subscribe: { id: 'all', executionId: id, cursor: 'start' } });
    // Another client's whole stream has passed while the first did not read a byte.
    const other = await open();
    await other.subscribe('all', { executionId: id, cursor: 'start' });
    const seen = await other.reached('all', 'the end', (all) => all.some(isEnd), 60_000);
    wideEvents = seen;
    const grown = (await rss()) - before;
    t.diagnostic(`${textOf(seen).length} bytes of output, RSS +${grown.toFixed(1)} MB`);
    assert.ok(textOf(seen).length > 23e6, `${textOf(seen).length}`);
    assert.ok(grown < 20, `RSS grew by ${grown} MB`);
    client.socket.resume();
    const late = await client.reached('all', 'the end', (all) => all.some(isEnd), 60_000);
    assert.deepEqual(late, seen);
    await client.close();
    await other.close();
  });

  await t.test('hostile frames end the connection with their code', async () => {
    const text = (payload) => masked(0x81, Buffer.from(payload));
    const cases = {
      'an unmasked frame': [1002, Buffer.from([0x81, 2, 0x7b, 0x7d])],
      'a length of 2^63': [1009, Buffer.from([0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4])],
      'text that is not UTF-8': [1007, masked(0x81, Buffer.from([0xc0, 0xaf]))],
      'a compressed frame that was not agreed': [1002, masked(0xc1, Buffer.alloc(100))],
      'a binary frame': [1003, masked(0x82, Buffer.from('{}'))],
      'a continuation of nothing': [1002, masked(0x80, Buffer.from('x'))],
      '100,000 continuations': [1009, masked(0x01, Buffer.alloc(0)),
        Buffer.concat(Array.from({ length: 100_000 }, () => masked(0x00, Buffer.alloc(0))))],
      'a long ping': [1002, masked(0x89, Buffer.alloc(126))],
    };
    for (const [name, [code, ...frames]] of Object.entries(cases)) {
      assert.equal(await closeCode(await upgraded(deployment), ...frames), code, name);
    }
    // Nonsense within a frame is answered, and the connection goes on.
    const { socket, seen } = await upgraded(deployment);
    socket.write(Buffer.concat([text('nonsense'), text('[]'), text('{"subscribe":{}}'),
      text('{"subscribe":{"id":"a","cursor":"x"}}')]));
    await waitFor('four answers', () => seen.bytes.toString('latin1').split('"error"').length > 4);
    assert.equal(seen.ended, false);
    socket.destroy();
  });

  const noPong = async () => {
    const silent = await upgraded(deployment);
    silent.socket.write(masked(0x81, Buffer.from('{"subscribe":{"id":"a","types":["tool.*"]}}')));
    const start = Date.now();
    await waitFor('the close frame', () => silent.seen.bytes.includes(Buffer.from([0x88])) ||
      silent.seen.ended, 60_000);
    assert.ok(Date.now() - start < 45_000, `${Date.now() - start} ms`);
    silent.socket.destroy();
  };
  // Reads nothing for longer than the 60 s it may be stuck, and then hears why it was left.
  const stuck = async () => {
    const client = await open();
    client.socket.pause();
    client.say({ subscribe: { id: 'all', executionId: wideRun, cursor: 'start' } });
    await sleep(65_000);
    client.socket.resume();
    const { code, reason } = await client.closed;
    assert.equal(code, 4408, reason);
    const first = client.events('all');
    assert.ok(first.length > 0 && !first.some(isEnd), `${first.length} events`);
    const again = await open();
    await again.subscribe('all', { executionId: wideRun, cursor: first.at(-1).id });
    const rest = await again.reached('all', 'the end', (all) => all.some(isEnd), 60_000);
    assert.deepEqual([...first, ...rest], wideEvents);
    await again.close();
  };
  await t.test('who answers no ping, and who takes nothing, is left in time', () =>
    Promise.all([noPong(), stuck()]));

  await t.test('a stop of the server is told', async () => {
    const client = await open();
    await client.subscribe('all');
    const ending = server.stop();
    assert.equal((await client.closed).code, 1001);
    assert.equal((await ending).code, 0);
    assert.ok(!server.late, 'it stops without being killed');
  });
});

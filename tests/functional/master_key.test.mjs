// The key that protects what is stored: a wrong one is noticed at the start and changes nothing.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Deployment, randomKey } from './lib/program.mjs';

const starting = (deployment, keys) => deployment.start(['serve', '--data-dir', deployment.dataDir],
  { HTTP_PORT: String(deployment.httpPort), WS_PORT: String(deployment.wsPort), ...keys });

test('a wrong master key stops the start with a clear message', async (t) => {
  const deployment = await Deployment.make(t);
  const server = await deployment.serve();
  const token = 'sk-ant-oat-0123456789abcdef';
  await deployment.api().post('/api/token', { token });
  await server.stop();
  const database = join(deployment.dataDir, 'personas.db');
  const digest = () => createHash('sha256').update(readFileSync(database)).digest('hex');
  const before = digest();
  assert.ok(!readFileSync(database).includes(token), 'it is stored encrypted');

  const wrong = starting(deployment, { ...deployment.keys, MASTER_KEY: randomKey() });
  const ending = await wrong.ended;
  assert.ok(ending.code > 0, `ended with ${JSON.stringify(ending)}`);
  assert.match(wrong.log, /MASTER_KEY|master key/i);
  assert.ok(!wrong.log.includes(deployment.keys.MASTER_KEY));
  assert.equal(digest(), before);

  await deployment.serve();
  assert.deepEqual(await deployment.api().get('/api/personas'), []);
});

test('a malformed key is named, and its value is not shown', async (t) => {
  const deployment = await Deployment.make(t);
  const program = starting(deployment, { MASTER_KEY: 'tooshort' });
  const ending = await program.ended;
  assert.ok(ending.code > 0);
  assert.match(program.log, /MASTER_KEY/);
  assert.ok(!program.log.includes('tooshort'));
});

test('missing keys are named, all at once', async (t) => {
  const deployment = await Deployment.make(t);
  const program = starting(deployment, { MASTER_KEY: '' });
  const ending = await program.ended;
  assert.ok(ending.code > 0);
  for (const name of ['MASTER_KEY', 'TEAM_API_KEY', 'WORKER_TOKEN']) {
    assert.match(program.log, new RegExp(name));
  }
});

test('a data folder belongs to one process', async (t) => {
  const deployment = await Deployment.make(t);
  await deployment.serve();
  const second = deployment.start(['serve', '--data-dir', deployment.dataDir],
    { ...deployment.keys, HTTP_PORT: '0', WS_PORT: '0' });
  const ending = await second.ended;
  assert.ok(ending.code > 0);
  assert.match(second.log, /in use|lock/i);
  assert.equal((await deployment.api().request('GET', '/health')).status, 200);
});

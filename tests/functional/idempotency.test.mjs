// A request that is sent again has no second effect, whatever happened in between.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Deployment } from './lib/program.mjs';

test('the same key and body get the first answer again, also after a crash', async (t) => {
  const deployment = await Deployment.make(t);
  let server = await deployment.serve();
  const api = deployment.api();
  const persona = await api.shellPersona('p', 'true');
  const body = { prompt: 'Once', personaId: persona.id };
  const key = { 'idempotency-key': 'order-1' };
  const count = async () => (await api.get('/api/executions')).length;

  const first = await api.post('/api/execute', body, key);
  assert.deepEqual(await api.post('/api/execute', body, key), first);
  assert.equal(await count(), 1);

  await server.kill();
  server = await deployment.serve();
  assert.deepEqual(await api.post('/api/execute', body, key), first);
  assert.equal(await count(), 1);

  const other = await api.request('POST', '/api/execute', { ...body, prompt: 'Twice' }, key);
  assert.equal(other.status, 422);
  assert.equal(await count(), 1);

  const field = await api.post('/api/execute', { ...body, idempotencyKey: 'order-2' });
  assert.deepEqual(await api.post('/api/execute', { ...body, idempotencyKey: 'order-2' }), field);
  assert.equal(await count(), 2);
});

test('of many equal requests at once one counts', async (t) => {
  const deployment = await Deployment.make(t);
  await deployment.serve();
  const api = deployment.api();
  const persona = await api.shellPersona('p', 'true');
  const answers = await Promise.all(Array.from({ length: 20 }, () => api.request('POST',
    '/api/execute', { prompt: 'Once', personaId: persona.id }, { 'idempotency-key': 'k' })));
  const ids = new Set(answers.filter(({ status }) => status === 202)
    .map(({ body }) => body.executionId));
  assert.equal(ids.size, 1);
  assert.deepEqual(answers.filter(({ status }) => ![202, 409].includes(status)), []);
  assert.equal((await api.get('/api/executions')).length, 1);
});

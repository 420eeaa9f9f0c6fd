// Events wake personas: published by requests and by agents, matched at once, over crashes, once.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { sql } from './lib/database.mjs';
import { Deployment } from './lib/program.mjs';
import { waitFor } from './lib/wait.mjs';

const limit = { timeout: 120_000 };

const executionsOf = (api, persona) => api.get(`/api/executions?personaId=${persona.id}&limit=500`);

test('an event runs its subscriber with what it carries', limit, async (t) => {
  const deployment = await Deployment.make(t);
  await deployment.serve();
  await deployment.worker('w1');
  const api = deployment.api();
  const persona = await api.shellPersona('reviewer', 'cat | grep -A40 "## Input Data"');
  await api.post('/api/subscriptions', { personaId: persona.id, eventType: 'gitlab_push',
    sourceFilter: 'org/*', filter: 'commits[*].id contains "b"' });
  const event = await api.post('/api/events', { eventType: 'gitlab_push', sourceId: 'org/repo',
    payload: { ref: 'main', commits: [{ id: 'a' }, { id: 'b' }] } });
  assert.equal(event.status, 'delivered');
  const [match] = await api.get(`/api/events/${event.id}/matches`);
  const execution = await api.completed(match.executionId);
  assert.match(execution.output, /"ref": ?"main"/);
  assert.match(execution.output, /gitlab_push/);
  assert.equal(execution.eventId, event.id);
  const other = await api.post('/api/events', { eventType: 'gitlab_push', sourceId: 'org/repo',
    payload: { commits: [] } });
  assert.equal(other.status, 'skipped');
});

test('what an agent emits wakes others, and a circle of them ends', limit, async (t) => {
  const deployment = await Deployment.make(t);
  await deployment.serve();
  await deployment.worker('w1', { PERSONAS_WORKER_SLOTS: '2' });
  const api = deployment.api();
  const emit = (type) => `echo '${JSON.stringify({ emit_event: { type, data: { from: type } } })}'`;
  const ping = await api.shellPersona('ping', emit('ping'));
  const pong = await api.shellPersona('pong', emit('pong'));
  await api.post('/api/subscriptions', { personaId: ping.id, eventType: 'pong' });
  await api.post('/api/subscriptions', { personaId: pong.id, eventType: 'ping' });
  await api.post('/api/events', { eventType: 'pong' });
  const [dead] = await waitFor('the chain to end', async () => {
    const found = await api.get('/api/events/dead');
    return found.length > 0 ? found : null;
  }, 60_000);
  assert.match(dead.errorMessage, /chain/);
  const runs = [...await executionsOf(api, ping), ...await executionsOf(api, pong)];
  assert.equal(runs.length, 21);
  assert.equal((await api.get('/api/events?limit=500')).length, 22);
});

test('killed while events pour in: each acknowledged one has its run, once', limit, async (t) => {
  const deployment = await Deployment.make(t);
  let server = await deployment.serve();
  const api = deployment.api();
  const persona = await api.shellPersona('counter', 'true', { maxConcurrent: 5 });
  await api.post('/api/subscriptions', { personaId: persona.id, eventType: 'n' });
  const acknowledged = new Map();
  let stopped = false;
  let number = 0;
  const publisher = async () => {
    while (!stopped) {
      const key = `k${number++}`;
      for (let tries = 0; !acknowledged.has(key) && tries < 100; tries++) {
        try {
          const event = await api.post('/api/events', { eventType: 'n', idempotencyKey: key });
          acknowledged.set(key, event.id);
        } catch {
          await new Promise((done) => { setTimeout(done, 50); });
        }
      }
    }
  };
  const publishers = Array.from({ length: 8 }, publisher);
  for (let round = 1; round <= 3; round++) {
    await waitFor('more events', () => acknowledged.size >= round * 60);
    await server.kill();
    server = await deployment.serve();
  }
  stopped = true;
  await Promise.all(publishers);
  await deployment.worker('w1', { PERSONAS_WORKER_SLOTS: '5' });
  const ids = new Set(acknowledged.values());
  assert.equal(ids.size, acknowledged.size, 'a key is one event');
  const runs = [];
  for (const id of ids) {
    const matches = await api.get(`/api/events/${id}/matches`);
    assert.equal(matches.length, 1);
    runs.push(matches[0].executionId);
  }
  assert.equal(new Set(runs).size, ids.size);
  for (const id of runs.slice(0, 5)) await api.completed(id);
  const [[counted]] = sql(deployment, 'SELECT COUNT(*) FROM executions');
  assert.ok(counted >= ids.size && counted <= ids.size + publishers.length * 3,
    `${counted} runs: those of unanswered requests alone are above ${ids.size}`);
  const [[twice]] = sql(deployment, 'SELECT COUNT(*) FROM (SELECT event_id FROM executions '
    + 'GROUP BY event_id HAVING COUNT(*) > 1)');
  assert.equal(twice, 0, 'no event has two runs');
});

test('a window makes one run of several events, over a restart', limit, async (t) => {
  const deployment = await Deployment.make(t);
  const server = await deployment.serve();
  const api = deployment.api();
  const persona = await api.shellPersona('digest', 'cat');
  await api.post('/api/subscriptions', { personaId: persona.id, eventType: 'n',
    deliveryWindow: { mode: 'batch', ms: 2000 } });
  const first = await api.post('/api/events', { eventType: 'n', payload: { n: 1 } });
  const second = await api.post('/api/events', { eventType: 'n', payload: { n: 2 } });
  assert.equal(first.status, 'processing');
  await server.kill();
  await deployment.serve();
  await deployment.worker('w1');
  const delivered = async (id) => {
    const event = await api.get(`/api/events/${id}`);
    return event.status === 'delivered' ? event : null;
  };
  await waitFor('the window to end', () => delivered(second.id));
  const runs = await executionsOf(api, persona);
  assert.equal(runs.length, 1);
  const [match] = await api.get(`/api/events/${first.id}/matches`);
  assert.equal(match.executionId, runs[0].id);
  assert.equal((await api.completed(runs[0].id)).inputData.events.length, 2);
});

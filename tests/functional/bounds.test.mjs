// What bounds the runs that events start: concurrency keys, over a kill of the server. The finer
// rules are tested in src/execution and src/bus.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Deployment } from './lib/program.mjs';
import { waitFor } from './lib/wait.mjs';

const limit = { timeout: 120_000 };

test('runs with the same key take turns in order, over a kill of the server', limit, async (t) => {
  const deployment = await Deployment.make(t);
  const server = await deployment.serve();
  await deployment.worker('w1', { PERSONAS_WORKER_SLOTS: '8' });
  const api = deployment.api();
  const go = join(deployment.folder, 'go');
  const persona = await api.shellPersona('p',
    `while [ ! -e ${go} ]; do sleep 0.05; done; sleep 0.2`, { maxConcurrent: 8 });
  const wrong = await api.request('POST', '/api/subscriptions',
    { personaId: persona.id, eventType: 'x', concurrencyKey: '{{ repo' });
  assert.equal(wrong.status, 400);
  assert.match(JSON.stringify(wrong.body), /"\/concurrencyKey"/);
  const { id, maxConcurrent } = await api.post('/api/subscriptions', { personaId: persona.id,
    eventType: 'push', concurrencyKey: '{{ repo }}' });
  assert.equal(maxConcurrent, null);
  const runs = { a: [], b: [] };
  for (const repo of ['a', 'a', 'b', 'a', 'b', 'a']) {
    const event = await api.post('/api/events', { eventType: 'push', payload: { repo } });
    const [match] = await api.get(`/api/events/${event.id}/matches`);
    runs[repo].push(match.executionId);
  }
  const first = [runs.a[0], runs.b[0]];
  const later = [...runs.a.slice(1), ...runs.b.slice(1)];
  const settled = (what) => waitFor(what, async () => {
    for (const run of first) if ((await api.execution(run)).status !== 'running') return false;
    for (const run of later) {
      const { status, waitingFor } = await api.execution(run);
      assert.equal(status, 'queued');
      const key = `${id}:${runs.a.includes(run) ? 'a' : 'b'}`;
      if (!waitingFor.includes(`1 of 1 at once with the concurrency key '${key}'`)) return false;
    }
    return true;
  });
  await settled('one run of each key, and reasons');
  await server.kill();
  await deployment.serve();
  await settled('the same after a restart');
  writeFileSync(go, '');
  const spans = {};
  for (const [key, ids] of Object.entries(runs)) {
    spans[key] = [];
    for (const run of ids) {
      const { attempts } = await api.completed(run);
      assert.equal(attempts.length, 1);
      spans[key].push([attempts[0].startedAt, attempts[0].completedAt].map(Date.parse));
    }
    for (let i = 1; i < ids.length; ++i) {
      assert.ok(spans[key][i][0] >= spans[key][i - 1][1], `${key} ${i}: ${spans[key]}`);
    }
  }
  assert.ok(spans.b[0][0] < spans.a[0][1], 'another key does not wait');
});


// What bounds the runs and chains that events start: concurrency keys, over a kill of the server,
// and the rate of a chain. The finer rules are tested in src/execution and src/bus.
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

test('a chain that is too fast is cut, and says what it began with', limit, async (t) => {
  const deployment = await Deployment.make(t, { PERSONAS_CHAIN_RATE: '5' });
  await deployment.serve();
  await deployment.worker('w1');
  const api = deployment.api();
  const line = (n) => `echo '${JSON.stringify({ emit_event: { type: 'burst', data: { n } } })}'`;
  const loud = await api.shellPersona('loud',
    Array.from({ length: 12 }, (_, n) => line(n)).join('; '));
  const next = await api.shellPersona('next', 'true');
  const trigger = await api.post('/api/triggers', { personaId: next.id, triggerType: 'chain',
    enabled: true, config: { sourcePersonaId: loud.id, on: 'event', eventType: 'burst' } });
  const run = await api.execute(loud.id);
  await api.completed(run);
  const events = await api.get('/api/events?eventType=burst&limit=500');
  assert.equal(events.length, 12, 'all are kept');
  const dead = events.filter(({ status }) => status === 'dead');
  assert.ok(dead.length >= 6, `${dead.length} were cut`);
  for (const event of dead) {
    assert.match(event.errorMessage, /too fast/);
    assert.ok(event.errorMessage.includes(run) && event.errorMessage.includes('chain-rate'));
  }
  const firings = await waitFor('the firings', async () => {
    const all = await api.get(`/api/triggers/${trigger.id}/firings?limit=500`);
    return all.length === 12 ? all : null;
  });
  const cut = firings.filter(({ status }) => status === 'failed');
  assert.ok(cut.length > 0);
  for (const { error } of cut) assert.match(error, /too fast/);
  const other = await api.execute(next.id);
  await api.completed(other);
  const retried = await api.post(`/api/events/${dead[0].id}/retry`);
  assert.equal(retried.status, 'skipped', 'by hand it goes on, to nobody');
});

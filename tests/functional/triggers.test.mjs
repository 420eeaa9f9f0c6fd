// Triggers of the real program on real time: schedules fire by themselves, a slot once, whatever is
// killed in between. The finer rules are tested on virtual time in src/schedule and src/triggers.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { Deployment } from './lib/program.mjs';
import { sql } from './lib/database.mjs';
import { waitFor } from './lib/wait.mjs';

// Processor time of all its threads, to the nanosecond.
const cpuMs = (pid) => readdirSync(`/proc/${pid}/task`).map((thread) =>
  Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]) / 1e6)
  .reduce((sum, ms) => sum + ms, 0);
const create = (api, personaId, config, fields = {}) => api.post('/api/triggers',
  { personaId, triggerType: 'schedule', config, enabled: true, ...fields });
const firings = (api, { id }) => api.get(`/api/triggers/${id}/firings?limit=500`);

test('a schedule publishes its event at each slot, once over a kill and a restart', async (t) => {
  const deployment = await Deployment.make(t);
  let server = await deployment.serve();
  const api = deployment.api();
  const persona = await api.shellPersona('p', 'true');
  // As printed in the deployment guide of the first generation: config as a string.
  const trigger = await create(api, persona.id, JSON.stringify({ cron: 'every 1s',
    event_type: 'scheduled_review', payload: { scope: 'recent' }, missedRuns: 'all' }));
  await waitFor('two firings', async () => (await firings(api, trigger)).length >= 2);
  await server.kill();
  const down = Date.now();
  await waitFor('three seconds without a server', () => Date.now() - down > 3_000);
  server = await deployment.serve();
  await waitFor('slots after the restart', async () =>
    (await firings(api, trigger)).some(({ slot }) => Date.parse(slot) > down + 5_000));
  await api.post(`/api/triggers/${trigger.id}/pause`);

  const slots = (await firings(api, trigger)).map(({ slot }) => Date.parse(slot)).sort();
  for (let i = 1; i < slots.length; ++i) assert.equal(slots[i] - slots[i - 1], 1000, 'no gap');
  const events = await api.get('/api/events?eventType=scheduled_review&limit=500');
  assert.equal(events.length, slots.length, 'one event a slot');
  assert.equal(events[0].targetPersonaId, persona.id);
  assert.deepEqual(JSON.parse(events[0].payload), { scope: 'recent' });
  const after = await api.get(`/api/triggers/${trigger.id}`);
  assert.equal(after.triggerCount, slots.length);
  assert.equal(after.nextTriggerAt, null);
});

test('kills at any moment leave each slot one event', async (t) => {
  const deployment = await Deployment.make(t);
  let server = await deployment.serve();
  const api = deployment.api();
  const persona = await api.shellPersona('p', 'true');
  const all = [];
  for (let i = 0; i < 20; ++i) {
    all.push(await create(api, persona.id, { cron: 'every 1s', missedRuns: 'all' }));
  }
  for (let round = 0; round < 5; ++round) {
    const before = sql(deployment, 'SELECT COUNT(*) FROM trigger_firings')[0][0];
    await waitFor('more firings', () =>
      sql(deployment, 'SELECT COUNT(*) FROM trigger_firings')[0][0] > before + 10);
    await server.kill();
    server = await deployment.serve();
  }
  for (const { id } of all) await api.post(`/api/triggers/${id}/pause`);
  const [[fired, events, counted]] = sql(deployment, `SELECT
    (SELECT COUNT(*) FROM trigger_firings), (SELECT COUNT(*) FROM events),
    (SELECT SUM(trigger_count) FROM triggers)`);
  assert.equal(events, fired);
  assert.equal(counted, fired);
  const gaps = sql(deployment, `SELECT trigger_id, MAX(slot) - MIN(slot), COUNT(*)
    FROM trigger_firings GROUP BY trigger_id`);
  for (const [id, span, count] of gaps) assert.equal(span, (count - 1) * 1_000_000, id);
});

test('ten thousand schedules that are not due cost nothing', async (t) => {
  // The program's own times: a test's shorter ones wake it eight times as often.
  const deployment = await Deployment.make(t, { PERSONAS_RATE_LIMIT: '0', PERSONAS_LEASE: '18s',
    PERSONAS_PING_INTERVAL: '4s', PERSONAS_DEAD_AFTER: '12s' });
  const server = await deployment.serve();
  const api = deployment.api();
  const config = { cron: '0 0 29 2 *', timezone: 'Europe/Berlin' };
  for (let i = 0; i < 10; ++i) {
    const persona = await api.shellPersona(`p${i}`, 'true');
    for (let made = 0; made < 1000; made += 100) {
      await Promise.all(Array.from({ length: 100 }, () => create(api, persona.id, config)));
    }
  }
  assert.equal(sql(deployment, `SELECT COUNT(*) FROM triggers
    WHERE next_trigger_at IS NOT NULL`)[0][0], 10_000);
  // Settled once six seconds cost next to nothing: the idle connections are closed by then.
  let last = cpuMs(server.pid);
  let since = Date.now();
  await waitFor('the server to be quiet', () => {
    if (Date.now() - since < 6_000) return false;
    const spent = cpuMs(server.pid) - last;
    [last, since] = [last + spent, Date.now()];
    return spent < 3;
  }, 60_000);
  const begin = Date.now();
  await waitFor('ten seconds', () => Date.now() - begin > 10_000);
  const share = (cpuMs(server.pid) - last) / (Date.now() - since) * 100;
  t.diagnostic(`${share.toFixed(3)} % of a processor`);
  assert.ok(share < 0.1, `${share} %`);
});

test('chains follow what a persona has done, and a circle of them ends', async (t) => {
  const deployment = await Deployment.make(t);
  await deployment.serve();
  await deployment.worker('w1', { PERSONAS_WORKER_SLOTS: '3' });
  const api = deployment.api();
  const chain = (persona, config) =>
    create(api, persona.id, config, { triggerType: 'chain' });
  const emit = JSON.stringify({ emit_event: { type: 'found.one', data: { n: 7 } } });
  const first = await api.shellPersona('first', `echo '${emit}'`);
  const broken = await api.shellPersona('broken', 'exit 3');
  const next = await api.shellPersona('next', 'cat');
  await chain(next, { sourcePersonaId: first.id, on: 'completed', event_type: 'after' });
  await chain(next, { sourcePersonaId: broken.id, on: 'failed', event_type: 'after.failure' });
  await chain(next, { sourcePersonaId: first.id, on: 'event', eventType: 'found.*',
    event_type: 'after.event' });
  const run = await api.execute(first.id);
  await api.completed(run);
  const failed = await api.finished(await api.execute(broken.id));
  assert.equal(failed.status, 'failed');
  const eventOf = (type) => waitFor(`the event ${type}`, async () =>
    (await api.get(`/api/events?eventType=${type}`)).find(({ status }) => status === 'delivered'));
  assert.equal(JSON.parse((await eventOf('after')).payload).executionId, run);
  assert.equal(JSON.parse((await eventOf('after.failure')).payload).status, 'failed');
  assert.deepEqual(JSON.parse((await eventOf('after.event')).payload), { n: 7 });

  const ping = await api.shellPersona('ping', 'true');
  const pong = await api.shellPersona('pong', 'true');
  await chain(pong, { sourcePersonaId: ping.id, on: 'completed' });
  await chain(ping, { sourcePersonaId: pong.id, on: 'completed' });
  await api.execute(ping.id);
  const [dead] = await waitFor('the circle to be cut', async () => {
    const all = await api.get('/api/events/dead');
    return all.length > 0 ? all : null;
  }, 60_000);
  assert.match(dead.errorMessage, /chain/);
});

test('a webhook fires the triggers of its persona', async (t) => {
  const deployment = await Deployment.make(t);
  await deployment.serve();
  const api = deployment.api();
  const persona = await api.shellPersona('hooked', 'true');
  const trigger = await create(api, persona.id, { event_type: 'called' },
    { triggerType: 'webhook' });
  await api.post(`/api/webhooks/${persona.id}`, { issue: 4 });
  const [event] = await api.get('/api/events?eventType=called');
  assert.equal(event.status, 'delivered');
  assert.deepEqual(JSON.parse(event.payload), { issue: 4 });
  const [firing] = await firings(api, trigger);
  assert.equal(firing.kind, 'webhook');
  const [execution] = await api.get(`/api/executions?personaId=${persona.id}`);
  assert.equal(execution.triggerId, trigger.id);
  assert.deepEqual(execution.inputData.issue, 4);
});

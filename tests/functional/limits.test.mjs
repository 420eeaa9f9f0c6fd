// Whatever ends a run before its time ends all of it, soon, and says why.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { randomMarker, withMarker } from './lib/processes.mjs';
import { Deployment } from './lib/program.mjs';
import { waitFor } from './lib/wait.mjs';

// An agent that ignores what it can, with children that try to get away.
const stubborn = (marker) => `trap '' TERM INT HUP; echo up
  (trap '' TERM; setsid sh -c 'trap "" TERM; sleep 600.${marker}' &)
  sleep 601.${marker} & sleep 602.${marker}`;

test('cancel, time-outs and output limits', { timeout: 120_000 }, async (t) => {
  const deployment = await Deployment.make(t);
  await deployment.serve();
  await deployment.worker('w1', { PERSONAS_WORKER_SLOTS: '6' });
  const api = deployment.api();
  const gone = (marker) => waitFor('all its processes to be gone',
    () => withMarker(marker).length === 0, 5_000);
  const start = async (name, script, fields = {}, request = {}) => {
    const persona = await api.shellPersona(name, script, fields);
    return api.execute(persona.id, request);
  };

  await t.test('cancel ends a stubborn tree within seconds', async () => {
    const marker = randomMarker();
    const id = await start('cancelled', stubborn(marker));
    await api.reached(id, 'seen', ({ output }) => output?.includes('up'));
    const begun = Date.now();
    await api.post(`/api/executions/${id}/cancel`);
    const execution = await api.finished(id);
    assert.equal(execution.status, 'cancelled');
    assert.ok(Date.now() - begun < 5_000);
    assert.match(execution.output, /up/, 'what it had written stays');
    await gone(marker);
    const again = await api.request('POST', `/api/executions/${id}/cancel`);
    assert.ok([200, 409].includes(again.status));
    assert.equal((await api.execution(id)).status, 'cancelled');
  });

  await t.test('a queued execution is cancelled at once', async () => {
    const persona = await api.post('/api/personas', { name: 'nowhere', backend: 'command',
      permissionPolicy: { command: ['true'] }, requires: { labels: { place: 'nowhere' } } });
    const id = await api.execute(persona.id);
    await api.post(`/api/executions/${id}/cancel`);
    assert.equal((await api.execution(id)).status, 'cancelled');
  });

  await t.test('timeoutMs ends it', async () => {
    const marker = randomMarker();
    const id = await start('late', stubborn(marker), {}, { timeoutMs: 1500 });
    const execution = await api.finished(id);
    assert.equal(execution.status, 'failed');
    assert.equal(execution.failureReason, 'timeout');
    assert.equal(execution.attempts.length, 1, 'not tried again');
    await gone(marker);
  });

  await t.test('idleTimeoutMs ends silence, not work', async () => {
    const marker = randomMarker();
    const silent = await start('silent', stubborn(marker), { idleTimeoutMs: 1000 });
    const busy = await start('busy', 'for i in 1 2 3 4 5; do echo $i; sleep 0.5; done',
      { idleTimeoutMs: 1000 });
    assert.equal((await api.finished(silent)).failureReason, 'idle_timeout');
    await gone(marker);
    await api.completed(busy);
  });

  await t.test('maxOutputBytes ends a flood, and the rest keeps working', async () => {
    const flood = await start('flood', 'yes 0123456789', { maxOutputBytes: 100_000 });
    const execution = await api.finished(flood);
    assert.equal(execution.failureReason, 'output_limit');
    assert.ok(execution.output.length <= 200_000, String(execution.output.length));
    assert.match(execution.output, /^0123456789\n0123456789\n/);
    await api.completed(await start('after', 'echo fine'));
  });

  await t.test('a memory hog harms nobody but itself', async () => {
    const id = await start('hog', 'head -c 300000000 /dev/zero | tail | wc -c', {},
      { timeoutMs: 20_000 });
    const other = await start('neighbour', 'echo fine');
    await api.completed(other);
    await api.finished(id);
  });
});

// Executions that wait for a human or for their provider: without a worker, over every restart, and
// on as soon as they may.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { startMessagesApi } from '../messages_api/server.mjs';
import { scenarios } from '../messages_api/scenarios.mjs';
import { claudePath } from './lib/claude.mjs';
import { Deployment } from './lib/program.mjs';
import { waitFor } from './lib/wait.mjs';

const limit = { timeout: 120_000 };

const question = JSON.stringify({ manual_review: { title: 'Publish?', description: 'It is small',
  severity: 'high' } });
// Asks at first; once it is told of a decision it says which.
const asker = `prompt=$(cat)
  case "$prompt" in
    *'## Continuation'*)
      case "$prompt" in *'1. approved'*) echo it was approved ;; esac
      case "$prompt" in *'1. rejected'*) echo it was rejected ;; esac
      case "$prompt" in *'1. expired'*) echo nobody answered ;; esac
      case "$prompt" in *'with care'*) echo with care ;; esac ;;
    *) echo '${question}'; echo asked ;;
  esac`;

const parked = (api, id) => api.reached(id, 'parked', (execution) => execution.parked);

async function reviewOf(api, id) {
  const [review] = await api.get(`/api/executions/${id}/reviews`);
  return { ...review, path: `/api/executions/${id}/reviews/${review.id}/respond` };
}

async function start(t, fields = {}) {
  const deployment = await Deployment.make(t);
  const server = await deployment.serve();
  const worker = await deployment.worker('w1');
  const api = deployment.api();
  const persona = await api.shellPersona('asker', asker, fields);
  return { deployment, server, worker, api, persona };
}

test('a question parks the run, and its answer continues it after a crash', limit, async (t) => {
  const { deployment, server, api, persona } = await start(t);
  const id = await api.execute(persona.id);
  const waiting = await parked(api, id);
  assert.equal(waiting.status, 'running');
  assert.equal(waiting.parked, 'review');
  assert.match(waiting.waitingFor, /^review/);
  assert.equal(waiting.workerId, null);
  assert.ok(Date.parse(waiting.parkedUntil) > Date.now());
  const { workers, queue } = await api.get('/api/status');
  assert.deepEqual(workers.map(({ usedSlots }) => usedSlots), [0], 'the slot is free');
  assert.equal(queue.parked, 1);
  // Its persona runs one at a time, and a parked run is none.
  const second = await api.execute(persona.id);
  await parked(api, second);

  await server.kill();
  await deployment.serve();
  assert.equal((await api.execution(id)).parked, 'review');
  const review = await reviewOf(api, id);
  await api.post(review.path, { decision: 'approved', message: 'with care' });
  const execution = await api.completed(id);
  assert.equal(execution.output, 'it was approved\nwith care\n');
  assert.equal(execution.attempt, 2);
  assert.deepEqual(execution.attempts.map(({ status, counts }) => [status, counts]),
    [['completed', false], ['completed', true]]);
  const again = await api.request('POST', review.path, { decision: 'rejected' });
  assert.equal(again.status, 409);
  assert.match(again.body.detail, /approved already/);
  assert.equal((await api.execution(second)).parked, 'review', 'the other one waits on');
});

test('a parked run needs no worker, and goes on with another', limit, async (t) => {
  const { deployment, worker, api, persona } = await start(t);
  const id = await api.execute(persona.id);
  await parked(api, id);
  await worker.kill();
  const { path } = await reviewOf(api, id);
  await api.post(path, { decision: 'rejected' });
  await deployment.worker('w2');
  const execution = await api.completed(id);
  assert.match(execution.output, /it was rejected/);
  assert.deepEqual(execution.attempts.map(({ workerId }) => workerId), ['w1', 'w2']);
});

test('an unanswered question expires, also while the orchestrator is down', limit, async (t) => {
  const { deployment, server, api, persona } = await start(t, { reviewTimeoutMs: 1_500 });
  const id = await api.execute(persona.id);
  assert.match((await api.completed(id)).output, /nobody answered/);
  const { path, status } = await reviewOf(api, id);
  assert.equal(status, 'expired');
  const late = await api.request('POST', path, { decision: 'approved' });
  assert.equal(late.status, 409);
  assert.match(late.body.detail, /expired/);

  const other = await api.execute(persona.id);
  const { parkedUntil } = await parked(api, other);
  await server.kill();
  await waitFor('the question to expire', () => Date.now() > Date.parse(parkedUntil));
  await deployment.serve();
  assert.match((await api.completed(other)).output, /nobody answered/);
});

test('a parked run is cancelled at once', limit, async (t) => {
  const { api, persona } = await start(t);
  const id = await api.execute(persona.id);
  await parked(api, id);
  const cancelled = await api.post(`/api/executions/${id}/cancel`);
  assert.equal(cancelled.status, 'cancelled');
  const { path } = await reviewOf(api, id);
  await api.post(path, { decision: 'approved' });
  assert.equal((await api.execution(id)).status, 'cancelled');
});

test('an answer that comes while the agent runs is taken to it', limit, async (t) => {
  const { deployment, api } = await start(t);
  const go = `${deployment.folder}/go`;
  const slow = asker.replace('echo asked', `while [ ! -e ${go} ]; do sleep 0.05; done`);
  const persona = await api.shellPersona('slow', slow);
  const id = await api.execute(persona.id);
  const { path } = await waitFor('the question', () => reviewOf(api, id));
  await api.post(path, { decision: 'approved' });
  await api.request('POST', '/api/execute', { prompt: 'x', config: { backend: 'command',
    permissionPolicy: { command: ['touch', go] } } });
  const execution = await api.completed(id);
  assert.match(execution.output, /it was approved/);
  assert.equal(execution.attempts.length, 2);
});

test('the provider\'s limit', { timeout: 240_000 }, async (t) => {
  let limited = true;
  scenarios.limited = () => limited ? { error: 429 }
    : { blocks: [{ type: 'text', text: 'It works again.' }] };
  const model = await startMessagesApi();
  t.after(() => model.stop());
  const deployment = await Deployment.make(t);
  const server = await deployment.serve({ CLAUDE_TOKEN: 'sk-ant-api03-first' });
  await deployment.worker('w1', { CLAUDE_PATH: claudePath(), ANTHROPIC_BASE_URL: model.url,
    CLAUDE_CODE_MAX_RETRIES: '0', PERSONAS_WORKER_SLOTS: '4' });
  const api = deployment.api();
  const persona = await api.post('/api/personas', { name: 'Limited', backend: 'claude',
    systemPrompt: 'You help.', maxConcurrent: 4 });
  const run = () => api.execute(persona.id, { prompt: 'Please. SCENARIO:limited' });
  const first = await run();

  await t.test('parks the run, and others of the account wait with it', async () => {
    const waiting = await parked(api, first);
    assert.equal(waiting.status, 'queued');
    assert.equal(waiting.parked, 'quota');
    assert.match(waiting.waitingFor, /^provider quota until 20.*Z \(claude\)$/);
    const questions = model.requests.length;
    const second = await run();
    const other = await api.shellPersona('other', 'cat');
    await api.completed(await api.execute(other.id)); // another account's work goes on
    assert.match((await api.execution(second)).waitingFor, /^provider quota until/);
    assert.equal(model.requests.length, questions, 'nobody asked again');
    const { provider, queue } = await api.get('/api/status');
    assert.deepEqual(provider.map(({ account }) => account), ['claude']);
    assert.equal(queue.parked, 1);
  });

  await t.test('holds over a restart', async () => {
    await server.kill();
    await deployment.serve({ CLAUDE_TOKEN: 'sk-ant-api03-first' });
    await deployment.workerListed('w1');
    assert.match((await api.execution(first)).waitingFor, /^provider quota until/);
    assert.equal((await api.get('/api/status')).provider.length, 1);
  });

  await t.test('a new token lets all of them go on at once', async () => {
    limited = false;
    await api.post('/api/token', { token: 'sk-ant-api03-second' });
    for (const { id } of await api.get(`/api/personas/${persona.id}/executions`)) {
      assert.match((await api.completed(id)).output, /It works again/);
    }
    assert.deepEqual((await api.get('/api/status')).provider, []);
    assert.ok(model.requests.at(-1).key.includes('second'));
  });

  await t.test('"try again now" does the same', async () => {
    limited = true;
    const id = await run();
    await parked(api, id);
    limited = false;
    const answer = await api.post('/api/providers/claude/retry');
    assert.deepEqual(answer, { backend: 'claude', released: 1 });
    await api.completed(id);
    assert.equal((await api.request('POST', '/api/providers/nobody/retry')).status, 404);
  });
});

// A worker of the first generation works unchanged; what it cannot promise is made up for.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Deployment } from './lib/program.mjs';
import { waitFor } from './lib/wait.mjs';

const program = fileURLToPath(new URL('../seed_worker/worker.mjs', import.meta.url));

function startSeedWorker(t, deployment, id, agent, env = {}) {
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH, ORCHESTRATOR_URL: deployment.wsUrl, WORKER_ID: id,
      WORKER_TOKEN: deployment.keys.WORKER_TOKEN, SEED_AGENT: JSON.stringify(agent), ...env } });
  const worker = { child, messages: [] };
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    worker.messages.push(...lines.map((line) => JSON.parse(line)));
  });
  worker.got = (type, timeoutMs) => waitFor(`${id} to get ${type}`,
    () => worker.messages.find((message) => message.type === type), timeoutMs);
  t.after(() => child.kill('SIGKILL'));
  return worker;
}

// Lines of stream-json, as the agent CLI writes them.
const streamJson = (text) => [
  { type: 'system', subtype: 'init', session_id: 's-1', tools: [], model: 'm' },
  { type: 'assistant', message: { role: 'assistant', content: [{ type: 'text', text }] } },
  { type: 'result', subtype: 'success', is_error: false, result: text, session_id: 's-1',
    total_cost_usd: 0.25, num_turns: 1, usage: { input_tokens: 10, output_tokens: 5 } },
].map((line) => JSON.stringify(line)).join('\n');

test('it runs one execution after the other, and the gateway reads its protocols', async (t) => {
  const deployment = await Deployment.make(t);
  await deployment.serve();
  const api = deployment.api();
  const text = 'Done.\n{"user_message": {"content": "From an old worker"}}\n' +
    '{"agent_memory": {"title": "Old", "content": "Workers last"}}\n' +
    '{"outcome_assessment": {"accomplished": true, "summary": "ok"}}';
  const worker = startSeedWorker(t, deployment, 'old-1',
    ['sh', '-c', `cat >/dev/null; cat <<'END'\n${streamJson(text)}\nEND`]);
  const ack = await worker.got('ack');
  assert.equal(ack.workerId, 'old-1');
  assert.ok(ack.token && ack.token !== deployment.keys.WORKER_TOKEN, 'a session token');

  const persona = await api.post('/api/personas', { name: 'p', maxConcurrent: 5 });
  const ids = [];
  for (let n = 0; n < 3; n++) ids.push(await api.execute(persona.id, { prompt: `Task ${n}` }));
  for (const id of ids) {
    const execution = await api.completed(id);
    assert.match(execution.output, /From an old worker/);
    assert.equal(execution.outcome.accomplished, true);
    assert.equal(execution.costUsd, 0.25);
    assert.equal(execution.workerId, 'old-1');
  }
  const assigned = worker.messages.filter(({ type }) => type === 'assign');
  assert.deepEqual(assigned.map(({ executionId }) => executionId), ids, 'in order');
  assert.match(assigned[0].prompt, /Task 0/);
  const messages = await api.get('/api/messages');
  assert.deepEqual(messages.map(({ content }) => content), Array(3).fill('From an old worker'));
  assert.equal((await api.get(`/api/personas/${persona.id}/memories`)).length, 3);
});

test('a failing agent fails its execution', async (t) => {
  const deployment = await Deployment.make(t);
  await deployment.serve();
  const api = deployment.api();
  startSeedWorker(t, deployment, 'old-1', ['sh', '-c', 'echo oops; exit 7']);
  const persona = await api.post('/api/personas', { name: 'p' });
  const execution = await api.finished(await api.execute(persona.id));
  assert.equal(execution.status, 'failed');
  assert.match(execution.output, /oops/);
});

test('cancel reaches it, and whatever it says then is cancelled', async (t) => {
  const deployment = await Deployment.make(t);
  await deployment.serve();
  const api = deployment.api();
  const worker = startSeedWorker(t, deployment, 'old-1', ['sh', '-c', 'echo up; exec sleep 600']);
  const persona = await api.post('/api/personas', { name: 'p' });
  const id = await api.execute(persona.id);
  await api.reached(id, 'seen', ({ output }) => output?.includes('up'));
  await api.post(`/api/executions/${id}/cancel`);
  await worker.got('cancel');
  assert.equal((await api.finished(id)).status, 'cancelled');
});

test('when it vanishes its run is lost and retried elsewhere', async (t) => {
  const deployment = await Deployment.make(t);
  await deployment.serve();
  const api = deployment.api();
  const first = startSeedWorker(t, deployment, 'old-1', ['sh', '-c', 'echo first; sleep 600']);
  const persona = await api.post('/api/personas', { name: 'p' });
  const id = await api.execute(persona.id);
  await api.reached(id, 'seen', ({ output }) => output?.includes('first'));
  first.child.kill('SIGTERM');
  startSeedWorker(t, deployment, 'old-2', ['sh', '-c', 'echo second']);
  const execution = await api.completed(id);
  assert.equal(execution.workerId, 'old-2');
  assert.equal(execution.attempt, 2);
  assert.match(execution.output, /second/);
});

test('a wrong token is refused', async (t) => {
  const deployment = await Deployment.make(t);
  await deployment.serve();
  const worker = startSeedWorker(t, deployment, 'old-1', ['true'], { WORKER_TOKEN: 'wrong' });
  await worker.got('closed');
  assert.ok(!worker.messages.some(({ type }) => type === 'ack'));
});

// A worker, a supervisor or an agent dies or stands still without warning: the run is tried again,
// no two agents of one execution are ever alive, and no process is left behind.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { descendants } from './lib/processes.mjs';
import { Deployment } from './lib/program.mjs';
import { waitFor } from './lib/wait.mjs';
import { Witness } from './lib/witness.mjs';

const limit = { timeout: 120_000 };
const retry = { maxAttempts: 3, initialBackoffMs: 100 };

// A running agent on worker w1 that has reached its third step.
async function runningAgent(t, options = {}) {
  const deployment = await Deployment.make(t);
  const server = await deployment.serve();
  const worker = await deployment.worker('w1');
  const api = deployment.api();
  const witness = new Witness(deployment, { steps: 30, pause: 0.1, ...options });
  const id = await api.execute((await witness.persona(api, 'p', { retry })).id);
  await witness.reached(3);
  return { deployment, server, worker, api, witness, id };
}

async function assertRetried({ api, id, witness }, attempt = 2) {
  const execution = await api.completed(id);
  assert.equal(execution.attempt, attempt);
  assert.equal(execution.output, witness.expected, 'whole and in order');
  assert.equal(witness.lives().length, attempt);
  witness.assertNeverTwoAlive();
  await witness.assertNoOrphan();
  return execution;
}

test('a killed worker takes its agent with it, and another goes on', limit, async (t) => {
  const run = await runningAgent(t);
  await run.worker.kill();
  await waitFor('the agent to be gone', () => run.witness.processes().length === 0, 5_000);
  await run.deployment.worker('w2');
  const execution = await assertRetried(run);
  assert.equal(execution.workerId, 'w2');
  assert.equal(execution.attempts[0].failureReason, 'worker_lost');
});

test('a killed worker that comes back under its name runs it again', limit, async (t) => {
  const run = await runningAgent(t);
  await run.worker.kill();
  await run.deployment.worker('w1');
  await assertRetried(run);
});

test('a killed supervisor takes the agent with it', limit, async (t) => {
  const run = await runningAgent(t);
  const supervisor = descendants(run.worker.pid)
    .find(({ command }) => command.includes('supervise-attempt'));
  assert.ok(supervisor, 'there is a supervisor');
  process.kill(supervisor.pid, 'SIGKILL');
  await assertRetried(run);
});

test('a killed agent is reported as such', limit, async (t) => {
  const { api, id, witness } = await runningAgent(t);
  process.kill(witness.processes().at(-1).pid, 'SIGKILL');
  await waitFor('its first attempt to end', async () => {
    const { attempts, status } = await api.execution(id);
    return attempts?.some((attempt) => attempt.failureReason) || status !== 'running';
  });
  const execution = await api.finished(id);
  assert.equal(execution.attempts[0].failureReason, 'agent_signal');
  witness.assertNeverTwoAlive();
  await witness.assertNoOrphan();
});

test('a worker that stands still loses its lease, and its late words are refused', limit,
  async (t) => {
    const run = await runningAgent(t, { steps: 100 });
    run.worker.signal('SIGSTOP');
    try {
      await run.deployment.worker('w2');
      await run.witness.reached(2, 1, 60_000);
      run.witness.assertNeverTwoAlive();
    } finally {
      run.worker.signal('SIGCONT');
    }
    const execution = await assertRetried(run);
    assert.equal(execution.workerId, 'w2');
  });

test('a worker asked to stop hands its run back when it cannot finish', limit, async (t) => {
  const run = await runningAgent(t, { steps: 100 });
  run.worker.signal('SIGTERM');
  const ending = await Promise.race([run.worker.ended,
    run.api.finished(run.id).then(() => run.worker.ended)]);
  assert.equal(ending.code, 0, run.worker.log);
  await run.witness.assertNoOrphan();
  await run.deployment.worker('w2');
  const execution = await run.api.completed(run.id);
  assert.equal(execution.output, run.witness.expected);
  run.witness.assertNeverTwoAlive();
});

test('worker and orchestrator killed together: run again, never twice at once', limit,
  async (t) => {
    const run = await runningAgent(t);
    await Promise.all([run.worker.kill(), run.server.kill()]);
    await run.deployment.serve();
    await run.deployment.worker('w2');
    await assertRetried(run);
  });

test('a worker that comes back at once waits for what its predecessor left', limit, async (t) => {
  const run = await runningAgent(t);
  const supervisor = descendants(run.worker.pid)
    .find(({ command }) => command.includes('supervise-attempt'));
  // It cannot end its agent while it stands still, and nobody else could know.
  process.kill(supervisor.pid, 'SIGSTOP');
  try {
    await run.worker.kill();
    run.deployment.startWorker('w1');
    await sleep(1_500); // shorter than the kill margin
    assert.equal(run.witness.lives().length, 1);
  } finally {
    process.kill(supervisor.pid, 'SIGCONT');
  }
  await assertRetried(run);
});

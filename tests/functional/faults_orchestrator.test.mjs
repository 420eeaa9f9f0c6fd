// The orchestrator dies without warning, at every stage of an execution: what it acknowledged is
// there afterwards, and what runs on a worker goes on.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Deployment } from './lib/program.mjs';
import { Witness } from './lib/witness.mjs';

const limit = { timeout: 120_000 };

async function crashAndRestart(deployment, server) {
  await server.kill();
  return deployment.serve();
}

test('killed while executions are queued: all of them run, once', limit, async (t) => {
  const deployment = await Deployment.make(t);
  const server = await deployment.serve();
  const api = deployment.api();
  const witnesses = [];
  const ids = [];
  for (let n = 0; n < 10; n++) {
    const witness = new Witness(deployment, { steps: 2 });
    witnesses.push(witness);
    ids.push(await api.execute((await witness.persona(api, `p${n}`)).id));
  }
  await crashAndRestart(deployment, server);
  await deployment.worker('w1', { PERSONAS_WORKER_SLOTS: '5' });
  for (const [index, id] of ids.entries()) {
    const execution = await api.completed(id);
    assert.equal(execution.attempt, 1);
    assert.equal(execution.output, witnesses[index].expected);
    assert.equal(witnesses[index].lives().length, 1);
  }
});

for (const [stage, step] of [['just assigned', 0], ['streaming', 15], ['about to complete', 39]]) {
  test(`killed while a run is ${stage}: the run goes on and is whole`, limit, async (t) => {
    const deployment = await Deployment.make(t);
    const server = await deployment.serve();
    await deployment.worker('w1');
    const api = deployment.api();
    const witness = new Witness(deployment);
    const id = await api.execute((await witness.persona(api, 'p')).id);
    await witness.reached(step);
    await crashAndRestart(deployment, server);
    const execution = await api.completed(id);
    assert.equal(execution.output, witness.expected);
    assert.equal(execution.attempt, 1, 'the same attempt');
    assert.equal(witness.lives().length, 1);
    await witness.assertNoOrphan();
  });
}

test('down until the run has ended: the worker keeps the end for it', limit, async (t) => {
  const deployment = await Deployment.make(t, { PERSONAS_LEASE: '20s', PERSONAS_DEAD_AFTER: '5s' });
  const server = await deployment.serve();
  await deployment.worker('w1');
  const api = deployment.api();
  const witness = new Witness(deployment, { steps: 10 });
  const id = await api.execute((await witness.persona(api, 'p')).id);
  await witness.reached(1);
  await server.kill();
  await witness.reached(100); // only its end is beyond that
  await deployment.serve();
  const execution = await api.completed(id);
  assert.equal(execution.output, witness.expected);
  assert.equal(witness.lives().length, 1);
});

test('down for longer than the lease: the agent is ended, then run again', limit, async (t) => {
  const deployment = await Deployment.make(t);
  const server = await deployment.serve();
  await deployment.worker('w1');
  const api = deployment.api();
  const witness = new Witness(deployment, { steps: 200 });
  const persona = await witness.persona(api, 'p', { retry: { maxAttempts: 3,
    initialBackoffMs: 100 } });
  const id = await api.execute(persona.id);
  await witness.reached(3);
  await server.kill();
  await witness.assertNoOrphan();
  await deployment.serve();
  const execution = await api.completed(id);
  assert.equal(execution.attempt, 2);
  assert.equal(execution.output, witness.expected);
  witness.assertNeverTwoAlive();
});

test('stopped politely while a run goes on: the same', limit, async (t) => {
  const deployment = await Deployment.make(t, { PERSONAS_DRAIN_TIMEOUT: '1s' });
  const server = await deployment.serve();
  await deployment.worker('w1');
  const api = deployment.api();
  const witness = new Witness(deployment, { steps: 80 });
  const id = await api.execute((await witness.persona(api, 'p')).id);
  await witness.reached(3);
  assert.equal((await server.stop()).code, 0, server.log);
  await deployment.serve();
  const execution = await api.completed(id);
  assert.equal(execution.output, witness.expected);
  witness.assertNeverTwoAlive();
});

test('killed again and again under load: nothing acknowledged is lost', limit, async (t) => {
  const deployment = await Deployment.make(t);
  let server = await deployment.serve();
  await deployment.worker('w1', { PERSONAS_WORKER_SLOTS: '4' });
  const api = deployment.api();
  const persona = await api.shellPersona('p', 'cat', { maxConcurrent: 4 });
  const acknowledged = [];
  let going = true;
  const client = async () => {
    while (going) {
      try {
        const answer = await api.request('POST', '/api/execute',
          { prompt: 'Do it', personaId: persona.id });
        if (answer.status === 202) acknowledged.push(answer.body.executionId);
      } catch {
        await sleep(20); // it is down; an unanswered request promises nothing
      }
    }
  };
  const clients = [client(), client(), client()];
  for (let round = 0; round < 4; round++) {
    await sleep(300 + 100 * round);
    server = await crashAndRestart(deployment, server);
  }
  going = false;
  await Promise.all(clients);
  assert.ok(acknowledged.length > 20, String(acknowledged.length));
  for (const id of acknowledged.slice(-400)) {
    assert.ok(['queued', 'running', 'completed'].includes((await api.execution(id)).status));
  }
  for (const id of acknowledged.slice(0, 20)) await api.completed(id);
});

// One command brings everything up, one runs an agent; a restart forgets nothing.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { descendants, isAlive } from './lib/processes.mjs';
import { Deployment } from './lib/program.mjs';

test('up, run, follow, and the history after a restart', async (t) => {
  const deployment = await Deployment.make(t);
  const up = await deployment.up();

  await t.test('the generated keys are for the owner alone', () => {
    for (const file of ['master.key', 'team.key', 'worker.token']) {
      assert.equal(statSync(join(deployment.dataDir, file)).mode & 0o777, 0o600, file);
    }
    assert.ok(!up.log.includes(deployment.keys.TEAM_API_KEY), 'the key is not in the log');
  });

  await t.test('run --follow shows the agent at work and ends as it ended', () => {
    const run = deployment.command('run', 'demo', 'Look around the house', '--follow');
    assert.equal(run.code, 0, run.stderr);
    assert.match(run.stdout, /My task: Look around the house/);
    assert.match(run.stdout, /Set the persona's backend to claude/);
  });

  const [execution] = await deployment.api().get('/api/executions');
  await t.test('what the agent said is kept', async () => {
    assert.equal(execution.status, 'completed');
    const messages = await deployment.api().get('/api/messages');
    assert.ok(messages.some((m) => m.executionId === execution.id && /demo/.test(m.title)));
    const memories = await deployment.api().get(`/api/personas/${execution.personaId}/memories`);
    assert.equal(memories.length, 1);
  });

  await t.test('stop ends everything that was started', async () => {
    const below = descendants(up.pid).map(({ pid }) => pid);
    assert.ok(below.length > 0, 'the worker is a process of its own');
    const ending = await up.stop();
    assert.equal(ending.code, 0, up.log);
    assert.deepEqual(below.filter(isAlive), []);
  });

  await t.test('a second start has the same keys and the whole history', async () => {
    const key = deployment.keys.TEAM_API_KEY;
    await deployment.up();
    assert.equal(deployment.keys.TEAM_API_KEY, key);
    const again = await deployment.api().execution(execution.id);
    assert.equal(again.status, 'completed');
    assert.match(again.output, /Look around the house/);
    const logs = deployment.command('logs', execution.id);
    assert.equal(logs.code, 0, logs.stderr);
    assert.match(logs.stdout, /My task: Look around the house/);
    const ls = deployment.command('ls');
    assert.equal(ls.code, 0, ls.stderr);
    assert.match(ls.stdout, new RegExp(execution.id));
  });

  await t.test('a run that is not followed can be followed and cancelled by its id', async () => {
    const api = deployment.api();
    const persona = await api.shellPersona('sleeper', 'echo started; exec sleep 600');
    const run = deployment.command('run', 'sleeper', 'Wait');
    assert.equal(run.code, 0, run.stderr);
    const id = run.stdout.match(/exe_\w+/)[0];
    await api.running(id);
    assert.equal(deployment.command('cancel', id).code, 0);
    assert.equal((await api.finished(id)).status, 'cancelled');
    assert.ok(persona.id);
  });

  await t.test('an unknown persona is an error that says what to do', () => {
    const run = deployment.command('run', 'nobody', 'Hello');
    assert.notEqual(run.code, 0);
    assert.match(run.stderr, /nobody/);
  });
});

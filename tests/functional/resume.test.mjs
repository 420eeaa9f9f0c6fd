// The conversation of the real agent CLI outlives its worker: another one goes on with it.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startMessagesApi } from '../messages_api/server.mjs';
import { claudePath } from './lib/claude.mjs';
import { sql } from './lib/database.mjs';
import { Deployment } from './lib/program.mjs';
import { waitFor } from './lib/wait.mjs';

const limit = { timeout: 180_000 };
const secret = 'the-words-of-the-task-are-in-the-session';
const steps = 5;
const held = 3;

// An agent in the third of its five steps, whose worker is about to die.
class Steps {
  static async make(t, { confined = false } = {}) {
    const self = new Steps();
    self.confined = confined;
    self.model = await startMessagesApi();
    t.after(() => self.model.stop());
    self.deployment = await Deployment.make(t);
    self.server = await self.deployment.serve({ CLAUDE_TOKEN: 'sk-ant-test-0123456789' });
    self.workerEnv = { CLAUDE_PATH: claudePath(), ANTHROPIC_BASE_URL: self.model.url,
      CLAUDE_CODE_MAX_RETRIES: '0', ...(confined ? { PERSONAS_SANDBOX: 'auto' } : {}) };
    self.worker = await self.deployment.worker('w1', self.workerEnv);
    self.api = self.deployment.api();
    if (confined && !await self.deployment.isConfined('w1')) return null;
    // A confined agent writes in its own folders only, which are others in every attempt.
    self.file = confined ? '${TMPDIR}/steps' : join(self.deployment.folder, 'steps');
    const persona = await self.api.post('/api/personas', { name: 'Stepper', backend: 'claude',
      retry: { maxAttempts: 3, initialBackoffMs: 100 } });
    self.id = await self.api.execute(persona.id, { prompt: `Go through the steps. ${secret} ` +
      `SCENARIO:steps?count=${steps}&file=${self.file}&hold=${held}` });
    await waitFor('the held step', () => self.done('w1').length === held, 60_000);
    await self.message(held);
    await waitFor('the session to be kept', () => self.sessionIsKept());
    return self;
  }

  // Where the agent's file is for us.
  fileOf(worker) {
    if (!this.confined) return this.file;
    const folder = join(this.deployment.folder, worker);
    const found = readdirSync(folder, { recursive: true }).find((n) => n.endsWith('/tmp/steps'));
    return join(folder, found ?? 'nothing yet');
  }
  // The numbers of the steps whose commands ran.
  done(worker) {
    const file = this.fileOf(worker);
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
  }
  async letGo(worker) {
    if (this.confined) await waitFor('its next attempt', () => this.done(worker).length > 0);
    writeFileSync(`${this.fileOf(worker)}.go`, '');
  }
  messages() { return this.api.get('/api/messages'); }
  message(step) {
    return waitFor(`the message of step ${step}`, async () =>
      (await this.messages()).some(({ title }) => title === `Step ${step}`));
  }
  sessionParts() { return sql(this.deployment, 'SELECT COUNT(*) FROM session_parts')[0][0]; }
  // The agent's program has written its conversation up to the held step, which it does some time
  // after it says it, and all of that is kept.
  sessionIsKept() {
    const calls = this.sessionFiles().map((file) => readFileSync(file, 'utf8')).join('')
      .split('"type":"tool_use"').length - 1;
    if (calls < held) return false;
    const written = this.sessionFiles().map((file) => statSync(file).size);
    const [[kept]] = sql(this.deployment, 'SELECT COALESCE(SUM(size), 0) FROM session_parts');
    return written.length > 0 && kept === written.reduce((sum, size) => sum + size, 0);
  }
  sessionFiles() {
    return readdirSync(join(this.deployment.folder, 'w1'), { recursive: true })
      .filter((name) => name.endsWith('.jsonl'))
      .map((name) => join(this.deployment.folder, 'w1', name));
  }
  // How often the model was asked with this many results before it.
  asked() {
    const counts = {};
    for (const { scenario, messages } of this.model.requests) {
      if (scenario !== 'steps') continue;
      const results = messages.flatMap(({ content }) => Array.isArray(content) ? content : [])
        .filter(({ type }) => type === 'tool_result').length;
      counts[results] = (counts[results] ?? 0) + 1;
    }
    return counts;
  }
  async assertGoesOn() {
    await this.letGo('w2');
    const execution = await this.api.completed(this.id, 90_000);
    assert.equal(execution.outcome.accomplished, true, JSON.stringify(execution));
    assert.equal(execution.attempt, 2);
    assert.equal(execution.attempts[0].failureReason, 'worker_lost');
    // The model was asked for each step once; for the one that was interrupted, again.
    assert.deepEqual(this.asked(), { 0: 1, 1: 1, 2: 2, 3: 1, 4: 1, 5: 1 });
    if (!this.confined) assert.deepEqual(this.done(), ['1', '2', '3', '3', '4', '5']);
    const titles = (await this.messages()).map(({ title }) => title).sort();
    assert.deepEqual(titles, ['Step 1', 'Step 2', 'Step 3', 'Step 3', 'Step 4', 'Step 5']);
    const turns = await this.api.get(`/api/executions/${this.id}/turns`);
    const said = (attempt) => turns.filter((turn) => turn.attempt === attempt)
      .flatMap(({ text }) => text.match(/Step \d(?=\.)/g) ?? []);
    assert.deepEqual(said(1), ['Step 1', 'Step 2', 'Step 3']);
    assert.deepEqual(said(2), ['Step 3', 'Step 4', 'Step 5']);
    assert.equal(this.sessionParts(), 0, 'the session goes when the execution is over');
    return execution;
  }
}

test('a worker killed in turn 3 of 5: another one goes on with the conversation', limit,
  async (t) => {
    const run = await Steps.make(t);
    const stored = readFileSync(join(run.deployment.dataDir, 'personas.db'), 'latin1') +
      readFileSync(join(run.deployment.dataDir, 'personas.db-wal'), 'latin1');
    assert.ok(!stored.includes('"parentUuid"'), 'the session is not readable on disk');
    await run.worker.kill();
    await run.deployment.worker('w2', run.workerEnv);
    const execution = await run.assertGoesOn();
    assert.equal(execution.workerId, 'w2');
  });

test('the same with namespaces, where the machine has them', limit, async (t) => {
  const run = await Steps.make(t, { confined: true });
  if (run === null) return t.skip('no namespaces here');
  await run.worker.kill();
  await run.deployment.worker('w2', run.workerEnv);
  await run.assertGoesOn();
});

test('worker and orchestrator killed together: the conversation goes on all the same', limit,
  async (t) => {
    const run = await Steps.make(t);
    await Promise.all([run.worker.kill(), run.server.kill()]);
    await run.deployment.serve({ CLAUDE_TOKEN: 'sk-ant-test-0123456789' });
    await run.deployment.worker('w2', run.workerEnv);
    await run.assertGoesOn();
  });

test('without its session the execution starts anew, and says all again', limit, async (t) => {
  const run = await Steps.make(t);
  await Promise.all([run.worker.kill(), run.server.kill()]);
  sql(run.deployment, 'DELETE FROM session_parts');
  await run.deployment.serve({ CLAUDE_TOKEN: 'sk-ant-test-0123456789' });
  await run.deployment.worker('w2', run.workerEnv);
  await run.letGo('w2');
  const execution = await run.api.completed(run.id, 90_000);
  assert.equal(execution.outcome.accomplished, true);
  assert.deepEqual(run.done(), ['1', '2', '3', '1', '2', '3', '4', '5']);
  const restarted = run.model.requests.filter((r) => r.scenario === 'steps')[held];
  assert.match(JSON.stringify(restarted.messages), new RegExp(secret), 'the whole prompt');
});

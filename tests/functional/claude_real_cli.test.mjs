// The real agent CLI under a real worker, with the stand-in model behind it.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { startMessagesApi } from '../messages_api/server.mjs';
import { claudePath } from './lib/claude.mjs';
import { Deployment } from './lib/program.mjs';
import { waitFor } from './lib/wait.mjs';

test('the real agent CLI', { timeout: 240_000 }, async (t) => {
  const model = await startMessagesApi();
  t.after(() => model.stop());
  const deployment = await Deployment.make(t);
  const token = 'sk-ant-canary-0123456789';
  await deployment.serve({ CLAUDE_TOKEN: token });
  await deployment.worker('w1', { CLAUDE_PATH: claudePath(), PERSONAS_SANDBOX: 'auto',
    ANTHROPIC_BASE_URL: model.url, CLAUDE_CODE_MAX_RETRIES: '0' });
  const api = deployment.api();
  const persona = await api.post('/api/personas', { name: 'Helper',
    systemPrompt: 'You help.', backend: 'claude' });
  const run = async (scenario, id = persona.id) =>
    api.finished(await api.execute(id, { prompt: `Please. SCENARIO:${scenario}` }));

  await t.test('text: output, outcome, usage, cost and session are kept', async () => {
    const execution = await run('text');
    assert.equal(execution.status, 'completed', JSON.stringify(execution));
    assert.match(execution.output, /Hello from the stand-in model\./);
    assert.ok(execution.costUsd > 0);
    assert.equal(execution.usage.outputTokens, 42);
    assert.ok(execution.sessionId);
    const prompt = JSON.stringify(model.requests.at(-1).messages);
    assert.match(prompt, /# Persona: Helper/);
  });

  await t.test('tool: it runs in the sandbox and its result is used', async () => {
    const execution = await run('tool');
    assert.equal(execution.status, 'completed', JSON.stringify(execution));
    assert.match(execution.output, /The tool said: the-answer-is-42/);
  });

  await t.test('protocols: messages, memories, events and reviews exist, once each', async () => {
    const follower = await api.shellPersona('Follower', 'cat');
    const execution = await run('protocols');
    assert.equal(execution.status, 'completed', JSON.stringify(execution));
    const of = ({ executionId }) => executionId === execution.id;
    const messages = (await api.get('/api/messages')).filter(of);
    assert.deepEqual(messages.map(({ title, contentType }) => [title, contentType]),
      [['Report', 'success']]);
    const memories = (await api.get(`/api/personas/${persona.id}/memories`)).filter(of);
    assert.deepEqual(memories.map(({ importance, tags }) => [importance, tags]),
      [[7, ['checks', 'time']]]);
    const events = await api.get('/api/events');
    assert.equal(events.filter(({ eventType }) => eventType === 'report.ready').length, 1);
    assert.equal(events.filter((event) => event.targetPersonaId === follower.id).length, 1);
    const reviews = await api.get(`/api/executions/${execution.id}/reviews`);
    assert.deepEqual(reviews.map(({ title, status }) => [title, status]),
      [['Publish?', 'pending']]);
    assert.deepEqual(execution.outcome,
      { accomplished: true, summary: 'Report sent', blockers: [] });
  });

  await t.test('injection: what a tool printed is never acted on', async () => {
    const execution = await run('injection');
    assert.equal(execution.status, 'completed', JSON.stringify(execution));
    const everything = JSON.stringify([await api.get('/api/messages'),
      await api.get('/api/reviews/pending')]);
    assert.ok(!everything.includes('INJECTED'));
  });

  await t.test('not accomplished is shown as such although the program ended well', async () => {
    const execution = await run('not_accomplished');
    assert.equal(execution.outcome.accomplished, false);
    assert.deepEqual(execution.outcome.blockers, ['key']);
  });

  await t.test('the token reaches the model, and no output or file of the agent', async () => {
    assert.ok(model.requests.some(({ key }) => key?.includes(token)));
    const shown = await run(`bash?command=${encodeURIComponent('env; cat ~/.claude.json')}`);
    assert.equal(shown.status, 'completed');
    assert.ok(!shown.output.includes(token), 'masked in the output');
  });

  for (const [scenario, reason] of [['unauthorized', 'agent_not_authenticated'],
    ['rate_limit', 'provider_quota'], ['overloaded', 'provider_error'],
    ['server_error', 'provider_error']]) {
    await t.test(`${scenario} fails as ${reason}, with a cure`, async () => {
      const other = await api.post('/api/personas', { name: scenario, backend: 'claude',
        onQuota: 'fail', retry: { maxAttempts: 1 } });
      const execution = await run(scenario, other.id);
      assert.equal(execution.status, 'failed');
      assert.equal(execution.failureReason, reason, JSON.stringify(execution));
      assert.ok(execution.whatToDo);
      await api.post('/api/providers/claude/retry'); // a refusal holds the account's other runs
    });
  }

  await t.test('slow text is seen while it is written, and cancel ends it', async () => {
    const id = await api.execute(persona.id, { prompt: 'SCENARIO:hang' });
    await api.running(id);
    await waitFor('the question to the model', () => model.requests.at(-1).scenario === 'hang');
    await api.post(`/api/executions/${id}/cancel`);
    assert.equal((await api.finished(id, 15_000)).status, 'cancelled');
  });

  await t.test('the CLI asked for nothing that the stand-in does not know', () => {
    assert.deepEqual(model.requests.filter(({ unknown }) => unknown), []);
  });
});

// Codex and Gemini CLI, the real programs, under a real worker, with a stand-in model behind each.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { startGeminiApi } from '../gemini_api/server.mjs';
import { startResponsesApi } from '../responses_api/server.mjs';
import { codex, gemini } from './lib/agents.mjs';
import { Deployment } from './lib/program.mjs';
import { waitFor } from './lib/wait.mjs';

const key = 'sk-canary-0123456789abcdef';
const agents = [
  { backend: 'codex', program: codex(), start: startResponsesApi, tokenSetting: 'OPENAI_API_KEY',
    worker: (path, url) => ({ CODEX_PATH: path, OPENAI_BASE_URL: `${url}/v1` }) },
  { backend: 'gemini', program: gemini(), start: startGeminiApi, tokenSetting: 'GEMINI_API_KEY',
    worker: (path, url) => ({ GEMINI_PATH: path, GOOGLE_GEMINI_BASE_URL: url }) },
];

for (const { backend, program, start, tokenSetting, worker } of agents) {
  test(`the real ${backend}`, { timeout: 240_000, skip: program.missing ?? false }, async (t) => {
    const model = await start();
    t.after(() => model.stop());
    const deployment = await Deployment.make(t);
    await deployment.serve({ [tokenSetting]: key });
    await deployment.worker('w1', { ...worker(program.path, model.url), PATH: program.PATH,
      PERSONAS_SANDBOX: 'auto' });
    const api = deployment.api();
    const persona = await api.post('/api/personas',
      { name: 'Helper', systemPrompt: 'You help.', backend });
    const run = async (scenario, id = persona.id) =>
      api.finished(await api.execute(id, { prompt: `Please. SCENARIO:${scenario}` }));
    const bash = (command) => `bash?command=${encodeURIComponent(command)}`;

    await t.test('the status shows its version on the worker', async () => {
      const { workers } = await api.get('/api/status');
      assert.match(workers[0].agentVersions[backend], /^\d+\.\d+/);
      assert.ok(workers[0].capabilities.includes(backend));
    });

    await t.test('text: output, usage and session are kept, the prompt arrives', async () => {
      const execution = await run('text');
      assert.equal(execution.status, 'completed', JSON.stringify(execution));
      assert.match(execution.output, /Hello from the stand-in model\./);
      assert.ok(execution.usage.outputTokens >= 42);
      assert.ok(execution.sessionId);
      const asked = model.requests.findLast(({ scenario }) => scenario === 'text');
      assert.match(JSON.stringify(asked.body), /# Persona: Helper/);
    });

    await t.test('tool: it runs in the sandbox and its result is used', async () => {
      const execution = await run(bash('echo the-answer-is-42 | rev'));
      assert.equal(execution.status, 'completed', JSON.stringify(execution));
      assert.match(execution.output, /Result: 24-si-rewsna-eht/);
    });

    await t.test('protocols: messages, memories, events and reviews exist, once each', async () => {
      const careful = await api.post('/api/personas', { name: 'Speaker', backend });
      const execution = await run('protocols', careful.id);
      assert.equal(execution.status, 'completed', JSON.stringify(execution));
      const of = ({ executionId }) => executionId === execution.id;
      assert.deepEqual((await api.get('/api/messages')).filter(of)
        .map(({ title, contentType }) => [title, contentType]), [['Report', 'success']]);
      assert.deepEqual((await api.get(`/api/personas/${careful.id}/memories`)).filter(of)
        .map(({ importance }) => importance), [7]);
      assert.deepEqual((await api.get(`/api/executions/${execution.id}/reviews`))
        .map(({ title }) => title), ['Publish?']);
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

    await t.test('the key reaches the model, and no output of the agent', async () => {
      assert.ok(model.requests.some((request) => request.key?.includes(key)));
      const shown = await run(bash('env; cat ~/.codex/config.toml ~/.gemini/settings.json; true'));
      assert.equal(shown.status, 'completed', JSON.stringify(shown));
      assert.match(shown.output, /HOME=/);
      assert.ok(!shown.output.includes(key), 'masked in the output');
    });

    for (const [scenario, reason] of [['unauthorized', 'agent_not_authenticated'],
      ['rate_limit', 'provider_quota'], ['server_error', 'provider_error']]) {
      await t.test(`${scenario} fails as ${reason}, with a cure`, async () => {
        const other = await api.post('/api/personas', { name: scenario, backend, onQuota: 'fail',
          retry: { maxAttempts: 1 } });
        const execution = await run(scenario, other.id);
        assert.equal(execution.status, 'failed');
        assert.equal(execution.failureReason, reason, JSON.stringify(execution));
        assert.ok(execution.whatToDo);
        // The account stands behind its gate now, for every run; a person may open it.
        if (reason === 'provider_quota') await api.post(`/api/providers/${backend}/retry`);
      });
    }

    await t.test('a limit that it cannot keep is refused by name', async () => {
      const limited = await api.post('/api/personas', { name: 'Limited', backend, maxBudgetUsd: 1,
        retry: { maxAttempts: 1 } });
      const execution = await run('text', limited.id);
      assert.equal(execution.status, 'failed');
      assert.match(JSON.stringify(execution), /maxBudgetUsd/);
    });

    await t.test('cancel ends it while the model is silent', async () => {
      const id = await api.execute(persona.id, { prompt: 'SCENARIO:hang' });
      await api.running(id);
      await waitFor('the question to the model',
        () => model.requests.some(({ scenario }) => scenario === 'hang'));
      await api.post(`/api/executions/${id}/cancel`);
      assert.equal((await api.finished(id, 15_000)).status, 'cancelled');
    });

    await t.test('the CLI asked for nothing that the stand-in does not know', () => {
      assert.deepEqual(model.requests.filter(({ unknown }) => unknown), []);
    });
  });
}

// Personas drafted from words, and their test runs: with the demo backend, with the real agent CLI
// in front of the stand-in model, and over a restart.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startMessagesApi } from '../messages_api/server.mjs';
import { claudePath } from './lib/claude.mjs';
import { binary, Deployment } from './lib/program.mjs';
import { waitFor } from './lib/wait.mjs';

const settledDraft = (api, id) => waitFor(`draft ${id} to be read`, async () => {
  const draft = await api.get(`/api/personas/drafts/${id}`);
  return draft.status !== 'running' && draft;
}, 60_000);
const settledTest = (api, id) => waitFor(`test run ${id} to end`, async () => {
  const run = await api.get(`/api/tests/${id}`);
  return run.status !== 'running' && run;
}, 90_000);

test('with the demo backend, from the command line', { timeout: 120_000 }, async (t) => {
  const deployment = await Deployment.make(t);
  await deployment.up();
  const api = deployment.api();

  await t.test('new: a draft is shown, and made only on consent', async () => {
    const words = 'Watch our open issues, every day.';
    const asked = deployment.command('new', words, '--backend', 'demo');
    assert.equal(asked.code, 0, asked.stderr);
    assert.match(asked.stdout, /\+ \[demo\] Watch our open issues/);
    assert.match(asked.stdout, /feasibility 50 of 100/);
    assert.match(asked.stderr, /nothing was changed; the draft is kept as draft_\w+/);
    const names = async () => (await api.get('/api/personas')).map(({ name }) => name);
    assert.deepEqual(await names(), ['demo']);

    const made = deployment.command('new', words, '--backend', 'demo', '--name', 'Watcher',
      '--yes');
    assert.equal(made.code, 0, made.stderr);
    assert.match(made.stdout, /created persona Watcher/);
    assert.deepEqual(await names(), ['demo', 'Watcher']);
    const run = deployment.command('run', 'Watcher', 'Look', '--follow');
    assert.equal(run.code, 0, run.stderr);
  });

  await t.test('new at a terminal asks, and takes the answer', async () => {
    const env = { PATH: process.env.PATH, HOME: deployment.folder, TERM: 'xterm', LANG: 'C.UTF-8',
      PERSONAS_URL: deployment.url, TEAM_API_KEY: deployment.keys.TEAM_API_KEY };
    const command = (name) =>
      `${binary} new 'Read the mail' --backend demo --name '${name}'`;
    const answer = (name, input) => spawnSync('script', ['-qec', command(name), '/dev/null'],
      { encoding: 'utf8', input, env, cwd: deployment.folder, timeout: 60_000 });
    const no = answer('Declined', 'n\n');
    assert.match(no.stdout, /apply\? \[y\/N\]/, no.stdout + no.stderr);
    const yes = answer('Agreed', 'y\n');
    assert.match(yes.stdout, /created/, yes.stdout);
    const names = (await api.get('/api/personas')).map(({ name }) => name);
    assert.ok(names.includes('Agreed') && !names.includes('Declined'), names.join());
  });

  await t.test('edit changes a persona, and its version rises', async () => {
    const before = (await api.get('/api/personas')).find(({ name }) => name === 'Watcher');
    const edit = deployment.command('edit', 'Watcher', 'Be brief.', '--backend', 'demo', '--yes');
    assert.equal(edit.code, 0, edit.stderr);
    const after = await api.get(`/api/personas/${before.id}`);
    assert.ok(after.version > before.version, edit.stdout);
    assert.match(after.structuredPrompt, /Be brief\./);
  });

  await t.test('tests of a file: passed and failed, with what was seen', async () => {
    const file = join(deployment.folder, 'tested.yaml');
    writeFileSync(file, `
name: Tested
backend: command
permissionPolicy:
  command: |
    cat >/dev/null; echo "closed issue #42"
    echo '{"user_message": {"title": "Report", "content": "One issue closed"}}'
    echo '{"emit_event": {"type": "issue.closed", "data": {}}}'
    echo '{"agent_memory": {"title": "Habit", "content": "Short is good"}}'
    echo '{"manual_review": {"title": "Really?", "severity": "critical"}}'
    echo '{"outcome_assessment": {"accomplished": true, "summary": "Closed"}}'
tests:
  - name: closes an issue
    prompt: Close the issue.
    expectations:
      - outputContains: "closed issue"
      - outputMatches: 'issue #\\d+$'
      - messageContains: One issue
      - eventEmitted: issue.closed
      - memoryStored: Short
      - reviewAsked: true
      - accomplished: true
      - maxDurationMs: 60000
  - name: writes a poem
    prompt: Write a poem.
    expectations:
      - outputContains: rose
`);
    const applied = deployment.command('apply', '-f', file);
    assert.equal(applied.code, 0, applied.stderr);
    const run = deployment.command('test', 'Tested', '--repeat', '2');
    assert.equal(run.code, 1, run.stderr);
    assert.match(run.stdout, /passed\s+closes an issue/);
    assert.match(run.stdout, /failed\s+writes a poem/);
    assert.match(run.stdout, /outputContains rose\n\s+seen: it ends:/);
    assert.match(run.stdout, /2 of 4 passed, 2 failed/);
    const one = deployment.command('test', 'Tested', '--scenario', 'closes an issue');
    assert.equal(one.code, 0, one.stdout + one.stderr);
    const again = deployment.command('apply', '-f', file);
    assert.match(again.stdout, /unchanged/);
  });

  await t.test('what tests ask for reaches nobody', async () => {
    const events = (await api.get('/api/events'))
      .filter(({ eventType }) => eventType === 'issue.closed');
    assert.equal(events.length, 5);
    for (const event of events) {
      assert.deepEqual([event.status, event.errorMessage], ['skipped', 'test run']);
    }
    assert.deepEqual(await api.get('/api/reviews/pending'), []);
    const persona = (await api.get('/api/personas')).find(({ name }) => name === 'Tested');
    assert.deepEqual(await api.get(`/api/personas/${persona.id}/memories`), []);
  });

  await t.test('an export carries the tests', () => {
    const exported = deployment.command('export', 'Tested');
    assert.match(exported.stdout, /tests:\n/);
    assert.match(exported.stdout, /closes an issue/);
  });
});

test('with the real agent CLI', { timeout: 240_000 }, async (t) => {
  const model = await startMessagesApi();
  t.after(() => model.stop());
  const deployment = await Deployment.make(t);
  await deployment.serve({ CLAUDE_TOKEN: 'sk-ant-canary-0123456789' });
  await deployment.worker('w1', { CLAUDE_PATH: claudePath(), PERSONAS_SANDBOX: 'auto',
    ANTHROPIC_BASE_URL: model.url, CLAUDE_CODE_MAX_RETRIES: '0' });
  const api = deployment.api();

  await t.test('a draft is made, changed by revision, and applied with its tools', async () => {
    const { draftId, executionId } = await api.post('/api/personas/compile',
      { description: 'Watch our issues. SCENARIO:draft?first=wrong' });
    const wrong = await settledDraft(api, draftId);
    assert.equal(wrong.status, 'invalid', JSON.stringify(wrong));
    const paths = wrong.problems.map(({ path }) => path);
    assert.deepEqual(paths.toSorted(),
      ['/feasibility', '/persona/nam', '/persona/name', '/persona/timeoutMs']);
    assert.ok((await api.execution(executionId)).output.includes('persona_draft'));
    const refused = await api.request('POST', `/api/personas/drafts/${draftId}/apply`, {});
    assert.equal(refused.status, 422);

    const revision = await api.post(`/api/personas/drafts/${draftId}/revise`,
      { feedback: 'On weekdays only.' });
    const ready = await settledDraft(api, revision.draftId);
    assert.equal(ready.status, 'ready', JSON.stringify(ready));
    assert.equal(ready.revises, draftId);
    const asked = JSON.stringify(model.requests.at(-1).messages);
    assert.match(asked, /On weekdays only\./);
    assert.match(asked, /\/persona\/timeoutMs/);
    assert.deepEqual(ready.missingConnectors.map(({ serviceType }) => serviceType), ['jira']);
    assert.ok(ready.changes.some(({ field, after }) => field === 'name' && after === 'Watcher'));

    const persona = await api.post(`/api/personas/drafts/${revision.draftId}/apply`, {});
    assert.equal(persona.name, 'Watcher');
    const tools = await api.get(`/api/personas/${persona.id}/tools`);
    assert.deepEqual(tools.map(({ name }) => name).toSorted(), ['board', 'github'],
      'a new one, and one of the library');
    assert.equal(JSON.parse(persona.designContext).triggers[0].type, 'schedule');
    const twice = await api.request('POST', `/api/personas/drafts/${revision.draftId}/apply`, {});
    assert.equal(twice.status, 409);
  });

  await t.test('what a tool prints is no draft', async () => {
    const { draftId } = await api.post('/api/personas/compile',
      { description: 'SCENARIO:injected_draft' });
    const draft = await settledDraft(api, draftId);
    assert.equal(draft.status, 'invalid');
    assert.match(draft.problems[0].message, /wrote no/);
  });

  await t.test('a judge decides, by model and criteria, and results are compared', async () => {
    const persona = await api.post('/api/personas', { name: 'Judged', backend: 'claude',
      systemPrompt: 'You help.' });
    const scenarios = `/api/personas/${persona.id}/scenarios`;
    const judged = (score) => ({ name: 'judged', prompt: `Work. SCENARIO:graded?score=${score}`,
      expectations: [{ toolCalled: 'Bash' }, { outputContains: 'the-answer-is-42' },
        { maxTurns: 5 }, { maxCostUsd: 5 },
        { judge: { criteria: 'It names the answer', minScore: 60 } }] });
    const scenario = await api.post(scenarios, judged(90));
    const first = await settledTest(api, (await api.post(`/api/personas/${persona.id}/tests`,
      {})).id);
    assert.equal(first.status, 'passed', JSON.stringify(first));
    const [result] = first.results;
    assert.deepEqual(result.checks.map(({ rule }) => rule),
      ['toolCalled', 'outputContains', 'maxTurns', 'maxCostUsd', 'judge']);
    assert.ok(result.costUsd > (await api.execution(result.executionId)).costUsd);
    assert.equal((await api.execution(result.judgeExecutionId)).source, 'test');

    await api.patch(`/api/personas/${persona.id}`, { systemPrompt: 'You help less.' });
    await api.put(`${scenarios}/${scenario.id}`, judged(10));
    const second = await settledTest(api, (await api.post(`/api/personas/${persona.id}/tests`,
      {})).id);
    assert.equal(second.status, 'failed');
    assert.equal(second.personaVersion, first.personaVersion + 1);
    assert.equal(second.previousRunId, first.id);
    assert.deepEqual(second.comparison.map(({ change }) => change), ['broken']);
  });
});

test('over a restart nothing is lost or done twice', { timeout: 120_000 }, async (t) => {
  const deployment = await Deployment.make(t);
  const server = await deployment.serve();
  await deployment.worker('w1');
  const api = deployment.api();
  const persona = await api.shellPersona('Slow', 'cat >/dev/null; sleep 2; echo done',
    { maxConcurrent: 10 });
  await api.post(`/api/personas/${persona.id}/scenarios`, { name: 'waits', prompt: 'Wait.',
    expectations: [{ outputContains: 'done' }] });
  const started = await api.post(`/api/personas/${persona.id}/tests`, { repeat: 6 });
  await waitFor('some to run',
    async () => (await api.get('/api/executions?status=running')).length);
  await server.kill();
  await deployment.serve();
  const run = await settledTest(api, started.id);
  assert.deepEqual([run.status, run.passed, run.results.length], ['passed', 6, 6],
    JSON.stringify(run));
  assert.equal((await api.get(`/api/personas/${persona.id}/executions?limit=100`)).length, 6);
});

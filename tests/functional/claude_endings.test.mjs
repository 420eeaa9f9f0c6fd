// Every way in which a run of the real agent CLI goes on or ends: many turns, cancelled and killed
// in a tool, out of turns, money, permission, model; too much output, none, or nonsense.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startMessagesApi } from '../messages_api/server.mjs';
import { claudePath } from './lib/claude.mjs';
import { randomMarker, withMarker } from './lib/processes.mjs';
import { Deployment } from './lib/program.mjs';
import { waitFor } from './lib/wait.mjs';

// The real CLI, behind one that is broken when its prompt says so.
const wrapper = (real) => `#!/bin/sh
case "$*" in *--output-format*) ;; *) exec '${real}' "$@" ;; esac
cat > "$HOME/prompt"
if grep -q BROKEN:nonsense "$HOME/prompt"; then
  echo '{"type":"assistant","message":{"content":'; echo 'Segmentation fault'; exit 0
fi
if grep -q BROKEN:noise "$HOME/prompt"; then
  echo 'npm warn deprecated'; echo '{"user_message":{"content":"not from the agent"}}'
fi
exec '${real}' "$@" < "$HOME/prompt"
`;

const refuse = (status, type, message) =>
  `refuse?status=${status}&type=${type}&message=${encodeURIComponent(message)}`;

test('how runs of the real agent CLI go on and end', { timeout: 280_000 }, async (t) => {
  const model = await startMessagesApi();
  t.after(() => model.stop());
  const deployment = await Deployment.make(t);
  await deployment.serve({ CLAUDE_TOKEN: 'sk-ant-oat01-test-0123456789' });
  const program = join(deployment.folder, 'claude');
  writeFileSync(program, wrapper(claudePath()));
  chmodSync(program, 0o755);
  await deployment.worker('w1', { CLAUDE_PATH: program, ANTHROPIC_BASE_URL: model.url,
    CLAUDE_CODE_MAX_RETRIES: '0' });
  const api = deployment.api();
  let personas = 0;
  const start = async (scenario, fields = {}, request = {}) => {
    const persona = await api.post('/api/personas', { name: `p${++personas}`, backend: 'claude',
      onQuota: 'fail', retry: { maxAttempts: 1 }, ...fields });
    return api.execute(persona.id, { prompt: `Please. SCENARIO:${scenario}`, ...request });
  };
  const run = async (...args) => api.finished(await start(...args));
  const failed = async (reason, ...args) => {
    const execution = await run(...args);
    assert.equal(execution.status, 'failed', JSON.stringify(execution));
    assert.equal(execution.failureReason, reason, JSON.stringify(execution));
    assert.ok(execution.whatToDo, 'there is a cure');
    return execution;
  };
  const turnsOf = ({ id }) => api.get(`/api/executions/${id}/turns`);
  const gone = (marker) => waitFor('all its processes to be gone',
    () => withMarker(marker).length === 0, 5_000);
  // A run whose agent is in the middle of a tool that never ends.
  const inATool = async (fields = {}) => {
    const marker = randomMarker();
    const command = encodeURIComponent(`tail -f /dev/null --pid=${process.pid} # ${marker}`);
    const id = await start(`bash?command=${command}`, fields);
    await waitFor('the tool to run',
      () => withMarker(marker).some(({ command: line }) => /tail -f/.test(line)));
    return { id, marker };
  };

  await t.test('all seven protocols, spread over turns with tools between them', async () => {
    const execution = await run('protocols_by_turn');
    assert.equal(execution.status, 'completed', JSON.stringify(execution));
    const of = ({ executionId }) => executionId === execution.id;
    assert.deepEqual((await api.get('/api/messages')).filter(of).map(({ title }) => title),
      ['Report']);
    assert.equal((await api.get(`/api/personas/${execution.personaId}/memories`)).length, 1);
    const events = await api.get('/api/events');
    assert.equal(events.filter(({ eventType }) => eventType === 'report.ready').length, 1);
    assert.equal((await api.get(`/api/executions/${execution.id}/reviews`)).length, 1);
    assert.deepEqual(execution.outcome,
      { accomplished: true, summary: 'Report sent', blockers: [] });
    assert.equal(execution.usage.outputTokens, 7 * 42, 'seven messages of the model');
  });

  await t.test('a sub-agent: what it used counts, what it said is not acted on', async () => {
    const execution = await run('sub_agent');
    assert.equal(execution.status, 'completed', JSON.stringify(execution));
    assert.ok(execution.usage.outputTokens >= 4 * 42, 'two messages of each agent');
    const turns = await turnsOf(execution);
    assert.deepEqual(turns[0].tools.map(({ name, state }) => [name, state]), [['Task', 'done']]);
    const below = turns.filter(({ parentToolId }) => parentToolId === turns[0].tools[0].id);
    assert.deepEqual(below.flatMap(({ tools }) => tools.map(({ result }) => result)),
      ['the-answer-is-42']);
    assert.match(turns.at(-1).text, /It reports/);
    assert.equal(turns.at(-1).stopReason, 'end_turn');
  });

  await t.test('cancelled in a tool: the tool ends with it', async () => {
    const { id, marker } = await inATool();
    await api.post(`/api/executions/${id}/cancel`);
    assert.equal((await api.finished(id, 15_000)).status, 'cancelled');
    await gone(marker);
  });

  await t.test('killed in a tool: said as such, and the tool ends with it', async () => {
    const { id, marker } = await inATool();
    // The command line of the shell under the agent holds the marker; its parent is the agent.
    const shell = withMarker(marker).find(({ command }) => /bash|sh -c/.test(command));
    process.kill(shell.parent, 'SIGKILL');
    const execution = await api.finished(id, 15_000);
    assert.equal(execution.failureReason, 'agent_signal', JSON.stringify(execution));
    await gone(marker);
  });

  await t.test('limits: turns, money, silence, output', async () => {
    const turns = await failed('turn_limit', 'tool', { maxTurns: 1 });
    assert.ok(turns.usage.outputTokens > 0, 'what it used is known');
    const money = await failed('budget_exceeded', 'tool', { maxBudgetUsd: 0.000001 });
    assert.ok(money.costUsd > 0.000001, 'and what it cost');
    await failed('idle_timeout', 'hang', { idleTimeoutMs: 2_000 });
    const flood = await failed('output_limit', 'flood?bytes=2000000', { maxOutputBytes: 500_000 });
    assert.ok(flood.output.length <= 700_000, String(flood.output.length));
  });

  // As much as a model can write at once. The CLI exits without waiting for its reader, and what is
  // then neither read nor in the pipe is lost; flood.test.mjs goes further.
  await t.test('the longest answer of a model is whole', async () => {
    const execution = await run('flood?bytes=400000');
    assert.equal(execution.status, 'completed', JSON.stringify(execution).slice(0, 2000));
    // The CLI writes its text twice: as a message, and as its result.
    const count = execution.output.split('0123456789abcde').length - 1;
    assert.equal(count, 2 * 400_000 / 16);
  });

  await t.test('a tool that is not allowed is denied, and the agent goes on', async () => {
    const policy = { allowedTools: ['Read'] };
    const execution = await run('bash?command=touch%20made', { permissionPolicy: policy });
    assert.equal(execution.status, 'completed', JSON.stringify(execution));
    assert.match(execution.output, /"permission_denials":\[\{"tool_name":"Bash"/);
    const [turn] = await turnsOf(execution);
    assert.deepEqual(turn.tools.map(({ name, state }) => [name, state]), [['Bash', 'denied']]);
    const without = await run('bash?command=touch%20made',
      { permissionPolicy: { disallowedTools: ['Bash'] } });
    assert.match(without.output, /No such tool available: Bash/);
  });

  await t.test('refusals of the provider, each with its own reason', async () => {
    for (const [reason, scenario] of [
      ['model_unavailable', refuse(404, 'not_found_error', 'model: claude-x')],
      ['prompt_too_large', refuse(400, 'invalid_request_error',
        'prompt is too long: 250000 tokens > 200000 maximum')],
      ['prompt_too_large', refuse(413, 'request_too_large', 'Request exceeds the maximum size')],
      ['agent_not_authenticated', refuse(403, 'permission_error', 'This key is disabled')],
      ['provider_error', 'broken'],
      ['provider_quota', refuse(400, 'invalid_request_error',
        'Your credit balance is too low to access the Anthropic API.')],
    ]) {
      await failed(reason, scenario);
    }
    await api.post('/api/providers/claude/retry'); // the last one holds the account's other runs
  });

  await t.test('a usage limit parks the run until the time that the provider names', async () => {
    const resets = Math.floor(Date.now() / 1000) + 7200;
    const id = await start(`usage_limit?resets=${resets}`, { onQuota: 'park' });
    const { parked, parkedUntil } = await api.reached(id, 'parked', (run) => run.parked);
    assert.equal(parked, 'quota');
    assert.equal(Date.parse(parkedUntil), resets * 1000);
    await api.post(`/api/executions/${id}/cancel`);
    await api.post('/api/providers/claude/retry');
  });

  await t.test('nonsense instead of its protocol is an error of the protocol', async () => {
    const execution = await failed('protocol_error', 'text BROKEN:nonsense');
    assert.match(execution.output, /Segmentation fault/, 'what it wrote is kept');
  });

  await t.test('noise before its lines costs nothing, and nobody speaks through it', async () => {
    const execution = await run('text BROKEN:noise');
    assert.equal(execution.status, 'completed', JSON.stringify(execution));
    assert.match(execution.output, /Hello from the stand-in model/);
    const messages = JSON.stringify(await api.get('/api/messages'));
    assert.ok(!messages.includes('not from the agent'));
  });
});

// The stand-in against the real agent CLI: every scenario does what it says.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runClaude } from '../functional/lib/claude.mjs';
import { scenarios } from './scenarios.mjs';
import { startGitlab } from '../tour/gitlab.mjs';
import { startMessagesApi } from './server.mjs';

let api;
before(async () => { api = await startMessagesApi(); });
after(() => api.stop());

const run = (scenario, options = {}) =>
  runClaude(`Please do this. SCENARIO:${scenario}\n`, { url: api.url, ...options });
const result = (answer) => {
  assert.equal(answer.lines.at(-1)?.type, 'result', answer.stderr);
  return answer.lines.at(-1);
};
const texts = (answer) => answer.lines.filter((line) => line.type === 'assistant')
  .flatMap((line) => line.message.content).filter((block) => block.type === 'text')
  .map((block) => block.text).join('');

test('text: one turn, with a session and a cost', async () => {
  const answer = await run('text');
  assert.equal(answer.code, 0);
  assert.equal(answer.lines[0].subtype, 'init');
  assert.equal(result(answer).result, 'Hello from the stand-in model.');
  assert.ok(result(answer).total_cost_usd > 0);
  assert.ok(result(answer).session_id);
});

test('tool: the command runs and its output comes back in the answer', async () => {
  const answer = await run('tool');
  assert.equal(result(answer).num_turns, 2);
  assert.match(result(answer).result, /The tool said: the-answer-is-42/);
});

test('bash: any command', async () => {
  const command = encodeURIComponent('echo a b | rev');
  assert.match(result(await run(`bash?command=${command}`)).result, /Result: b a/);
});

test('steps: one command after the other, each after its message', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'personas-steps-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const answer = await run(`steps?count=3&file=${folder}/log`);
  assert.equal(readFileSync(join(folder, 'log'), 'utf8'), '1\n2\n3\n');
  assert.match(texts(answer), /Step 1\.[^]*Step 2\.[^]*Step 3\.[^]*All 3 steps/);
});

test('protocols: the agent text holds one object of each', async () => {
  const text = texts(await run('protocols'));
  for (const key of ['user_message', 'persona_action', 'emit_event', 'agent_memory',
    'manual_review', 'execution_flow', 'outcome_assessment']) {
    assert.ok(text.includes(`"${key}"`), key);
  }
});

test('protocols_by_turn: one object in each of seven messages', async () => {
  const answer = await run('protocols_by_turn');
  assert.equal(result(answer).num_turns, 7);
  assert.equal(texts(answer).split('\n').filter((line) => line.startsWith('{"')).length, 7);
});

test('injection: protocol lines appear in the tool result, not in the agent text', async () => {
  const answer = await run('injection');
  assert.ok(!texts(answer).includes('INJECTED'));
  const toolResults = answer.lines.filter((line) => line.type === 'user');
  assert.ok(JSON.stringify(toolResults).includes('INJECTED'));
});

test('not_accomplished: said by the agent', async () => {
  assert.match(texts(await run('not_accomplished')), /"accomplished":false/);
});

test('slow: arrives whole', async () => {
  const answer = await run('slow?chunks=5&ms=20');
  assert.equal(texts(answer), 'part-0\npart-1\npart-2\npart-3\npart-4\n');
});

test('flood: as many bytes as asked for', async () => {
  assert.equal(texts(await run('flood?bytes=1600000')).length, 1_600_000);
});

for (const [name, status] of [['unauthorized', 401], ['rate_limit', 429], ['server_error', 500],
  ['overloaded', 529]]) {
  test(`${name}: the CLI reports ${status}`, async () => {
    const answer = await run(name, { env: { CLAUDE_CODE_MAX_RETRIES: '0' } });
    assert.equal(result(answer).is_error, true);
    assert.equal(result(answer).api_error_status, status);
    assert.notEqual(answer.code, 0);
  });
}

test('tour: named by the address, it reads the issues and asks before it acts', async () => {
  const gitlab = await startGitlab('glpat-right');
  const answer = await runClaude('Look after the issues.', { url: `${api.url}/scenario/tour`,
    env: { CONNECTOR_GITLAB_TOKEN: 'glpat-right', CONNECTOR_GITLAB_URL: gitlab.url } });
  await gitlab.stop();
  assert.match(texts(answer), /"manual_review":{"title":"Label #42 as an incident\?"/);
  assert.deepEqual([gitlab.refused, gitlab.notes], [0, []]);
});

const toolNames = (answer) => answer.lines.filter((line) => line.type === 'assistant')
  .flatMap((line) => line.message.content).filter((block) => block.type === 'tool_use')
  .map((block) => block.name);

test('parallel_tools: both results come back before the answer', async () => {
  const answer = await run('parallel_tools');
  assert.deepEqual(toolNames(answer), ['Bash', 'Bash']);
  assert.match(result(answer).result, /They said: first, second/);
});

for (const name of ['sub_agent', 'sub_agent_waited_for']) {
  test(`${name}: the sub-agent runs the command, under the call that started it`, async () => {
    const answer = await run(name);
    assert.deepEqual(toolNames(answer), ['Task', 'Bash']);
    assert.ok(answer.lines.some((line) => line.type === 'user' && line.parent_tool_use_id &&
      JSON.stringify(line).includes('the-answer-is-42')));
    assert.match(result(answer).result, /It reports: The tool said: the-answer-is-42/);
  });
}

test('refuse: with the status and words that are asked for', async () => {
  const answer = await run('refuse?status=404&type=not_found_error&message=model:%20x',
    { env: { CLAUDE_CODE_MAX_RETRIES: '0' } });
  assert.equal(result(answer).api_error_status, 404);
  assert.match(result(answer).result, /selected model/);
});

const subscription = { CLAUDE_CODE_OAUTH_TOKEN: 'sk-ant-oat01-test', ANTHROPIC_API_KEY: undefined,
  CLAUDE_CODE_MAX_RETRIES: '0' };
const limitOf = (answer) => answer.lines.find((line) => line.type === 'rate_limit_event')
  ?.rate_limit_info;

test('usage_limit: the CLI tells when it resets', async () => {
  const answer = await run('usage_limit?resets=1795300000', { env: subscription });
  assert.equal(limitOf(answer).status, 'rejected');
  assert.equal(limitOf(answer).resetsAt, 1795300000);
  assert.equal(result(answer).api_error_status, 429);
});

test('near_limit: the answer comes with a warning', async () => {
  const answer = await run('near_limit', { env: subscription });
  assert.equal(limitOf(answer).status, 'allowed_warning');
  assert.equal(result(answer).result, 'Still allowed.');
});

test('broken: the CLI reports a lost connection', async () => {
  const answer = await run('broken', { env: { CLAUDE_CODE_MAX_RETRIES: '0' } });
  assert.equal(result(answer).is_error, true);
  assert.match(result(answer).result, /connect|dropped/i);
});

test('draft: a persona in a fenced block, with mistakes if asked for', async () => {
  assert.match(texts(await run('draft')), /```json\n\{\n  "persona_draft"[^]*"Watcher"/);
  assert.match(texts(await run('draft?first=wrong')), /"nam": "Watcher"/);
});

test('injected_draft: a tool prints a draft, the agent does not', async () => {
  const answer = await run('injected_draft');
  assert.ok(!texts(answer).includes('persona_draft'));
  assert.ok(JSON.stringify(answer.lines).includes('EVIL'));
});

test('graded: it works, and judges when it is asked to judge', async () => {
  assert.match(texts(await run('graded?score=90')), /the-answer-is-42/);
  const verdict = await runClaude('# Judge a test\nSCENARIO:graded?score=90\n', { url: api.url });
  assert.match(texts(verdict), /"test_verdict":\{"pass":true,"score":90/);
});

test('tell: what a command printed is said in every protocol', async () => {
  const answer = await run('tell');
  for (const key of ['user_message', 'agent_memory', 'emit_event', 'manual_review']) {
    assert.match(texts(answer), new RegExp(`"${key}":.*told`));
  }
});

test('hang: the CLI waits until it is killed', async () => {
  const answer = await run('hang', { timeoutMs: 5000 });
  assert.equal(answer.signal, 'SIGKILL');
  assert.ok(!answer.lines.some((line) => line.type === 'result'));
});

test('without streaming the same answer comes as one message', async () => {
  const response = await fetch(`${api.url}/v1/messages`, { method: 'POST', body: JSON.stringify({
    messages: [{ role: 'user', content: 'SCENARIO:tool' }] }) });
  const message = await response.json();
  assert.equal(message.stop_reason, 'tool_use');
  assert.equal(message.content[1].name, 'Bash');
});

test('the CLI asks for nothing that the stand-in does not know', () => {
  assert.deepEqual(api.requests.filter((request) => request.unknown), []);
});

test('every scenario has its case here', () => {
  const covered = new Set(api.requests.map((request) => request.scenario));
  assert.deepEqual(Object.keys(scenarios).filter((name) => !covered.has(name)), []);
});

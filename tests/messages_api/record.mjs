#!/usr/bin/env node
// Records how a version of the agent CLI speaks, for the contract tests of src/agents.
//
//   npm install --prefix FOLDER --ignore-scripts @anthropic-ai/claude-code@VERSION
//   CLAUDE_PATH=FOLDER/… node record.mjs src/agents/testdata/claude-VERSION
//
// One file per case and `cases.json` with how each ended. The CLI talks to the stand-in here, so
// nothing in them is anybody's; ids, paths and times are replaced, lists of no interest left out.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runClaude } from '../functional/lib/claude.mjs';
import { startMessagesApi } from './server.mjs';

const folder = process.argv[2];
if (!folder) throw new Error('usage: record.mjs FOLDER');

const skip = '--dangerously-skip-permissions';
const subscription = { CLAUDE_CODE_OAUTH_TOKEN: 'sk-ant-oat01-test',
  ANTHROPIC_API_KEY: undefined };
const refuse = (status, type, message) =>
  `refuse?status=${status}&type=${type}&message=${encodeURIComponent(message)}`;
const resetsAt = Math.floor(Date.now() / 1000) + 3 * 3600;

const cases = {
  tool: ['tool', [skip]],
  parallel_tools: ['parallel_tools', [skip]],
  sub_agent: ['sub_agent', [skip]],
  sub_agent_waited_for: ['sub_agent_waited_for', [skip]],
  protocols: ['protocols', [skip]],
  not_allowed: ['bash?command=touch%20made', ['--allowedTools', 'Read']],
  disallowed: ['bash?command=touch%20made', [skip, '--disallowedTools', 'Bash']],
  max_turns: ['tool', [skip, '--max-turns', '1']],
  budget: ['tool', [skip, '--max-budget-usd', '0.000001']],
  session_lost: ['text', [skip, '--resume', '00000000-0000-4000-8000-00000000dead']],
  session_malformed: ['text', [skip, '--resume', 'no-such-session']],
  killed_in_a_tool: ['bash?command=tail%20-f%20/dev/null', [skip], {}, 5000],
  usage_limit: [`usage_limit?resets=${resetsAt}`, [skip], subscription],
  weekly_limit: [`usage_limit?claim=seven_day&resets=${resetsAt + 86400 * 2}`, [skip],
    subscription],
  near_limit: [`near_limit?resets=${resetsAt}`, [skip], subscription],
  server_limit: ['rate_limit', [skip], subscription],
  rate_limit: ['rate_limit', [skip]],
  overloaded: ['overloaded', [skip]],
  asked_again: ['overloaded', [skip], { CLAUDE_CODE_MAX_RETRIES: '1' }],
  server_error: ['server_error', [skip]],
  broken: ['broken', [skip]],
  no_connection: ['text', [skip], { ANTHROPIC_BASE_URL: 'http://127.0.0.1:9' }],
  unauthorized: ['unauthorized', [skip]],
  no_token: ['text', [skip], { ANTHROPIC_API_KEY: undefined }],
  expired_token: [refuse(401, 'authentication_error', 'OAuth token has expired.'), [skip],
    subscription],
  revoked_token: [refuse(403, 'permission_error', 'OAuth token has been revoked'), [skip],
    subscription],
  no_such_model: [refuse(404, 'not_found_error', 'model: claude-x'), [skip]],
  model_not_offered: [refuse(403, 'permission_error',
    'Your account does not have access to this model'), [skip]],
  prompt_too_long: [refuse(400, 'invalid_request_error',
    'prompt is too long: 250000 tokens > 200000 maximum'), [skip]],
  request_too_large: [refuse(413, 'request_too_large', 'Request exceeds the maximum size'), [skip]],
  no_credit: [refuse(400, 'invalid_request_error',
    'Your credit balance is too low to access the Anthropic API.'), [skip]],
};

// Long lists of the first line, and what is different each time and means nothing.
const dropped = ['slash_commands', 'terminal_slash_commands', 'agents', 'skills', 'plugins',
  'plugin_errors', 'memory_paths', 'mcp_servers', 'messaging_socket_path', 'capabilities',
  'timestamp', 'ttft_ms', 'ttft_stream_ms',
  'time_to_request_ms', 'first_content_frame_ms', 'tool_use_result'];
const uuid = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g;
const id = /\b(msg|toolu|req)_[0-9A-Za-z]{8,}\b/g;
const home = /\/tmp\/personas-claude-\w+/g;

function anonymous(lines) {
  const seen = new Map();
  const numbered = (kind) => (text) => {
    if (!seen.has(text)) seen.set(text, String(seen.size + 1).padStart(12, '0'));
    return kind(seen.get(text), text);
  };
  return lines.map((line) => {
    const short = Object.fromEntries(Object.entries(line)
      .filter(([key]) => !dropped.includes(key)));
    return JSON.stringify(short).replaceAll(home, '/workspace')
      .replaceAll(uuid, numbered((n) => `00000000-0000-4000-8000-${n}`))
      .replaceAll(id, numbered((n, text) => `${text.split('_')[0]}_${n}`))
      .replaceAll(/tmp-personas-claude-\w+/g, 'workspace')
      .replaceAll(/127\.0\.0\.1:\d+/g, 'stand-in');
  });
}

const api = await startMessagesApi();
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const ends = {};
for (const [name, [scenario, args, env, timeoutMs]] of Object.entries(cases)) {
  const answer = await runClaude(`SCENARIO:${scenario}\n`, { url: api.url, permissions: [], args,
    env: { CLAUDE_CODE_MAX_RETRIES: '0', ...env }, timeoutMs });
  writeFileSync(join(folder, `${name}.jsonl`),
    anonymous(answer.lines).map((line) => line + '\n').join(''));
  ends[name] = { exitCode: answer.code ?? 0, signal: answer.signal ? 9 : 0,
    stderr: answer.stderr.replaceAll(home, '/workspace') };
  process.stderr.write(`${name}: ${answer.lines.length} lines, ${answer.code ?? answer.signal}\n`);
}
writeFileSync(join(folder, 'cases.json'), JSON.stringify({
  recordedAt: new Date().toISOString(), resetsAt: new Date(resetsAt * 1000).toISOString(), ends,
}, null, 1) + '\n');
await api.stop();

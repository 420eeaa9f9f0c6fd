// The real CLIs against the stand-ins: a conversation goes on in another HOME and another working
// folder when its file is put there, as src/agents/session_files.hpp says, and nothing else.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync,
  writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { codex, gemini } from '../functional/lib/agents.mjs';
import { startGeminiApi } from '../gemini_api/server.mjs';
import { startResponsesApi } from '../responses_api/server.mjs';

const agents = [
  { name: 'codex', program: codex(), start: startResponsesApi,
    prepare: (home, url) => {
      mkdirSync(join(home, '.codex'), { recursive: true });
      writeFileSync(join(home, '.codex/config.toml'), ['model_provider = "personas"', '[features]',
        'plugins = false', '[model_providers.personas]', 'name = "OpenAI"',
        'wire_api = "responses"',
        `base_url = "${url}/v1"`, 'requires_openai_auth = true', ''].join('\n'));
    },
    env: () => ({ CODEX_API_KEY: 'sk-test' }),
    args: (id) => ['exec', ...(id ? ['resume'] : []), '--json', '--skip-git-repo-check',
      '--dangerously-bypass-approvals-and-sandbox', ...(id ? [id] : []), '-'],
    session: ({ type, thread_id: id }) => type === 'thread.started' ? id : null,
    file: /\/rollout-[^/]*\.jsonl$/, placed: (path) => path },
  { name: 'gemini', program: gemini(), start: startGeminiApi,
    prepare: (home) => {
      mkdirSync(join(home, '.gemini'), { recursive: true });
      writeFileSync(join(home, '.gemini/settings.json'), JSON.stringify({
        security: { auth: { selectedType: 'gemini-api-key' } },
        privacy: { usageStatisticsEnabled: false } }));
    },
    env: (url) => ({ GEMINI_API_KEY: 'AIza-test', GOOGLE_GEMINI_BASE_URL: url,
      GEMINI_CLI_NO_RELAUNCH: '1' }),
    args: (id) => ['--output-format', 'stream-json', '--skip-trust', '--yolo',
      ...(id ? ['--resume', id] : [])],
    session: ({ type, session_id: id }) => type === 'init' ? id : null,
    file: /\/chats\/session-[^/]*\.jsonl$/,
    placed: (path) => path.replace('/tmp/first/', '/tmp/second-place/') },
];

function filesUnder(folder) {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesUnder(path) : [path];
  });
}

async function run({ program, env, args }, { home, cwd, url, prompt, id }) {
  mkdirSync(cwd, { recursive: true });
  const child = spawn(program.path, args(id), { cwd, timeout: 60_000, killSignal: 'SIGKILL',
    env: { PATH: program.PATH, HOME: home, ...env(url) } });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => { output += chunk; });
  child.stderr.setEncoding('utf8').on('data', (chunk) => { errors += chunk; });
  child.stdin.end(prompt);
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  const lines = output.split('\n').filter(Boolean).map((line) => JSON.parse(line));
  return { code, errors, lines };
}

for (const agent of agents) {
  test(`${agent.name}: a conversation goes on elsewhere with nothing but its file`,
    { timeout: 180_000, skip: agent.program.missing ?? false }, async (t) => {
      const api = await agent.start();
      t.after(() => api.stop());
      const folder = mkdtempSync(join(tmpdir(), 'personas-resume-'));
      t.after(() => rmSync(folder, { recursive: true, force: true }));
      const homes = [join(folder, 'home1'), join(folder, 'home2')];
      for (const home of homes) agent.prepare(home, api.url);

      const first = await run(agent, { home: homes[0], cwd: join(folder, 'a/first'), url: api.url,
        prompt: 'The word is heron. SCENARIO:bash?command=echo%20one' });
      assert.equal(first.code, 0, first.errors);
      const id = first.lines.map(agent.session).find(Boolean);
      const kept = filesUnder(homes[0]).filter((path) => agent.file.test(path));
      assert.equal(kept.length, 1, `one file: ${kept}`);
      const before = readFileSync(kept[0]);

      const placed = join(homes[1], agent.placed(kept[0].slice(homes[0].length)));
      mkdirSync(dirname(placed), { recursive: true });
      cpSync(kept[0], placed);
      const second = await run(agent, { home: homes[1], cwd: join(folder, 'b/Second place'),
        url: api.url, prompt: 'Go on. SCENARIO:text', id });
      assert.equal(second.code, 0, second.errors);
      assert.equal(second.lines.map(agent.session).find(Boolean), id, 'it keeps its id');
      const last = api.requests.findLast(({ scenario }) => scenario === 'text');
      const asked = JSON.stringify(last.body);
      assert.match(asked, /The word is heron/);
      assert.match(asked, /echo one/);
      const after = readFileSync(placed);
      assert.ok(after.length > before.length);
      assert.ok(after.subarray(0, before.length).equals(before), 'only appended to');

      const lost = await run(agent, { home: homes[1], cwd: join(folder, 'b/Second place'),
        url: api.url, prompt: 'Go on.', id: '00000000-0000-4000-8000-000000000001' });
      assert.notEqual(lost.code, 0);
      assert.match(lost.errors, /no rollout found for thread|Error resuming session/);
    });
}

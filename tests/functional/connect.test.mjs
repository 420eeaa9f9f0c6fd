// Tokens and credentials from the command line, with the real agent CLI that tries tokens out.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startMessagesApi } from '../messages_api/server.mjs';
import { claudePath } from './lib/claude.mjs';
import { Deployment, binary } from './lib/program.mjs';

const token = 'sk-ant-oat01-CANARY-0123456789abcdefghijklmnopqrstuvwxyz';

test('secrets from the command line', { timeout: 200_000 }, async (t) => {
  const model = await startMessagesApi();
  t.after(() => model.stop());
  const deployment = await Deployment.make(t);
  const server = await deployment.serve();
  const api = deployment.api();
  const said = [];
  // Never spawnSync here: the model that the program asks lives in this process.
  const run = async (args, { input = '', env = {}, program = binary } = {}) => {
    const child = spawn(program, args, { cwd: deployment.folder, timeout: 100_000,
      env: { PATH: process.env.PATH, HOME: deployment.folder, LANG: 'C.UTF-8',
        PERSONAS_URL: deployment.url, PERSONAS_DATA_DIR: deployment.dataDir,
        TEAM_API_KEY: deployment.keys.TEAM_API_KEY, CLAUDE_PATH: claudePath(),
        ANTHROPIC_BASE_URL: model.url, ...env } });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (piece) => { text += piece; });
    }
    child.stdin.on('error', () => {}).end(input);
    const [code] = await once(child, 'close');
    said.push(text);
    return { code, text };
  };

  await t.test('a token that the provider refuses is not stored', async () => {
    const { code, text } = await run(['connect', 'claude', '--stdin'], { input: `${token}\n`,
      env: { ANTHROPIC_BASE_URL: `${model.url}/scenario/unauthorized` } });
    assert.notEqual(code, 0);
    assert.match(text, /refuses this token/);
    assert.equal((await api.get('/api/status')).token.configured, false);
  });

  await t.test('one that works is tried out with one question and stored', async () => {
    const { code, text } = await run(['connect', 'claude', '--stdin'], { input: `${token}\n` });
    assert.equal(code, 0, text);
    assert.match(text, /it works/);
    assert.equal(model.requests.filter(({ path }) => /\/v1\/messages/.test(path)).at(-1).key,
      `Bearer ${token}`);
    const state = (await api.get('/api/status')).token;
    assert.deepEqual([state.configured, state.source, state.expiryAssumed], [true, 'api', true]);
  });

  await t.test('at a terminal the token of claude setup-token is taken', async () => {
    await api.delete('/api/token');
    const cli = join(deployment.folder, 'claude');
    writeFileSync(cli, `#!/bin/sh\nif [ "$1" = setup-token ]; then\n` +
      `printf 'Your token:\\n\\n\\033[1m%s\\033[0m\\n\\nKeep it.\\n' ${token}\n` +
      `else exec '${claudePath()}' "$@"; fi\n`, { mode: 0o700 });
    const { code, text } = await run(['-qec', `${binary} connect claude`, '/dev/null'],
      { program: 'script', env: { CLAUDE_PATH: cli, TERM: 'xterm' } });
    said.pop(); // the CLI itself shows the token to the person who asked for it
    assert.equal(code, 0, text);
    assert.match(text, /stored the token of claude: it works/);
    assert.equal((await api.get('/api/status')).token.configured, true);
  });

  await t.test('a credential is stored, linked, listed, replaced and deleted', async () => {
    await api.shellPersona('Worker', 'true');
    const input = JSON.stringify({ url: 'https://git.example', token: 'glpat-CANARY-1' });
    assert.equal((await run(['credential', 'add', 'gitlab', '--type', 'gitlab', '--stdin'],
      { input })).code, 0);
    const [stored] = await api.get('/api/credentials');
    // The command line gave it as a text; the server sees that it is an object.
    assert.deepEqual(stored.fields, ['url', 'token']);
    assert.equal((await run(['credential', 'link', 'gitlab', 'Worker'])).code, 0);
    assert.match((await run(['credential', 'ls'])).text, /gitlab/);
    assert.match((await run(['credential', 'rm', 'gitlab'])).text, /'Worker'/);
    assert.equal((await run(['credential', 'add', 'gitlab', '--replace', '--stdin'],
      { input: 'glpat-CANARY-2' })).code, 0);
    assert.deepEqual((await api.get(`/api/credentials/${stored.id}`)).fields, []);
    assert.equal((await run(['credential', 'unlink', 'gitlab', 'Worker'])).code, 0);
    assert.equal((await run(['credential', 'rm', 'gitlab'])).code, 0);
    assert.deepEqual(await api.get('/api/credentials'), []);
  });

  await t.test('for another machine it is sealed', async () => {
    // The same server by another name: not loopback to the command line.
    const { code, text } = await run(['credential', 'add', 'far', '--stdin'], {
      input: 'CANARY-far-value', env: { PERSONAS_URL: `http://0.0.0.0:${deployment.httpPort}` } });
    assert.equal(code, 0, text);
    assert.equal((await api.get('/api/credentials')).length, 1);
  });

  assert.ok(!said.join('').includes('CANARY'), 'a secret was shown');
  assert.ok(!server.log.includes('CANARY'), 'a secret is in the log');
});

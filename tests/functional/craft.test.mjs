// Personas as a craft, through the command line: groups, versions, templates, library, prompt,
// export and import, on the demo agent and on the real agent CLI with the stand-in model behind it.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { startMessagesApi } from '../messages_api/server.mjs';
import { claudePath } from './lib/claude.mjs';
import { Deployment } from './lib/program.mjs';

const goodToken = 'glpat-good-0123456789abc';

const good = (result) => {
  assert.equal(result.code, 0, `${result.stdout}\n${result.stderr}`);
  return result.stdout;
};

test('personas as a craft', { timeout: 240_000 }, async (t) => {
  const model = await startMessagesApi();
  t.after(() => model.stop());
  const deployment = await Deployment.make(t);
  await deployment.serve({ CLAUDE_TOKEN: 'sk-ant-canary-0123456789' });
  await deployment.worker('w1', { CLAUDE_PATH: claudePath(), PERSONAS_SANDBOX: 'auto',
    ANTHROPIC_BASE_URL: model.url, CLAUDE_CODE_MAX_RETRIES: '0' });
  const api = deployment.api();
  const run = (...args) => good(deployment.command(...args));
  const personaNamed = async (name) =>
    (await api.get('/api/personas?limit=500')).find((persona) => persona.name === name);

  await t.test('files make groups, tools and personas, and are found by their group', () => {
    writeFileSync(join(deployment.folder, 'team.yaml'), `kind: Group
name: Mail
description: Everything about mail
---
kind: Tool
name: sorter
implementationGuide: |
  Sort by hand.
---
name: Sorter
systemPrompt: |
  You sort.
  Be quick.
backend: command
permissionPolicy: {command: [cat]}
tools: [sorter, http]
group: Mail
`);
    const made = run('apply', '-f', 'team.yaml');
    assert.match(made, /^created group Mail .*\ncreated tool sorter .*\ncreated persona S/);
    assert.match(run('apply', '-f', 'team.yaml'), /unchanged persona Sorter/);
    assert.match(run('ls', 'groups'), /Mail/);
    assert.match(run('ls', '--group', 'Mail'), /^Sorter /m);
    assert.match(run('tool', 'library'), /http .*installed/);
  });

  await t.test('versions are listed, compared and restored; runs remember theirs', async () => {
    const persona = await personaNamed('Sorter');
    const before = await api.completed(await api.execute(persona.id));
    assert.equal(before.personaVersion, 1);
    await api.patch(`/api/personas/${persona.id}?note=slower`,
      { systemPrompt: 'You sort.\nTake your time.\n', maxTurns: 3 });
    assert.equal((await api.completed(await api.execute(persona.id))).personaVersion, 2);
    assert.match(run('persona', 'versions', 'Sorter'), /^2 .*systemPrompt, maxTurns.*slower/m);
    assert.match(run('persona', 'diff', 'Sorter'),
      /systemPrompt\n {6}You sort\.\n {4}- Be quick\.\n {4}\+ Take your time\.\n/);
    assert.match(run('persona', 'restore', 'Sorter', '1'), /this is version 3/);
    const restored = await api.completed(await api.execute(persona.id));
    assert.equal(restored.personaVersion, 3);
    assert.match(restored.output, /Be quick\./);
    assert.match(run('persona', 'diff', 'Sorter', '1', '3'), /no difference/);
  });

  await t.test('the prompt shown is the prompt given', async () => {
    const persona = await personaNamed('Sorter');
    const shown = run('prompt', 'Sorter', 'Sort today.', '--input', '{"day":"today"}');
    const real = await api.completed(await api.execute(persona.id,
      { prompt: 'Sort today.', inputData: { day: 'today' } }));
    // Marks are random and the time goes on; all else is equal.
    const same = (text) => text.trim().replace(/\b[0-9a-f]{32}\b/g, 'NONCE')
      .replace(/The time is \S+/g, 'The time is NOW');
    assert.match(same(shown), /NONCE/);
    assert.equal(same(shown), same(real.output));
  });

  await t.test('every template runs on the demo agent and on the real CLI', async () => {
    const list = JSON.parse(run('new', '--list', '--json'));
    assert.equal(list.length, 8);
    const executions = await Promise.all(list.map(async ({ id, title }) => {
      run('new', '--template', id, '--name', title);
      const persona = await personaNamed(title);
      assert.equal(persona.backend, 'claude');
      const demo = await api.completed(await api.execute(persona.id,
        { config: { backend: 'demo' } }));
      assert.equal(demo.outcome.accomplished, true, id);
      return api.execute(persona.id, { prompt: 'Begin. SCENARIO:protocols' });
    }));
    for (const id of executions) {
      const execution = await api.completed(id, 120_000);
      assert.equal(execution.outcome.accomplished, true);
      assert.equal(execution.personaVersion, 1);
    }
    const taken = deployment.command('new', '--template', list[0].id, '--name', list[0].title);
    assert.notEqual(taken.code, 0);
    assert.match(taken.stderr, /give another one/);
  });

  await t.test('export, import elsewhere, export: the same bytes, and no secret', async (sub) => {
    const { id } = await personaNamed('Sorter');
    await api.patch(`/api/personas/${id}`, { webhookSecret: 'canary-webhook-secret', maxTurns: 9,
      structuredPrompt: { identity: 'You:\n  "sort" # mail\n\n', customSections: [
        { title: 'Tone', content: '- kind\n- short' }] },
      retry: { maxAttempts: 2 }, requires: { capabilities: ['command'], labels: { zone: 'a' } } });
    const other = await Deployment.make(sub);
    await other.serve();
    for (const name of ['Sorter', 'Code reviewer']) {
      run('export', name, '-o', 'out.yaml');
      const bytes = readFileSync(join(deployment.folder, 'out.yaml'), 'utf8');
      assert.ok(!bytes.includes('canary'), 'holds no secret');
      assert.ok(!/\b(per|tool|grp)_[0-9a-z]{20}/.test(bytes), 'holds no id');
      writeFileSync(join(other.folder, 'in.yaml'), bytes);
      const dry = other.command('import', 'in.yaml');
      assert.match(good(dry), /created persona/);
      assert.match(dry.stderr, /--yes/);
      assert.ok(!(await other.api().get('/api/personas')).some((made) => made.name === name));
      assert.match(good(other.command('import', 'in.yaml', '--yes')), /created persona/);
      assert.equal(good(other.command('export', name)), bytes);
      assert.match(other.command('import', 'in.yaml').stderr, /nothing to change/);
    }
    const changed = readFileSync(join(other.folder, 'in.yaml'), 'utf8')
      .replace(/^maxTurns: .*\n/m, 'maxTurns: 7\n');
    writeFileSync(join(other.folder, 'in.yaml'), changed);
    assert.match(good(other.command('import', 'in.yaml')),
      /updated persona Code reviewer .*\n {2}maxTurns\n {4}- 60\n {4}\+ 7\n/);
  });

  await t.test('a credential is tried by a worker on its service', async () => {
    const seen = [];
    const service = createServer((request, response) => {
      seen.push(request.headers['private-token']);
      response.writeHead(request.url === '/api/v4/user' &&
        request.headers['private-token'] === goodToken ? 200 : 401).end('{"name":"somebody"}');
    });
    await new Promise((resolve) => { service.listen(0, '127.0.0.1', resolve); });
    t.after(() => service.close());
    const base = `http://127.0.0.1:${service.address().port}`;
    const store = (name, fields) => api.post('/api/credentials',
      { name, serviceType: 'gitlab', fields });
    const works = await store('works', { token: goodToken, base_url: base });
    await store('refused', { token: 'glpat-wrong-0123456789abc', base_url: base });
    await store('nowhere', { token: goodToken, base_url: 'http://127.0.0.1:1' });
    await store('half', { base_url: base });
    const check = (name) => deployment.commandAside('connector', 'check', name);
    assert.match((await check('works')).stdout, /^GitLab takes the credential$/m);
    const failure = async (name) => {
      const result = await check(name);
      assert.notEqual(result.code, 0);
      return result.stderr;
    };
    assert.match(await failure('refused'), /GitLab refuses the credential: 401/);
    assert.match(await failure('nowhere'), /cannot be reached/);
    assert.match(await failure('half'), /fields.token: is missing|lacks what GitLab needs/);
    assert.deepEqual(seen, [goodToken, 'glpat-wrong-0123456789abc']);
    const { executionId } = await api.post(`/api/credentials/${works.id}/check`);
    const execution = await api.completed(executionId);
    assert.equal(execution.source, 'test');
    assert.ok(!JSON.stringify(execution).includes(goodToken));
    assert.ok(!execution.output.includes('somebody'), 'the answer stays with the worker');
    const { id } = await personaNamed('Code reviewer');
    await api.post(`/api/personas/${id}/credentials`, { credentialId: works.id });
    assert.match(run('prompt', 'Code reviewer'), /^- `CONNECTOR_WORKS_TOKEN`$/m);
  });

  await t.test('connectors say what they need and where to get it', () => {
    assert.match(run('connector', 'ls'), /gitlab/);
    assert.match(run('connector', 'show', 'gitlab'), /token .*secret\n.*Access tokens/);
    assert.notEqual(deployment.command('connector', 'show', 'none').code, 0);
  });
});

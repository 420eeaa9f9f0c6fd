// The tour of docs/tour.md: every command of it is run for real, with the real agent CLI on the
// stand-in model and a stand-in of the service it works on; then the page is compared with what
// was seen. PERSONAS_UPDATE_DOCS=1 writes the page instead.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { claudePath } from '../functional/lib/claude.mjs';
import { binary, Deployment } from '../functional/lib/program.mjs';
import { waitFor } from '../functional/lib/wait.mjs';
import { startMessagesApi } from '../messages_api/server.mjs';
import { startGitlab } from './gitlab.mjs';

const docs = fileURLToPath(new URL('../../docs/', import.meta.url));
const token = 'glpat-0123456789abcdefghij';

// A command as a person types it: {code, output}. Both streams together, as a terminal shows them.
class Shell {
  constructor(deployment) {
    this.cwd = deployment.folder;
    this.env = { PATH: process.env.PATH, HOME: deployment.folder, LANG: 'C.UTF-8', TZ: 'UTC',
      PERSONAS_URL: deployment.url, TEAM_API_KEY: deployment.keys.TEAM_API_KEY };
  }

  start(args, input) {
    const child = spawn(binary, args, { cwd: this.cwd, env: this.env });
    const seen = { output: '' };
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => { seen.output += text; });
    }
    child.stdin.end(input ?? '');
    seen.ended = new Promise((resolve) => child.on('close', (code) => resolve(code)));
    return seen;
  }

  async run(args, input) {
    const seen = this.start(args, input);
    seen.code = await seen.ended;
    return seen;
  }
}

// Ids, times and amounts differ from run to run; the page shows one run's.
const shape = (text) => text
  .replace(/\b(exe|rev|per|tool|cred|mem|msg|evt)_[0-9a-z.]+/g, '$1_…')
  .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<uuid>')
  .replace(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?Z?/g, '<time>')
  .replace(/\b\d\d:\d\d(:\d\d)?\b/g, '<time>')
  .replace(/\b\d+(\.\d+)? ?(ms|s|m|h|d)\b( \d+s)?/g, '<span>')
  .replace(/\$\d+(\.\d+)?/g, '<cost>')
  .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:<port>')
  .replace(/[ \t]+/g, ' ').replace(/-{2,}/g, '--').replace(/ +\n/g, '\n');

// The page is text with blocks ```console, each one command and what it printed.
class Page {
  constructor(file) {
    this.file = file;
    this.text = readFileSync(file, 'utf8');
  }

  blocks() {
    return [...this.text.matchAll(/```console\n\$ (personas [^\n]*)\n([\s\S]*?)```\n/g)]
      .map(([, command, output]) => ({ command, output }));
  }

  replace(command, output) {
    const start = this.text.indexOf(`\`\`\`console\n$ ${command}\n`);
    const end = this.text.indexOf('```\n', start + 3);
    this.text = `${this.text.slice(0, start)}\`\`\`console\n$ ${command}\n${output}${
      this.text.slice(end)}`;
  }
}

// The words of a command line; quotes keep blanks together.
const words = (command) => [...command.matchAll(/"([^"]*)"|(\S+)/g)]
  .map(([, quoted, bare]) => quoted ?? bare).slice(1);

test('the tour is what really happens', { timeout: 240_000 }, async (t) => {
  const model = await startMessagesApi();
  t.after(() => model.stop());
  const gitlab = await startGitlab(token);
  t.after(() => gitlab.stop());
  const deployment = await Deployment.make(t);
  await deployment.serve({ CLAUDE_TOKEN: 'sk-ant-tour-0123456789' });
  await deployment.worker('laptop', { CLAUDE_PATH: claudePath(), PERSONAS_SANDBOX: 'auto',
    ANTHROPIC_BASE_URL: `${model.url}/scenario/tour` });
  copyFileSync(join(docs, 'tour/triage.yaml'), join(deployment.folder, 'triage.yaml'));
  const shell = new Shell(deployment);
  const page = new Page(join(docs, 'tour.md'));
  const api = deployment.api();

  const filled = (command) => command.replace('https://gitlab.example', gitlab.url);
  const shown = (text) => text.replaceAll(gitlab.url, 'https://gitlab.example');
  const run = async ({ command }) => {
    const input = command.includes('--stdin') ? JSON.stringify({ token, url: gitlab.url }) : '';
    const seen = await shell.run(words(filled(command)), input);
    assert.equal(seen.code, 0, `${command}\n${seen.output}`);
    return shown(seen.output);
  };

  // The followed run waits for the answer that the next command of the page gives.
  const blocks = page.blocks();
  const following = blocks.findIndex(({ command }) => command.includes('--follow'));
  assert.ok(following > 0, 'the page follows a run');
  const outputs = new Map();
  for (const block of blocks.slice(0, following)) outputs.set(block, await run(block));
  const followed = shell.start(words(blocks[following].command));
  await waitFor('the question', async () => (await api.get('/api/reviews/pending')).length === 1);
  await waitFor('the run to say that it waits', () => /approve/.test(followed.output));
  await waitFor('the run to rest', async () =>
    (await api.get('/api/executions'))[0].parked === 'review');
  for (const block of blocks.slice(following + 1, following + 3)) {
    outputs.set(block, await run(block));
  }
  assert.equal(await followed.ended, 0, followed.output);
  outputs.set(blocks[following], shown(followed.output));
  for (const block of blocks.slice(following + 3)) outputs.set(block, await run(block));

  await t.test('it read, decided, asked, acted, remembered, published and reported', async () => {
    assert.equal(gitlab.refused, 0);
    assert.deepEqual(gitlab.issues.map(({ iid, labels }) => [iid, labels]),
      [[41, []], [42, ['incident']]]);
    assert.deepEqual(gitlab.notes.map(({ iid }) => iid), [42]);
    const [execution] = await api.get('/api/executions');
    assert.equal(execution.status, 'completed', JSON.stringify(execution));
    assert.equal(execution.outcome.accomplished, true);
    const events = await api.get('/api/events');
    assert.equal(events.filter(({ eventType }) => eventType === 'issues.triaged').length, 1);
    const memories = await api.get(`/api/personas/${execution.personaId}/memories`);
    assert.deepEqual(memories.map(({ importance }) => importance), [8]);
  });

  await t.test('the conversation was continued, not begun again', () => {
    const asked = model.requests.filter(({ scenario }) => scenario === 'tour');
    const users = asked.at(-1).messages.filter(({ role }) => role === 'user');
    assert.match(JSON.stringify(users), /approved/i);
    assert.match(JSON.stringify(users), /Checkout charges twice/);
  });

  await t.test('the token is in nothing that was shown or said to the model', () => {
    for (const output of outputs.values()) assert.ok(!output.includes(token), output);
    assert.ok(!JSON.stringify(model.requests).includes(token));
  });

  if (process.env.PERSONAS_UPDATE_DOCS) {
    for (const [{ command }, output] of outputs) page.replace(command, output);
    writeFileSync(page.file, page.text);
    return;
  }
  for (const [{ command, output }, seen] of outputs) {
    await t.test(`the page shows what \`${command}\` prints`, () => {
      // What a run prints and what it does reach the follower on two ways: their order varies.
      const lines = (text) => command.includes('--follow') ? shape(text).split('\n').sort()
        : shape(text).split('\n');
      assert.deepEqual(lines(seen), lines(output));
    });
  }
});

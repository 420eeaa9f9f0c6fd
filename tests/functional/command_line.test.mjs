// The command line as a person and as a program meet it: in a terminal, in a pipe, interrupted.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { Deployment, binary } from './lib/program.mjs';
import { Terminal } from './lib/terminal.mjs';

const line = (value) => `printf '%s\\n' '${JSON.stringify(value)}'`;
const says = (content) => line({ type: 'assistant', message: { model: 'opus', content } });
const begun = [
  line({ type: 'system', subtype: 'init', session_id: 's1', tools: [], model: 'opus' }),
  says([{ type: 'text', text: 'I look around' },
    { type: 'tool_use', id: 't1', name: 'Bash', input: { command: 'ls' } }]),
].join('\n');
const ended = [
  line({ type: 'user', message: { content: [
    { type: 'tool_result', tool_use_id: 't1', content: 'a.cpp' }] } }),
  says([{ type: 'text', text: 'All done' }]),
  line({ type: 'result', subtype: 'success', is_error: false, num_turns: 2, result: 'All done',
    session_id: 's1', total_cost_usd: 0, usage: {} }),
].join('\n');

test('the command line', { timeout: 150_000 }, async (t) => {
  const deployment = await Deployment.make(t);
  await deployment.up({ PERSONAS_SANDBOX: 'none' });
  const api = deployment.api();
  await api.shellPersona('looker', `${begun}\nsleep 2\n${ended}`);
  await api.shellPersona('endless', `${begun}\nexec sleep 600`);
  const env = { PATH: process.env.PATH, HOME: deployment.folder, LANG: 'C.UTF-8',
    PERSONAS_URL: deployment.url, PERSONAS_DATA_DIR: deployment.dataDir };
  const terminals = [];
  t.after(() => terminals.forEach((terminal) => terminal.kill()));
  const terminal = (args, options = {}) => {
    const made = new Terminal([binary, ...args], { env, cwd: deployment.folder, ...options });
    terminals.push(made);
    return made;
  };
  const spinner = /[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]/u;

  await t.test('shows a run live, and nothing of the live line stays behind', async () => {
    const seen = terminal(['run', 'looker', 'Look', '--follow'], { columns: 60 });
    await seen.shows(/→ Bash: ls\n.*Bash \ds · \ds/u);
    seen.type('keys are not echoed\n');
    const ending = await seen.ended;
    assert.deepEqual(ending, { code: 0, canonical: true, echo: true });
    const text = seen.text();
    assert.match(text, /I look around\n→ Bash: ls\n← Bash: \d\.\d s, 5 bytes\nAll done\ncompleted/);
    assert.doesNotMatch(text, spinner);
    assert.doesNotMatch(text, /echoed/);
  });

  await t.test('survives a window that becomes narrow', async () => {
    const seen = terminal(['run', 'looker', 'Look', '--follow'], { columns: 120 });
    await seen.shows(/Bash \ds/u);
    seen.resize(20, 10);
    assert.equal((await seen.ended).code, 0);
    assert.match(seen.text(), /All done/);
  });

  let id;
  await t.test('Ctrl-C asks; detached, the run goes on', async () => {
    const seen = terminal(['run', 'endless', 'Wait', '--follow']);
    await seen.shows(/→ Bash: ls/);
    id = seen.text().match(/exe_\w+/)[0];
    seen.type('\x03');
    await seen.shows(/d\(etach\), c\(ancel\)/);
    seen.type('x');
    await seen.shows(/Bash \d+s/u);
    seen.type('\x03');
    await seen.shows(/d\(etach\), c\(ancel\)/);
    seen.type('d');
    assert.deepEqual(await seen.ended, { code: 5, canonical: true, echo: true });
    assert.match(seen.text(), new RegExp(`personas logs ${id} --follow`));
    assert.equal((await api.execution(id)).status, 'running');
  });

  await t.test('followed in a pipe it is plain, and Ctrl-C leaves at once', async () => {
    const child = spawn(binary, ['logs', id, '--follow'], { env, cwd: deployment.folder });
    let output = '';
    child.stderr.setEncoding('utf8').on('data', (text) => { output += text; });
    await new Promise((resolve) => {
      child.stderr.on('data', () => { if (/→ Bash: ls/.test(output)) resolve(); });
    });
    child.kill('SIGINT');
    const code = await new Promise((resolve) => { child.on('close', resolve); });
    assert.equal(code, 5);
    assert.doesNotMatch(output, /\x1b|⠋/u);
  });

  await t.test('Ctrl-C twice leaves too; c cancels and follows to the end', async () => {
    const twice = terminal(['logs', id, '--follow']);
    await twice.shows(/Bash \d+s/u);
    twice.type('\x03');
    await twice.shows(/d\(etach\)/);
    twice.type('\x03');
    assert.equal((await twice.ended).code, 5);
    const last = terminal(['logs', id, '--follow']);
    await last.shows(/Bash \d+s/u);
    last.type('\x03');
    await last.shows(/d\(etach\)/);
    last.type('c');
    assert.deepEqual(await last.ended, { code: 3, canonical: true, echo: true });
    assert.equal((await api.execution(id)).status, 'cancelled');
  });

  await t.test('a signal gives the terminal back', async () => {
    const seen = terminal(['run', 'endless', 'Wait', '--follow']);
    await seen.shows(/Bash \d+s/u);
    const { pid } = (await import('./lib/processes.mjs')).descendants(seen.child.pid)
      .find(({ command }) => command.includes('endless'));
    process.kill(pid, 'SIGTERM');
    assert.deepEqual(await seen.ended, { code: 143, canonical: true, echo: true });
    deployment.command('cancel', 'last');
  });

  await t.test('--json is one object a line', () => {
    const run = deployment.command('run', 'looker', 'Look', '--follow', '--json');
    assert.equal(run.code, 0, run.stderr);
    const events = run.stdout.trim().split('\n').map((text) => JSON.parse(text));
    assert.ok(events.some(({ event }) => event === 'execution.output'));
    assert.equal(events.at(-1).status, 'completed');
  });

  await t.test('alone it says what to do next, at once', () => {
    const begin = performance.now();
    const alone = deployment.command();
    assert.ok(performance.now() - begin < 2_000);
    assert.equal(alone.code, 0, alone.stderr);
    assert.match(alone.stdout, /personas connect claude/);
    const nowhere = deployment.command('--version');
    assert.equal(nowhere.code, 0);
  });

  await t.test('doctor finds what is wrong and mends what is safe', () => {
    const key = join(deployment.dataDir, 'team.key');
    chmodSync(key, 0o644);
    const found = deployment.command('doctor', '--json');
    assert.equal(found.code, 1, found.stderr);
    const { findings } = JSON.parse(found.stdout);
    const finding = findings.find(({ id: name }) => name === 'data.keys');
    assert.equal(finding.verdict, 'problem');
    assert.ok(!found.stdout.includes(deployment.keys.TEAM_API_KEY), 'no secret is shown');
    const fixed = deployment.command('doctor', '--fix');
    assert.match(fixed.stderr, /has mode 0600 now/);
    assert.doesNotMatch(fixed.stdout, /open to others/);
  });

  await t.test('the exit codes of the help are those of the documentation', () => {
    const help = deployment.command('run', '--help').stdout.split('Exit codes:\n')[1];
    const codes = [...help.matchAll(/^ {2}(\d+) +(.+)$/gm)];
    assert.ok(codes.length > 10, help);
    const page = readFileSync(new URL('../../docs/command-line.md', import.meta.url), 'utf8');
    for (const [, code, meaning] of codes) {
      const row = `| ${code} | ${meaning} |`;
      assert.ok(page.replaceAll('`', '').includes(row), row);
    }
  });

  await t.test('a typing mistake is met with what was meant', () => {
    const wrong = deployment.command('exeute');
    assert.equal(wrong.code, 2);
    const near = deployment.command('statsu');
    assert.match(near.stderr, /did you mean.*status/i);
    const persona = deployment.command('run', 'loker', 'x');
    assert.match(persona.stderr, /did you mean "looker"/);
  });
});

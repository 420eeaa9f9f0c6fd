#!/usr/bin/env node
// What the platform adds to an agent: time and memory per run, and the way of a line to a follower.
//
//   PERSONAS_BINARY=build/release/personas node bench/agents.mjs [--runs N] [--json FILE]
//
// Needs the tests' npm packages (scripts/test installs them): the real agent CLI runs on the
// stand-in model of tests/messages_api. Bare and platform runs alternate, so that both see the
// same machine; medians of N pairs.
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { startMessagesApi } from '../tests/messages_api/server.mjs';
import { claudePath, runClaude } from '../tests/functional/lib/claude.mjs';
import { binary, Deployment } from '../tests/functional/lib/program.mjs';
import { descendants } from '../tests/functional/lib/processes.mjs';

const option = (name, fallback) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? fallback : process.argv[at + 1];
};
const runs = Number(option('--runs', '15'));
const limits = { 'added to a run of the agent CLI': 30, 'a whole run of `true`': 30,
  'memory of a run beside the agent': 10, 'line to a follower, p50': 5 };

const undo = [];
const atEnd = { after: (fn) => undo.push(fn), diagnostic: console.error };
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const percentile = (values, share) =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))];
const wallClockMs = () => performance.timeOrigin + performance.now();

// Proportional set size: shared pages of the one binary are counted once over its processes.
function pssKb(pid) {
  try {
    return Number(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8').match(/^Pss:\s+(\d+)/m)[1]);
  } catch {
    return 0;
  }
}

async function timed(action) {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

async function runOf(api, persona, prompt) {
  const answer = await api.post('/api/execute?wait=60s', { prompt, personaId: persona.id });
  if (answer.status !== 'completed') throw new Error(JSON.stringify(answer));
}

async function overheadOfCli(api, model) {
  const persona = await api.post('/api/personas', { name: 'bench', backend: 'claude' });
  const bare = [];
  const ours = [];
  for (let i = 0; i <= runs; i += 1) {
    const alone = await timed(() => runClaude('Please. SCENARIO:tool', { url: model.url }));
    const whole = await timed(() => runOf(api, persona, 'Please. SCENARIO:tool'));
    if (i === 0) continue; // both warm up
    bare.push(alone);
    ours.push(whole);
  }
  const added = ours.map((value, index) => value - bare[index]);
  return { 'the agent CLI alone, two turns': [median(bare), 'ms'],
    'added to a run of the agent CLI': [median(added), 'ms'] };
}

async function overheadOfTrue(api) {
  const persona = await api.shellPersona('nothing', 'exit 0');
  const whole = [];
  for (let i = 0; i < 4 * runs; i += 1) whole.push(await timed(() => runOf(api, persona, 'x')));
  return { 'a whole run of `true`': [median(whole.slice(runs)), 'ms'] };
}

// Everything of ours that exists while an agent runs and not before: the supervisor and what the
// worker and the orchestrator grow by.
async function memoryOfRun(api, server, worker) {
  const mine = () => [server.pid, worker.pid, ...descendants(worker.pid).map(({ pid }) => pid)]
    .filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('personas'))
    .reduce((sum, pid) => sum + pssKb(pid), 0);
  const persona = await api.shellPersona('sleeper', 'echo here; exec sleep 600',
    { maxConcurrent: 4 });
  const before = mine();
  const ids = [];
  for (let i = 0; i < 4; i += 1) ids.push(await api.execute(persona.id));
  for (const id of ids) await api.reached(id, 'writing', ({ output }) => output?.includes('here'));
  const grown = (mine() - before) / 4 / 1024;
  for (const id of ids) await api.post(`/api/executions/${id}/cancel`);
  for (const id of ids) await api.finished(id);
  return { 'memory of a run beside the agent': [grown, 'MB'] };
}

async function lineToFollower(api, deployment) {
  const lines = 300;
  const script = `let n = 0; const t = setInterval(() => {
    console.log('at ' + (performance.timeOrigin + performance.now()));
    if (++n === ${lines}) clearInterval(t);
  }, 20);`;
  const persona = await api.post('/api/personas', { name: 'clock', backend: 'command',
    permissionPolicy: { command: [process.execPath, '-e', script] } });
  const id = await api.execute(persona.id);
  const follower = spawn(binary, ['logs', id, '--follow', '--raw'], { stdio: ['ignore', 'pipe',
    'ignore'], env: { PATH: process.env.PATH, HOME: deployment.folder, TEAM_API_KEY:
    deployment.keys.TEAM_API_KEY, PERSONAS_URL: deployment.url } });
  const waits = [];
  let rest = '';
  follower.stdout.setEncoding('utf8').on('data', (text) => {
    const now = wallClockMs();
    const whole = (rest + text).split('\n');
    rest = whole.pop();
    for (const line of whole) waits.push(now - Number(line.split(' ')[1]));
  });
  await new Promise((resolve) => follower.on('close', resolve));
  const live = waits.slice(20).filter((value) => value >= 0); // it had to connect first
  return { 'line to a follower, p50': [median(live), 'ms'],
    'line to a follower, p99': [percentile(live, 0.99), 'ms'] };
}

const model = await startMessagesApi();
undo.push(() => model.stop());
const deployment = await Deployment.make(atEnd, { PERSONAS_RATE_LIMIT: '0' });
let figures = {};
try {
  const server = await deployment.serve({ CLAUDE_TOKEN: 'sk-ant-bench-0123456789' });
  const worker = await deployment.worker('w1', { CLAUDE_PATH: claudePath(),
    PERSONAS_SANDBOX: 'auto', ANTHROPIC_BASE_URL: model.url, PERSONAS_WORKER_SLOTS: '4' });
  const api = deployment.api();
  figures = { ...await overheadOfTrue(api), ...await overheadOfCli(api, model),
    ...await memoryOfRun(api, server, worker), ...await lineToFollower(api, deployment) };
} finally {
  for (const step of undo) await step();
}

const rows = Object.entries(figures).map(([figure, [value, unit]]) => ({ scenario: 'agents', figure,
  unit, value, must: limits[figure] ?? null, better: 'lower' }));
const version = spawnSync(claudePath(), ['--version'], { encoding: 'utf8' }).stdout.trim();
console.error(`CLI ${version}, medians of ${runs} pairs`);
for (const { figure, value, unit } of rows) {
  console.error(`  ${figure}: ${value.toFixed(2)} ${unit}`);
}
const out = option('--json');
if (out) writeFileSync(out, JSON.stringify({ rows, failures: [] }));

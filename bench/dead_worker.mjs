#!/usr/bin/env node
// What a dead worker costs: real processes, the program's own times (lease, ping, silence).
//
//   PERSONAS_BINARY=build/release/personas node bench/dead_worker.mjs --json FILE
//
// Two workers, and a run on one of them that is killed (its connection breaks) or stopped (it only
// falls silent, like a machine that lost its network). Until the orchestrator no longer lists it,
// and until the other worker's agent has written. The agent that was killed must be dead by then.
import { writeFileSync } from 'node:fs';
import { Deployment } from '../tests/functional/lib/program.mjs';
import { waitFor } from '../tests/functional/lib/wait.mjs';

const scenario = 'dead-worker';
const limits = { detected: 12, continues: 20 };
const patienceMs = 60_000;

// The defaults; Deployment shortens them for tests.
const defaults = { PERSONAS_LEASE: '18s', PERSONAS_PING_INTERVAL: '4s', PERSONAS_DEAD_AFTER: '11s',
  PERSONAS_RATE_LIMIT: '0' };

const isAlive = (pid) => {
  try { return process.kill(pid, 0); } catch { return false; }
};

async function trial(api, deployment, how) {
  const workers = new Map();
  for (const id of [`${how}-1`, `${how}-2`]) workers.set(id, await deployment.worker(id));
  // Says who it is, and then does nothing until it is ended.
  const persona = await api.shellPersona(how, 'echo "agent $$"; exec sleep 300');
  const id = await api.execute(persona.id);
  const first = await api.reached(id, 'writing', ({ output }) => output?.includes('agent'));
  const agent = Number(first.output.match(/agent (\d+)/)[1]);
  const since = performance.now();
  const seconds = () => (performance.now() - since) / 1000;
  workers.get(first.workerId).signal(how);
  const detected = waitFor('the worker to be missed', async () => {
    const { workers: listed } = await api.get('/api/status');
    return listed.every(({ workerId }) => workerId !== first.workerId) && seconds();
  }, patienceMs);
  const continued = api.reached(id, 'running elsewhere', ({ attempt, workerId, output }) =>
    attempt === 2 && workerId !== first.workerId && output?.includes('agent'), patienceMs)
    .then(() => seconds());
  const figures = { detected: await detected, continues: await continued };
  if (isAlive(agent)) throw new Error(`agent ${agent} of the first attempt still runs`);
  await api.post(`/api/executions/${id}/cancel`);
  await api.finished(id);
  if (how === 'SIGSTOP') workers.get(first.workerId).signal('SIGCONT');
  for (const worker of workers.values()) await worker.stop(5_000);
  return figures;
}

const undo = [];
const atEnd = { after: (fn) => undo.push(fn), diagnostic: console.error };
const deployment = await Deployment.make(atEnd, defaults);
const rows = [];
const failures = [];
try {
  await deployment.serve();
  const api = deployment.api();
  for (const [how, words] of [['SIGKILL', 'killed'], ['SIGSTOP', 'silent']]) {
    const figures = await trial(api, deployment, how);
    for (const [name, must] of Object.entries(limits)) {
      const what = name === 'detected' ? 'no longer counted on' : 'its run goes on elsewhere';
      rows.push({ scenario, figure: `a worker that is ${words}: ${what} after`, unit: 's',
        value: figures[name], must, better: 'lower' });
    }
  }
} catch (error) {
  failures.push(`${scenario}: ${error.stack}`);
} finally {
  for (const step of undo) await step();
}
for (const { figure, value } of rows) console.error(`  ${figure}: ${value.toFixed(2)} s`);
for (const failure of failures) console.error(failure);
const at = process.argv.indexOf('--json');
if (at >= 0) writeFileSync(process.argv[at + 1], JSON.stringify({ rows, failures }));
process.exitCode = failures.length > 0 ? 2 : 0;

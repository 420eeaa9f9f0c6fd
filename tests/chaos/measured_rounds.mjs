// Rounds that measure: how soon a dead worker is known and its runs go on elsewhere under the
// default settings, and how soon hundreds of running leases are theirs again after the orchestrator
// was killed. The times are taken from the history; the history is judged like any other.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '../functional/lib/wait.mjs';
import { personaOf, readWitness } from './agents.mjs';
import { Clients, ask } from './clients.mjs';
import { Round } from './round.mjs';

const held = { kind: 'held', n: [1, 1], fields: { retry: undefined, timeoutMs: 600_000 } };

// As many agents that wait for a file as `count` says: {clients, release()}.
async function holdAgents(round, count, personas) {
  const { api, random } = round;
  const goFile = join(round.cluster.deployment.folder, 'go');
  const ids = [];
  for (let number = 0; number < personas; number++) {
    const persona = await api.post('/api/personas', personaOf(held, round.marker, round.witness,
      { name: `held ${number}`, maxConcurrent: Math.ceil(count / personas) }));
    ids.push(persona.id);
  }
  const clients = new Clients(api, random.fork());
  for (let number = 0; number < count; number++) {
    clients.start({ key: `h${round.seed}-${number}`, kind: 'held', n: 1, pause: goFile,
      personaId: ids[number % personas] });
    if (number % atOnce === atOnce - 1) await Promise.all(clients.running);
  }
  await Promise.all(clients.running);
  await waitFor(`${count} agents to run`, () => begun(round) >= count, 300_000);
  return { clients, release: () => writeFileSync(goFile, '') };
}

const atOnce = 16; // requests

const begun = ({ witness }) => existsSync(witness)
  ? readFileSync(witness, 'utf8').split('\n').filter((line) => line.endsWith(' start')).length : 0;

const bootNow = () => Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);

// Default settings: a worker with some runs is killed, another one has room for them.
export async function deadWorkerRound(seed, { runs = 4 } = {}) {
  const defaults = { PERSONAS_LEASE: '', PERSONAS_PING_INTERVAL: '', PERSONAS_DEAD_AFTER: '' };
  const round = await Round.make(seed, { cluster: { workers: 1, slots: runs, env: defaults } });
  round.kind = 'dead worker';
  const { cluster, api } = round;
  const { clients, release } = await holdAgents(round, runs, 1);
  cluster.workers.set('w2', await cluster.deployment.worker('w2', cluster.workerEnv));
  // At any point between two heartbeats.
  await sleep(round.random.between(0, 4000));
  const killedAt = Date.now();
  const killedUp = bootNow();
  cluster.note('SIGKILL', 'worker', { part: 'w1' });
  await cluster.workers.get('w1').kill();
  await waitFor('the worker to be known dead', async () => {
    const { status, body } = await ask(api, 'GET', '/api/status');
    return status === 200 && !body.workers.some(({ workerId, state }) =>
      workerId === 'w1' && state !== 'offline');
  }, 60_000);
  const detectedMs = Date.now() - killedAt;
  await waitFor('its runs to go on', () =>
    readWitness(round.witness).filter(({ first }) => first > killedUp).length >= runs, 60_000);
  release();
  await round.settled();
  await clients.look();
  await round.finish(clients);
  round.measured = { detectedMs: [detectedMs], continuedMs: round.history.lives
    .filter(({ first }) => first > killedUp).map(({ first }) => (first - killedUp) * 1000) };
  return round;
}

// Many leases are running when the orchestrator is killed. A run is its worker's again when the
// first word of it after the restart is in the journal, or when it was put back into the queue.
export async function leasesRound(seed, { leases = 300 } = {}) {
  const workers = Math.ceil(leases / maxSlots);
  const slots = Math.ceil(leases / workers);
  // Default leases: the restart has to fit into what users have.
  const defaults = { PERSONAS_LEASE: '', PERSONAS_PING_INTERVAL: '', PERSONAS_DEAD_AFTER: '' };
  const round = await Round.make(seed, { sampleMs: 2_000,
    cluster: { workers, slots, env: defaults } });
  round.kind = 'many leases';
  const { cluster } = round;
  round.followTenant('follower of the leases', { hangUp: 0.001 });
  const { clients, release } = await holdAgents(round, leases, 10);
  const killedAt = Date.now();
  await cluster.end('orchestrator', 'SIGKILL');
  const upMs = Date.now() - killedAt;
  const upAt = Date.now();
  await cluster.heal();
  await sleep(leaseMs); // everything has to be settled by then, so nothing is awaited
  release();
  await round.settled();
  await clients.look();
  await round.finish(clients);
  round.measured = { leases, upMs, ...reattached(round.history, upAt) };
  return round;
}

const leaseMs = 18_000;
const maxSlots = 64; // of one worker

// Pure: {reattachedMs: […], requeuedMs: […], neither} of the runs that were live at `upAt`.
export function reattached(history, upAt) {
  const found = { reattachedMs: [], requeuedMs: [], neither: 0 };
  const first = new Map();
  for (const { type, data } of history.journal) {
    const after = Date.parse(data.at) - upAt;
    if (!data.executionId || after < 0 || first.has(data.executionId)) continue;
    first.set(data.executionId, { after, requeued: type === 'execution.status' &&
      data.status === 'queued' });
  }
  for (const { id } of history.executions) {
    const word = first.get(id);
    if (!word || word.after > leaseMs) found.neither += 1;
    else (word.requeued ? found.requeuedMs : found.reattachedMs).push(word.after);
  }
  return found;
}

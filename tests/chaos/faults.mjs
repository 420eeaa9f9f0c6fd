// When what is hurt, and how: a plan drawn from the seed, then carried out on a cluster.
import { setTimeout as sleep } from 'node:timers/promises';

// Of what the deployment's settings say (lease 5 s, kill margin 2 s): a stop is shorter than the
// time in which a worker must be heard of, or longer than the lease.
const shortMs = [100, 1200];
const longMs = [5500, 7500];
// A supervisor that stands still cannot kill; longer than the kill margin is beyond the promise.
const supervisorMs = [50, 1200];

const downMs = (random) => random.weighted([[12, [0, 50]], [6, [50, 800]], [1, longMs]]);

function drawEnd(random, signal) {
  const startUpKills = random.chance(0.35)
    ? Array.from({ length: random.between(1, 3) }, () => random.between(1, 250)) : [];
  return { signal, downMs: random.between(...downMs(random)), startUpKills };
}

const drawPause = (random) =>
  ({ forMs: random.between(...(random.chance(0.75) ? shortMs : longMs)) });

const kinds = [
  [5, (random) => ({ what: 'end', parts: ['orchestrator'], ...drawEnd(random, 'SIGKILL') })],
  [1, (random) => ({ what: 'end', parts: ['orchestrator'], ...drawEnd(random, 'SIGTERM') })],
  [2, (random) => ({ what: 'pause', parts: ['orchestrator'], ...drawPause(random) })],
  [5, (random, names) => ({ what: 'end', parts: [random.pick(names)],
    ...drawEnd(random, 'SIGKILL') })],
  [1, (random, names) => ({ what: 'end', parts: [random.pick(names)],
    ...drawEnd(random, 'SIGTERM') })],
  [2, (random, names) => ({ what: 'pause', parts: [random.pick(names)], ...drawPause(random) })],
  [1, (random, names) => ({ what: 'end', parts: ['orchestrator', random.pick(names)],
    ...drawEnd(random, 'SIGKILL') })],
  [1, (random, names) => ({ what: 'end', parts: names, ...drawEnd(random, 'SIGKILL') })],
  [1, (random, names) => ({ what: 'end', parts: ['orchestrator', ...names],
    ...drawEnd(random, 'SIGKILL') })],
  [5, () => ({ what: 'supervisor', signal: 'SIGKILL' })],
  [2, (random) => ({ what: 'supervisor', signal: 'SIGSTOP',
    forMs: random.between(...supervisorMs) })],
  [5, () => ({ what: 'agent', signal: 'SIGKILL' })],
  [2, (random) => ({ what: 'agent', signal: 'SIGSTOP', forMs: random.between(...shortMs) })],
];

// [{afterMs, what, …}]: `afterMs` since the one before.
export function drawPlan(random, names, { forMs, gapMs }) {
  const plan = [];
  for (let at = 0; ;) {
    const afterMs = random.between(...gapMs);
    at += afterMs;
    if (at > forMs) return plan;
    plan.push({ afterMs, ...random.weighted(kinds)(random, names) });
  }
}

// Without namespaces the children of an agent survive the death of its supervisor and of the worker
// that would sweep them, if both die at the same time. Then the two are kept apart.
const apartMs = 1_500;

export async function carryOut(plan, cluster, random, { confined }) {
  let workersDownUntil = 0;
  let supervisorKilledAt = 0;
  for (const { afterMs, what, parts, signal, forMs, ...rest } of plan) {
    await sleep(afterMs);
    const now = Date.now();
    if (what === 'end' || what === 'pause') {
      const workers = parts.some((part) => part !== 'orchestrator');
      if (!confined && workers && now < supervisorKilledAt + apartMs) continue;
      const begun = cluster.during(parts, () => Promise.all(parts.map((part) =>
        what === 'end' ? cluster.end(part, signal, rest) : cluster.pause(part, forMs))));
      if (begun && workers) workersDownUntil = now + (forMs ?? rest.downMs) + apartMs;
      continue;
    }
    const list = what === 'agent' ? await cluster.agentsNow() : await cluster.supervisorsNow();
    if (what === 'supervisor' && signal === 'SIGKILL' && !confined) {
      if (now < workersDownUntil) continue;
      supervisorKilledAt = now;
    }
    cluster.during([what + now], () => cluster.hurtOne(list, what, signal, forMs, random));
  }
}

#!/usr/bin/env node
// A burst of a million events, each of which starts a run: nothing lost, nothing twice, memory
// bounded.
//
//   PERSONAS_BINARY=build/release/personas node bench/burst.mjs --json FILE
//
// Batches of a thousand over a few connections; half of the batches are sent twice, with the same
// keys, as a client does that got no answer. No worker is there: all runs wait. Then what the
// database holds is counted, the process is killed, and counted again after a start.
import { readFileSync, writeFileSync } from 'node:fs';
import { Deployment } from '../tests/functional/lib/program.mjs';
import { sql } from '../tests/functional/lib/database.mjs';

const scenario = 'burst';
const batches = 1_000;
const inBatch = 1_000;
const connections = 4;

const memory = (pid, name) => Number(readFileSync(`/proc/${pid}/status`, 'utf8')
  .match(new RegExp(`${name}:\\s+(\\d+)`))[1]) / 1024;

function count(deployment) {
  const [[events, runs, of, distinct]] = sql(deployment, `SELECT
    (SELECT COUNT(*) FROM events WHERE event_type = 'burst'),
    (SELECT COUNT(*) FROM executions),
    (SELECT COUNT(DISTINCT event_id) FROM executions),
    (SELECT COUNT(DISTINCT dedupe_key) FROM events WHERE event_type = 'burst')`);
  const all = batches * inBatch;
  if (events !== all || runs !== all || of !== all || distinct !== all) {
    throw new Error(`${events} events of ${distinct} keys have ${runs} runs of ${of} events`);
  }
}

async function send(api, number) {
  const events = Array.from({ length: inBatch }, (_, i) => ({ eventType: 'burst',
    idempotencyKey: `${number}-${i}`, payload: { n: number * inBatch + i } }));
  for (let time = 0; time < 1 + number % 2; time += 1) {
    const answer = await api.request('POST', '/api/events/batch', { events });
    if (answer.status >= 300) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`);
  }
}

async function measure(deployment) {
  let server = await deployment.serve();
  const api = deployment.api();
  const persona = await api.post('/api/personas', { name: 'p', backend: 'demo' });
  await api.post('/api/subscriptions', { personaId: persona.id, eventType: 'burst' });
  const figures = { before: memory(server.pid, 'VmRSS') };
  let next = 0;
  const since = performance.now();
  await Promise.all(Array.from({ length: connections }, async () => {
    while (next < batches) await send(api, next++);
  }));
  figures.rate = (batches * inBatch) / ((performance.now() - since) / 1000);
  figures.peak = memory(server.pid, 'VmHWM');
  await server.kill();
  count(deployment);
  const again = performance.now();
  server = await deployment.serve();
  figures.start = (performance.now() - again) / 1000;
  await server.kill();
  count(deployment);
  return figures;
}

const figureOf = {
  rate: [`${batches * inBatch} events, each with its run, in batches`, '/s', 'higher'],
  before: ['resident memory before it', 'MB', 'lower'],
  peak: ['most resident memory, with all runs waiting', 'MB', 'lower'],
  start: ['start afterwards', 's', 'lower'],
};

const undo = [];
const rows = [];
const failures = [];
try {
  const deployment = await Deployment.make({ after: (fn) => undo.push(fn),
    diagnostic: console.error }, { PERSONAS_RATE_LIMIT: '0', PERSONAS_LOG_LEVEL: 'warn',
    PERSONAS_TENANT_MAX_QUEUED: String(batches * inBatch) });
  for (const [name, value] of Object.entries(await measure(deployment))) {
    const [figure, unit, better] = figureOf[name];
    rows.push({ scenario, figure, unit, value, better });
  }
} catch (error) {
  failures.push(`${scenario}: ${error.stack}`);
} finally {
  for (const step of undo) await step();
}
for (const { figure, value, unit } of rows) {
  console.error(`  ${figure}: ${value.toFixed(2)} ${unit}`);
}
for (const failure of failures) console.error(failure);
const at = process.argv.indexOf('--json');
if (at >= 0) writeFileSync(process.argv[at + 1], JSON.stringify({ rows, failures }));
process.exitCode = failures.length > 0 ? 2 : 0;

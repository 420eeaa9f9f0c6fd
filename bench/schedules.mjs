#!/usr/bin/env node
// Schedules in numbers: real process, rows put into its database while it is stopped.
//
//   PERSONAS_BINARY=build/release/personas node bench/schedules.mjs --json FILE
//
// A million schedules that are not due: until /health answers, and resident memory then. Ten
// thousand more that are due in the same second: from that second until the last has an event on
// the disk. Then CPU time in ten quiet seconds.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { binary, Deployment } from '../tests/functional/lib/program.mjs';
import { sql } from '../tests/functional/lib/database.mjs';
import { waitFor } from '../tests/functional/lib/wait.mjs';

const scenario = 'schedules';
const limits = { start: 2, resident: 200, fired: 2, idle: 0.1 };
const notDue = 1_000_000;
const due = 10_000;
const quietMs = 10_000;

// Built beside the program.
const filler = join(dirname(binary), 'bench', 'personas_fill_schedules');

const fired = (deployment) => sql(deployment, 'SELECT COUNT(*) FROM trigger_firings')[0][0];

// Rows of a database come by the store alone: it keeps checksums of its pages.
function insert(deployment, name, number, config, slotMicros) {
  const filled = spawnSync(filler, [join(deployment.dataDir, 'personas.db'), name, String(number),
    config, slotMicros], { encoding: 'utf8' });
  if (filled.status !== 0) throw new Error(`${filler}: ${filled.stderr || filled.error}`);
}

function status(pid, name) {
  const line = readFileSync(`/proc/${pid}/status`, 'utf8').match(new RegExp(`${name}:\\s+(\\d+)`));
  return Number(line[1]);
}
const cpuMs = (pid) => readdirSync(`/proc/${pid}/task`).map((thread) =>
  Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]) / 1e6)
  .reduce((sum, ms) => sum + ms, 0);

async function measure(deployment) {
  let server = await deployment.serve();
  await server.stop();
  insert(deployment, 'far', notDue, '{"cron":"@yearly"}', '7956915742000000');
  let since = performance.now();
  server = await deployment.serve();
  const figures = { start: (performance.now() - since) / 1000 };
  figures.resident = status(server.pid, 'VmRSS') / 1024;
  await server.stop();
  // Far enough ahead for the server to be up by then.
  const slot = (Math.floor(Date.now() / 1000) + 15) * 1000;
  insert(deployment, 'due', due, '{"cron":"every 1h"}', `${slot}000`);
  server = await deployment.serve();
  if (Date.now() >= slot) throw new Error('the server was not up before the schedules were due');
  let before = cpuMs(server.pid);
  figures.fired = await waitFor('all to have fired', () =>
    fired(deployment) >= due && (Date.now() - slot) / 1000, 120_000);
  figures.each = (cpuMs(server.pid) - before) / due * 1000;
  const [[events, distinct]] = sql(deployment, `SELECT (SELECT COUNT(*) FROM events),
    (SELECT COUNT(DISTINCT trigger_id) FROM trigger_firings)`);
  if (events !== due || distinct !== due) {
    throw new Error(`${events} events of ${distinct} triggers`);
  }
  figures.peak = status(server.pid, 'VmHWM') / 1024;
  before = cpuMs(server.pid);
  since = Date.now();
  await waitFor('the quiet time to pass', () => Date.now() - since > quietMs, quietMs * 2);
  figures.idle = (cpuMs(server.pid) - before) / (Date.now() - since) * 100;
  return figures;
}

const figureOf = {
  start: [`${notDue} schedules: start, until /health answers`, 's'],
  resident: [`${notDue} schedules: resident memory then`, 'MB'],
  fired: [`${due} due in one second: all events durable after`, 's'],
  each: ['processor time of the server for one of them', 'µs'],
  peak: [`${due} due in one second: most resident memory`, 'MB'],
  idle: ['schedules that are not due: processor time', '%'],
};

const undo = [];
const rows = [];
const failures = [];
try {
  const deployment = await Deployment.make({ after: (fn) => undo.push(fn),
    diagnostic: console.error }, { PERSONAS_RATE_LIMIT: '0', PERSONAS_LOG_LEVEL: 'warn' });
  for (const [name, value] of Object.entries(await measure(deployment))) {
    const [figure, unit] = figureOf[name];
    rows.push({ scenario, figure, unit, value, must: limits[name], better: 'lower' });
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

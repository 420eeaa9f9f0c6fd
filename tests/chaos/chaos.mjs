#!/usr/bin/env node
// Kills anything at any time and looks for what must not follow. See --help, and README.md.
import { randomInt } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { classes } from './checker.mjs';
import { CliRounds } from './cli_round.mjs';
import { killAll } from './cluster.mjs';
import { deadWorkerRound, leasesRound } from './measured_rounds.mjs';
import { Totals, print, writeDocs } from './report.mjs';
import { chaosRound } from './round.mjs';

const help = `scripts/chaos [option…]
  --rounds N      so many rounds of everything; without it as many as fit the time
  --seed S        of the first round; each further round has the next one
  --claude N      rounds with the real Claude CLI (10; with --rounds 0)
  --leases N      running leases when the orchestrator is killed (300; with --rounds 0: none)
  --dead N        rounds that measure a dead worker under the default settings (1; with --rounds 0)
  --seconds N     in total, without --rounds (PERSONAS_CHAOS_SECONDS, 300)
  --write-docs    writes the result into docs/reliability.md
`;

const integer = (value, otherwise) =>
  (value === undefined ? otherwise : Number.parseInt(value, 10));

function options() {
  const { values } = parseArgs({ options: { rounds: { type: 'string' }, seed: { type: 'string' },
    claude: { type: 'string' }, leases: { type: 'string' }, dead: { type: 'string' },
    seconds: { type: 'string' }, 'write-docs': { type: 'boolean' }, help: { type: 'boolean' } } });
  if (values.help) {
    process.stdout.write(help);
    process.exit(0);
  }
  const rounds = integer(values.rounds);
  const timed = rounds === undefined;
  return { timed, rounds: rounds ?? Infinity, seed: integer(values.seed, randomInt(1, 1e6)),
    claude: integer(values.claude, timed ? 10 : 0), leases: integer(values.leases, timed ? 300 : 0),
    dead: integer(values.dead, timed ? 1 : 0), writeDocs: values['write-docs'] ?? false,
    seconds: integer(values.seconds ?? process.env.PERSONAS_CHAOS_SECONDS, 300) };
}

const wanted = options();
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    killAll();
    process.stdout.write(`ended by ${signal}\n`);
    process.exit(1);
  });
}
const began = Date.now();
const spent = () => (Date.now() - began) / 1000;
const totals = new Totals();
// What is left of the time, less what such a round takes at its longest.
const fits = (seconds) => !wanted.timed || spent() + seconds < wanted.seconds;

function explain(round, name) {
  const { folder } = round.cluster.deployment;
  process.stdout.write(`${name} has anomalies; everything is kept in ${folder}\n`);
  for (const kind of classes) {
    for (const what of round.result.anomalies[kind].slice(0, 20)) {
      process.stdout.write(`  ${kind}: ${what}\n`);
    }
  }
  writeFileSync(join(folder, 'history.json'), JSON.stringify(round.history));
  for (const [file, log] of round.cluster.logs()) writeFileSync(join(folder, file), log);
}

async function conclude(round, name, repeat, count) {
  const bad = round.result.count > 0;
  totals.add({ kind: round.kind, count, history: round.history, result: round.result,
    measured: round.measured, settledMs: round.settledMs });
  process.stdout.write(`${name}: ${round.history.faults.length} harms, ${
    round.history.executions.length} executions, ${round.result.count} anomalies, ${
    spent().toFixed(0)} s\n`);
  if (bad) {
    explain(round, name);
    totals.failures.push(repeat);
    process.stdout.write(`  again: ${repeat}\n`);
  }
  await round.cluster.remove({ keep: bad });
}

// A round that could not come to its end is a failure like any other.
async function attempt(name, repeat, run) {
  try {
    await run();
  } catch (error) {
    totals.failures.push(repeat);
    process.stdout.write(`${name} broke off: ${error.stack}\n  again: ${repeat}\n`);
  }
}

async function claudeRounds() {
  const repeat = `scripts/chaos --rounds 0 --seed ${wanted.seed} --claude ${wanted.claude}`;
  await attempt('claude', repeat, async () => {
    const rounds = await CliRounds.make(wanted.seed);
    let count = 0;
    const share = spent() + wanted.seconds / 2; // the rest is for the other rounds
    while (count < wanted.claude && (!wanted.timed || spent() < share)) {
      await rounds.one(count);
      count += 1;
    }
    await conclude(await rounds.finish(), `claude ×${count}`, repeat, count);
  });
}

const { seed } = wanted;
for (let number = 0; number < wanted.dead; number++) {
  const repeat = `scripts/chaos --rounds 0 --seed ${seed + number} --dead 1`;
  await attempt('dead worker', repeat, async () =>
    conclude(await deadWorkerRound(seed + number), 'dead worker', repeat));
}
if (wanted.leases > 0) {
  const repeat = `scripts/chaos --rounds 0 --seed ${seed} --leases ${wanted.leases}`;
  await attempt('many leases', repeat, async () =>
    conclude(await leasesRound(seed, { leases: wanted.leases }), 'many leases', repeat));
}
if (wanted.claude > 0) await claudeRounds();
let last = seed;
for (let number = 0; number < wanted.rounds && fits(25); number++) {
  last = seed + number;
  const repeat = `scripts/chaos --rounds 1 --seed ${last}`;
  await attempt(`round ${last}`, repeat, async () =>
    conclude(await chaosRound(last), `round ${last}`, repeat));
}

const asked = process.argv.slice(2).filter((word) => word !== '--write-docs').join(' ');
const command = `scripts/chaos ${asked}`.trim();
print(totals, command);
if (wanted.writeDocs) {
  writeDocs(fileURLToPath(new URL('../../docs/reliability.md', import.meta.url)), totals, command);
}
for (const repeat of totals.failures) process.stdout.write(`FAILED; again: ${repeat}\n`);
process.stdout.write(`seeds ${seed} to ${last}; ${totals.anomalous} anomalies\n`);
process.exit(totals.failures.length > 0 ? 1 : 0);

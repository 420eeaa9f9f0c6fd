// Adds up rounds, prints them, and writes the table of docs/reliability.md.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { classes } from './checker.mjs';
import { binary } from '../functional/lib/program.mjs';

export class Totals {
  constructor() {
    Object.assign(this, { rounds: {}, faults: {}, executions: 0, attempts: 0, acknowledged: 0,
      unknown: 0, failed: 0, tries: 0, records: 0, read: 0, connections: 0, lives: 0, processes: 0,
      anomalies: Object.fromEntries(classes.map((name) => [name, 0])),
      detectedMs: [], continuedMs: [], reattachedMs: [], requeuedMs: [], neither: 0, leases: 0,
      upMs: [], settledMs: [], failures: [] });
  }

  add({ kind, count = 1, history, result, measured = {}, settledMs = 0 }) {
    this.rounds[kind] = (this.rounds[kind] ?? 0) + count;
    for (const { signal, target } of history.faults) {
      const name = `${signal} ${target}`;
      this.faults[name] = (this.faults[name] ?? 0) + 1;
    }
    this.executions += history.executions.length;
    for (const { attempt } of history.executions) this.attempts += attempt;
    for (const { outcome, tries, ids } of history.enqueues) {
      if (outcome === 'ok') this.acknowledged += ids.length;
      else this[outcome] += 1;
      this.tries += tries;
    }
    if (history.enqueues.length === 0) this.acknowledged += history.executions.length;
    this.records += history.journal.length;
    for (const { events, connections } of history.followers) {
      this.read += events.length;
      this.connections += connections;
    }
    this.lives += history.lives.length;
    this.processes += history.sightings.length;
    for (const name of classes) this.anomalies[name] += result.anomalies[name].length;
    for (const name of ['detectedMs', 'continuedMs', 'reattachedMs', 'requeuedMs']) {
      this[name].push(...measured[name] ?? []);
    }
    if (measured.upMs !== undefined) this.upMs.push(measured.upMs);
    this.neither += measured.neither ?? 0;
    this.leases = Math.max(this.leases, measured.leases ?? 0);
    this.settledMs.push(settledMs);
  }

  get harms() { return Object.values(this.faults).reduce((sum, count) => sum + count, 0); }
  get kills() {
    return Object.entries(this.faults).filter(([name]) => name.startsWith('SIGKILL'))
      .reduce((sum, [, count]) => sum + count, 0);
  }
  get anomalous() { return Object.values(this.anomalies).reduce((sum, count) => sum + count, 0); }
}

const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;
// Median and maximum of times in milliseconds.
export function spread(list) {
  if (list.length === 0) return '–';
  const sorted = [...list].sort((a, b) => a - b);
  return `${seconds(sorted[Math.floor((sorted.length - 1) / 2)])} / ${seconds(sorted.at(-1))}`;
}

function machine() {
  const models = cpus();
  return `${models.length} × ${models[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GB`;
}

export const version = () =>
  execFileSync(binary, ['--version'], { encoding: 'utf8' }).trim().split('\n')[0];

const listed = (counts) => Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([name, count]) => `${count} ${name}`).join(', ');

// [[what, value], …]
function rows(totals, command) {
  return [
    ['repeat with', `\`${command}\``],
    ['date', new Date().toISOString().slice(0, 10)],
    ['machine', machine()],
    ['kernel', release()],
    ['version', version()],
    ['rounds', listed(totals.rounds)],
    ['harms', `${totals.harms}, of them ${totals.kills} kills`],
    ['executions', `${totals.executions} in ${totals.attempts} attempts`],
    ['acknowledged', `${totals.acknowledged} (${totals.tries} requests; ${totals.unknown} nobody ` +
      'knows)'],
    ['records of the journal', `${totals.records}; followers read ${totals.read} over ${
      totals.connections} connections`],
    ...classes.map((name) => [`**${name}**`, `**${totals.anomalies[name]}**`]),
  ];
}

function harmTable(totals) {
  const signals = ['SIGKILL', 'SIGSTOP', 'SIGTERM'];
  const targets = [...new Set(Object.keys(totals.faults)
    .map((name) => name.slice(name.indexOf(' ') + 1)))].sort();
  return [`| target | ${signals.join(' | ')} |`, '| --- | ---: | ---: | ---: |',
    ...targets.map((target) => `| ${target} | ${signals.map((signal) =>
      totals.faults[`${signal} ${target}`] ?? 0).join(' | ')} |`)].join('\n');
}

function timeTable(totals) {
  return ['| what | median / longest | of | bound |', '| --- | ---: | ---: | ---: |',
    `| a killed worker is known to be gone | ${spread(totals.detectedMs)} | ${
      totals.detectedMs.length} | 12 s |`,
    `| its runs go on elsewhere | ${spread(totals.continuedMs)} | ${
      totals.continuedMs.length} | 20 s |`,
    `| a killed orchestrator answers again, up to ${totals.leases} running leases | ${
      spread(totals.upMs)} | ${totals.upMs.length} | – |`,
    `| a run is heard of by it again | ${spread(totals.reattachedMs)} | ${
      totals.reattachedMs.length} | 18 s |`,
    `| or is put back into the queue | ${spread(totals.requeuedMs)} | ${
      totals.requeuedMs.length} | 18 s |`,
    `| neither | – | ${totals.neither} | 0 |`].join('\n');
}

export function print(totals, command) {
  for (const [what, value] of rows(totals, command)) {
    process.stdout.write(`${what.replaceAll('*', '').padEnd(24)} ${value.replaceAll('*', '')}\n`);
  }
  process.stdout.write(`\n${harmTable(totals)}\n\n${timeTable(totals)}\n`);
}

const begin = '<!-- written by scripts/chaos --write-docs: begin -->';
const end = '<!-- written by scripts/chaos --write-docs: end -->';

export function writeDocs(file, totals, command) {
  const text = readFileSync(file, 'utf8');
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${file} has lost its markers: ${begin} … ${end}`);
  const table = ['| | |', '| --- | --- |',
    ...rows(totals, command).map(([what, value]) => `| ${what} | ${value} |`)].join('\n');
  writeFileSync(file, `${text.slice(0, from)}${begin}\n\n${table}\n\n${harmTable(totals)}\n\n${
    timeTable(totals)}\n\n${text.slice(to)}`);
}

// Events, subscriptions, triggers and webhooks from the command line, as a person and as a program
// meet them, against the real program.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { Deployment, binary } from './lib/program.mjs';
import { Terminal } from './lib/terminal.mjs';
import { waitFor } from './lib/wait.mjs';

let deployment;
let api;
let env;
const told = [];
let receiver;
const cleanups = [];
before(async () => {
  deployment = await Deployment.make({ after: (f) => cleanups.push(f), diagnostic: () => {} });
  await deployment.serve({ PERSONAS_ALLOW_PRIVATE_TARGETS: '1' });
  await deployment.worker('one', { PERSONAS_SANDBOX: 'none' });
  api = deployment.api();
  await api.shellPersona('reviewer', 'echo reviewed');
  env = { PATH: process.env.PATH, HOME: deployment.folder, LANG: 'C.UTF-8', COLUMNS: '160',
    PERSONAS_URL: deployment.url, TEAM_API_KEY: deployment.keys.TEAM_API_KEY };
  receiver = createServer((request, response) => {
    request.resume().on('end', () => { told.push(request.headers); response.end(); });
  });
  await new Promise((resolve) => { receiver.listen(0, '127.0.0.1', resolve); });
});
after(async () => {
  receiver.close();
  for (const cleanup of cleanups) await cleanup();
});

// {code, stdout, stderr}
const personas = (args, input) => new Promise((resolve) => {
  const child = execFile(binary, args, { env, cwd: deployment.folder },
    (error, stdout, stderr) => resolve({ code: error ? error.code : 0, stdout, stderr }));
  child.stdin.end(input ?? '');
});
const good = async (args, input) => {
  const done = await personas(args, input);
  assert.equal(done.code, 0, `${args.join(' ')}: ${done.stderr}`);
  return done.stdout;
};
const json = async (args, input) => JSON.parse(await good([...args, '--json'], input));

test('an event finds its subscriber, and both are shown', async () => {
  const none = await personas(['subscriptions', 'ls']);
  assert.match(none.stderr, /no subscriptions; make one with: personas subscriptions add/);
  const subscription = await json(['subscriptions', 'add', 'reviewer', 'push.*', '--filter',
    'ref == "main"', '--name', 'main only']);
  assert.match(await good(['subscriptions', 'ls']),
    /ID +PERSONA +EVENT +ENABLED.*\nsub_\w+ +reviewer +push\.\* +yes.*ref == "main"/);
  assert.match(await good(['subscriptions', 'show', 'last']),
    /push\.\* → reviewer\n[^]*name: main only/);

  const published = await good(['events', 'publish', 'push.done', '--payload', '-'],
    '{"ref": "main"}');
  const [, id] = published.match(/^delivered (evt_\w+): push\.done\n$/);
  const shown = await good(['events', 'show', id.slice(-8)]);
  assert.match(shown, /^push\.done {2}delivered\n/);
  assert.match(shown, new RegExp(`reviewer +started +${subscription.id} +exe_\\w+`));
  assert.match(shown, /"ref": "main"/);
  const both = await json(['events', 'show', 'last']);
  await api.completed(both.matches[0].executionId);

  const skipped = await personas(['events', 'publish', 'push.done', '--payload', '{"ref":"x"}']);
  assert.match(skipped.stdout, /^skipped evt_/);
  assert.match(skipped.stderr, /no subscription matches it/);
  assert.equal((await json(['events', 'list', '--status', 'skipped'])).length, 1);
  assert.match(await good(['events', 'ls', '--type', 'push.*', '--since', '1h']),
    /push\.done +skipped[^]*push\.done +delivered/);
  assert.equal(await good(['events', 'ls', '--until', '1h']), '');

  await good(['subscriptions', 'pause', 'last']);
  assert.match(await good(['events', 'publish', 'push.done', '--payload', '{"ref":"main"}']),
    /^skipped/);
  await good(['subscriptions', 'resume', 'last']);
  assert.match(await good(['events', 'replay', '--status', 'delivered', '--again']),
    /^published again: 1\n$/);
  assert.match(await good(['subscriptions', 'rm', subscription.id]), /^removed: sub_/);
});

test('a key publishes once; an event that was refused is tried again by hand', async () => {
  const off = await api.shellPersona('sleeper', 'true', { enabled: false });
  const args = ['events', 'publish', 'wake', '--persona', 'sleeper', '--key', 'k-1'];
  await good(['subscriptions', 'add', 'sleeper', 'wake']);
  assert.match(await good(args), /^failed/);
  const again = await personas(args);
  assert.match(again.stderr, /published before, under the same key/);
  assert.match(await good(['events', 'ls', '--status', 'failed']), /cli, tried again in \d+s: /);
  await api.patch(`/api/personas/${off.id}`, { enabled: true });
  assert.match(await good(['events', 'retry', 'last']), /^delivered/);
  assert.equal(await good(['events', 'dead']), '');
});

test('a trigger is made, looked at, fired, paused and filled in', async () => {
  assert.match(await good(['triggers', 'preview', '--cron', '0 9 * * MON-FRI', '--timezone',
    'Europe/Berlin', '--count', '3']), /^SLOT +DUE +IN *\n(\d{4}-\S+Z +\d{4}-\S+Z +\d+\w\n){3}$/);
  const made = await good(['triggers', 'create', 'reviewer', '--cron', '0 * * * *', '--name',
    'hourly', '--event-type', 'hour.passed']);
  assert.match(made, /^trg_\w+: schedule of reviewer, next \d{4}-\S+Z \(in \d+[smh]\)\n$/);
  assert.match(await good(['triggers', 'ls', '--persona', 'reviewer']),
    /reviewer +schedule +on +in \d+\w +– +0 +hourly: 0 \* \* \* \*/);
  assert.match(await good(['triggers', 'preview', 'last', '--count', '2']), /\n\d{4}-/);
  const fired = await good(['triggers', 'fire', 'last', '--payload', '{"by": "hand"}']);
  const [, event] = fired.match(/^fired: (evt_\w+)\n$/);
  assert.match(await good(['events', 'show', event]), /hour\.passed[^]*"by": "hand"/);
  assert.match(await good(['triggers', 'firings', 'last']), /manual +published +evt_/);
  assert.match(await good(['triggers', 'backfill', 'last', '--from', '3h']),
    /^published: 3, fired before: 0\n$/);
  await good(['triggers', 'pause', 'last', '--reason', 'a holiday']);
  assert.match(await good(['triggers', 'show', 'last']), /paused[^]*paused: a holiday/);
  assert.match(await good(['triggers', 'resume', 'last']), /^resumed: trg_\w+, next in/);
  const chain = await json(['triggers', 'add', 'reviewer', '--after', 'reviewer', '--on',
    'failed']);
  assert.equal(chain.triggerType, 'chain');
  await good(['triggers', 'rm', chain.id]);
  const wrong = await personas(['triggers', 'add', 'reviewer', '--cron', '61 * * * *']);
  assert.equal(wrong.code, 64);
  assert.match(wrong.stderr, /\/config\/cron/);
});

test('a webhook comes in, is shown and replayed', async () => {
  const secret = 'a-secret-of-github-0123456789';
  const made = await personas(['webhooks', 'in', 'add', 'ci', '--preset', 'github',
    '--secret-stdin'], `${secret}\n`);
  assert.equal(made.code, 0, made.stderr);
  assert.doesNotMatch(made.stdout + made.stderr, new RegExp(secret));
  const [, address] = made.stdout.match(/address: (\S+)/);
  const body = JSON.stringify({ zen: 'Keep it simple' });
  const send = (key) => fetch(address, { method: 'POST', body, headers: {
    'x-github-event': 'ping', 'x-github-delivery': `d-${key}`, 'content-type': 'application/json',
    'x-hub-signature-256': `sha256=${createHmac('sha256', key).update(body).digest('hex')}` } });
  assert.equal((await send(secret)).status, 200);
  assert.equal((await send('another')).status, 401);
  assert.match(await good(['webhooks', 'in', 'ls']), /ci +github +signed +all +\/api\/hooks\/whs_/);
  const log = await good(['webhooks', 'in', 'log']);
  assert.match(log, /refused +github/);
  assert.match(log, /accepted +github +github_ping/);
  const [accepted] = await json(['webhooks', 'in', 'log', '--status', 'accepted']);
  const shown = await good(['webhooks', 'in', 'show', accepted.id.slice(-9)]);
  assert.match(shown, /Keep it simple/);
  assert.match(await good(['webhooks', 'in', 'replay', accepted.id]),
    /^published again: github_ping as evt_/);
  assert.match(await good(['webhooks', 'in', 'rm', 'ci']), /^removed: ci/);
  const generic = await personas(['webhooks', 'in', 'add', 'own']);
  assert.match(generic.stdout, /\nsecret: \S{20,}\n/);
  assert.match(generic.stderr, /shown this once/);
});

test('an endpoint is told, tested, given a new secret and told once more', async () => {
  const url = `http://127.0.0.1:${receiver.address().port}/in`;
  const made = await personas(['webhooks', 'out', 'add', url, '--event', 'report.*', '--ed25519']);
  assert.equal(made.code, 0, made.stderr);
  assert.match(made.stdout, /^whe_\w+\nsecret: whsec_\S+\npublicKey: whpk_\S+\n$/);
  assert.match(await good(['webhooks', 'out', 'test', 'last']), /^is sent: whm_/);
  await waitFor('the test to arrive', () => told.length === 1);
  await good(['events', 'publish', 'report.ready']);
  await waitFor('the event to arrive', () => told.length === 2);
  await waitFor('both to be noted', async () =>
    (await json(['webhooks', 'out', 'log', 'last'])).every(({ status }) => status === 'delivered'));
  assert.match(await good(['webhooks', 'out', 'log', 'last']),
    /event\.published +delivered +1 +200/);
  await good(['webhooks', 'out', 'replay', 'last', 'last']);
  await waitFor('the replay to arrive', () => told.length === 3);
  assert.equal(told[2]['webhook-id'], told[1]['webhook-id']);
  const rotated = await personas(['webhooks', 'out', 'rotate', 'last']);
  assert.match(rotated.stdout, /^secret: whsec_/);
  assert.match(rotated.stderr, /the secret before is signed with too until/);
  await good(['webhooks', 'out', 'disable', 'last']);
  assert.match(await good(['webhooks', 'out', 'ls']), /disabled +report\.\* +http:/);
  await good(['webhooks', 'out', 'enable', 'last']);
  await good(['webhooks', 'out', 'rm', 'last']);
  assert.equal((await personas(['webhooks', 'out', 'log', 'last'])).code, 66);
});

test('the status counts what waits', async () => {
  const before = await json(['status']);
  await good(['subscriptions', 'add', 'reviewer', 'gathered', '--batch', '5m']);
  for (let i = 0; i < 3; ++i) await good(['events', 'publish', 'gathered']);
  await good(['triggers', 'fire', 'last']);
  const after = await json(['status']);
  assert.equal(after.bus.openWindows, before.bus.openWindows + 1);
  assert.equal(after.bus.pendingEvents, before.bus.pendingEvents + 3);
  assert.equal(after.scheduler.state, 'on');
  assert.ok(after.scheduler.scheduled >= 1);
  assert.ok(Date.parse(after.scheduler.nextDueAt) > Date.now());
  assert.ok(after.scheduler.firingsLastMinute > before.scheduler.firingsLastMinute);
  assert.equal(after.bus.deadEvents, 0);
  assert.match(await good(['status']), /events: +\d+ pending, 0 dead, \d+ windows? open/);
  assert.match(await good(['status']), /triggers: +\d+ scheduled, next in /);
});

test('in a terminal tables fit, ids are cut, and mistakes are answered with a cure', async (t) => {
  const terminal = new Terminal([binary, 'events', 'ls'],
    { env: { ...env, COLUMNS: '' }, cwd: deployment.folder, columns: 72 });
  t.after(() => terminal.kill());
  assert.equal((await terminal.ended).code, 0);
  for (const row of terminal.text().split('\n')) assert.ok(row.length <= 72, row);
  const wrong = await personas(['events', 'sho', 'x']);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /show/);
  const none = await personas(['events', 'show', 'nothing-like-this']);
  assert.equal(none.code, 66);
  assert.match(none.stderr, /personas events ls/);
  assert.match(await good(['triggers', 'add', '--help']), /--cron[^]*--every[^]*--after/);
  writeFileSync(join(deployment.folder, 'bad.json'), '{"a":');
  const bad = await personas(['events', 'publish', 'x', '--payload', '@bad.json']);
  assert.equal(bad.code, 64);
  assert.match(bad.stderr, /--payload: /);
});

// Polling triggers of the real program: pages of a real server, and commands on a real worker. The
// finer rules are tested on virtual time in src/triggers.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Deployment } from './lib/program.mjs';
import { sql } from './lib/database.mjs';
import { waitFor } from './lib/wait.mjs';

const PRIVATE = { PERSONAS_ALLOW_PRIVATE_TARGETS: 'on' };

// A server whose `answer(request, response)` the test replaces as it likes; `asked` is what came.
async function site(t) {
  const self = { asked: [], answer: (request, response) => response.end('a') };
  const server = createServer((request, response) => {
    self.asked.push({ path: request.url, headers: request.headers });
    self.answer(request, response);
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  t.after(() => { server.closeAllConnections(); server.close(); });
  self.url = `http://127.0.0.1:${server.address().port}/page`;
  self.looks = (count) => waitFor(`${count} looks`, () => self.asked.length >= count, 60_000);
  return self;
}

const create = (api, personaId, config) => api.post('/api/triggers',
  { personaId, triggerType: 'polling', enabled: true, config: { cron: 'every 1s', ...config } });
const firings = (api, { id }) => api.get(`/api/triggers/${id}/firings?limit=500`);
const eventsOf = async (api, type) =>
  (await api.get(`/api/events?eventType=${type}&limit=500`)).reverse();

test('a page that changes is one event each time, and runs the persona', async (t) => {
  const deployment = await Deployment.make(t, PRIVATE);
  await deployment.serve();
  await deployment.worker('w1');
  const api = deployment.api();
  const page = await site(t);
  let version = 1;
  page.answer = (request, response) => {
    const etag = `"v${version}"`;
    if (request.headers['if-none-match'] === etag) return response.writeHead(304).end();
    return response.writeHead(200, { etag }).end(JSON.stringify({ version }));
  };
  const persona = await api.shellPersona('p', 'cat');
  await create(api, persona.id, { url: page.url, event_type: 'page', detect: 'path',
    jsonPath: '$.version' });
  await page.looks(3);
  assert.equal((await eventsOf(api, 'page')).length, 0, 'the first look remembers');
  for (version = 2; version < 5; ++version) {
    await waitFor(`the event of ${version}`, async () =>
      (await eventsOf(api, 'page')).length === version - 1);
    await page.looks(page.asked.length + 2);
  }
  const events = await eventsOf(api, 'page');
  assert.deepEqual(events.map(({ payload }) => JSON.parse(payload).value), [2, 3, 4]);
  assert.deepEqual(events.map(({ payload }) => JSON.parse(payload).previous), [1, 2, 3]);
  assert.ok(page.asked.some(({ headers }) => headers['if-none-match'] === '"v4"'));
  const [run] = (await api.get(`/api/events/${events[0].id}/matches`));
  assert.match((await api.completed(run.executionId)).output, /"value":2/);
});

test('a kill between look and commit loses no change and tells none twice', async (t) => {
  const deployment = await Deployment.make(t, PRIVATE);
  let server = await deployment.serve();
  const api = deployment.api();
  const page = await site(t);
  const persona = await api.shellPersona('p', 'true');
  const trigger = await create(api, persona.id, { url: page.url, event_type: 'page' });
  await waitFor('the first look to be kept', () =>
    sql(deployment, 'SELECT COUNT(*) FROM trigger_polls WHERE cursor IS NOT NULL')[0][0] === 1);
  const rounds = 12;
  for (let round = 1; round <= rounds; ++round) {
    // Before the answer, as soon as it is out, or a little later: before, in and after the commit.
    const killed = new Promise((resolve) => {
      page.answer = (request, response) => {
        if (round % 3 === 0) resolve(server.kill());
        response.end(`version ${round}`, async () => {
          if (round % 3 === 2) await sleep(randomInt(8));
          resolve(server.kill());
        });
      };
    });
    await killed;
    page.answer = (request, response) => response.end(`version ${round}`);
    server = await deployment.serve();
    const before = page.asked.length;
    await waitFor(`the event of ${round}`, async () => (await eventsOf(api, 'page')).some(
      ({ payload }) => JSON.parse(payload).content === `version ${round}`), 60_000);
    await page.looks(before + 2);
  }
  await api.post(`/api/triggers/${trigger.id}/pause`);
  const seen = (await eventsOf(api, 'page')).map(({ payload }) => JSON.parse(payload));
  assert.deepEqual(seen.map(({ content }) => content),
    Array.from({ length: rounds }, (_, i) => `version ${i + 1}`));
  assert.deepEqual(seen.map(({ change }) => change), seen.map((_, i) => i + 1));
  const [[fired, runs]] = sql(deployment, `SELECT (SELECT COUNT(*) FROM trigger_firings),
    (SELECT COUNT(*) FROM executions)`);
  assert.equal(fired, rounds);
  assert.equal(runs, rounds);
});

test('what a server does wrong is listed, and others are looked at meanwhile', async (t) => {
  const deployment = await Deployment.make(t, PRIVATE);
  const server = await deployment.serve();
  const api = deployment.api();
  const page = await site(t);
  let sent = 0;
  const answers = {
    '/hangs': () => {},
    '/moved': (response) => response.writeHead(302, { location: '/new' }).end(),
    '/broken': (response) => response.writeHead(500).end('no'),
    '/unasked': (response) => response.writeHead(304).end(),
    '/huge': (response) => {
      const piece = Buffer.alloc(1 << 16, 'x');
      const more = () => {
        while (sent < 100 << 20 && !response.destroyed) {
          sent += piece.length;
          if (!response.write(piece)) return response.once('drain', more);
        }
        return response.end();
      };
      more();
    },
    '/fine': (response) => response.end('fine'),
  };
  page.answer = (request, response) => answers[request.url](response);
  const persona = await api.shellPersona('p', 'true');
  const made = {};
  for (const path of Object.keys(answers)) {
    made[path] = await create(api, persona.id, { url: page.url.replace('/page', path) });
  }
  const reason = (path, pattern) => waitFor(`the reason of ${path}`, async () => {
    const [first] = await firings(api, made[path]);
    if (!first) return null;
    assert.equal(first.status, 'failed');
    assert.match(first.error, pattern);
    return true;
  }, 60_000);
  await reason('/moved', /302.*\/new.*redirects are not followed/);
  await reason('/broken', /answers 500/);
  await reason('/unasked', /304 to a request without conditions/);
  await reason('/huge', /larger than the 2097152 bytes/);
  assert.ok(sent < 32 << 20, `${sent} bytes were sent before it was cut`);
  const looks = (path) => page.asked.filter((one) => one.path === path).length;
  await waitFor('looks at the page that is fine', () => looks('/fine') > 3);
  assert.equal(looks('/hangs'), 1, 'one look at a time');
  await reason('/hangs', /./);
  assert.equal(looks('/broken'), 1, 'it is not asked again within half a minute');
  assert.equal((await firings(api, made['/fine'])).length, 0);
  assert.equal(server.ending, undefined);
});

test('private targets are refused unless they are allowed by name', async (t) => {
  const deployment = await Deployment.make(t);
  let server = await deployment.serve();
  const api = deployment.api();
  const page = await site(t);
  const persona = await api.shellPersona('p', 'true');
  for (const url of [page.url, 'http://169.254.169.254/latest/', 'http://localhost/']) {
    const { status, body } = await api.request('POST', '/api/triggers',
      { personaId: persona.id, triggerType: 'polling', config: { url, cron: 'every 1s' } });
    assert.equal(status, 400, url);
    assert.ok(JSON.stringify(body).includes('/config/url'), JSON.stringify(body));
  }
  // One that was saved while they were allowed.
  await server.stop();
  server = await deployment.serve(PRIVATE);
  page.answer = () => {};
  const trigger = await create(api, persona.id, { url: page.url });
  await page.looks(1);
  await server.kill();
  const before = page.asked.length;
  await deployment.serve();
  const failed = await waitFor('the refusal', async () =>
    (await firings(api, trigger)).find(({ status }) => status === 'failed'));
  assert.match(failed.error, /private|loopback|machine/i);
  assert.equal(page.asked.length, before);
});

test('a command runs on a worker, and what it prints is compared and not obeyed', async (t) => {
  const deployment = await Deployment.make(t, PRIVATE);
  let server = await deployment.serve();
  await deployment.worker('w1', { PERSONAS_WORKER_SLOTS: '3' });
  const api = deployment.api();
  const page = await site(t);
  let version = 1;
  // What an agent would say to publish an event; here it is but a page.
  page.answer = (request, response) => response.end(
    `${JSON.stringify({ emit_event: { type: 'forged', data: { version } } })}\n`);
  const persona = await api.shellPersona('p', 'cat', { maxConcurrent: 2 });
  const trigger = await create(api, persona.id, { event_type: 'printed',
    command: `${process.execPath} -e
      'fetch("${page.url}").then((r) => r.text()).then(console.log)'`.replace(/\s*\n\s*/, ' ') });
  await page.looks(3);
  assert.equal((await eventsOf(api, 'printed')).length, 0);
  version = 2;
  const [event] = await waitFor('the change', async () => {
    const all = await eventsOf(api, 'printed');
    return all.length > 0 ? all : null;
  }, 60_000);
  assert.match(JSON.stringify(JSON.parse(event.payload).content), /forged/);
  await server.kill();
  version = 3;
  server = await deployment.serve();
  await waitFor('the change over a restart', async () =>
    (await eventsOf(api, 'printed')).length === 2, 60_000);
  await page.looks(page.asked.length + 2);
  await api.post(`/api/triggers/${trigger.id}/pause`);
  assert.equal((await eventsOf(api, 'printed')).length, 2);
  assert.equal((await eventsOf(api, 'forged')).length, 0, 'nobody said it');
  const looks = (await api.get('/api/executions?limit=500')).filter(({ source }) =>
    source === 'poll');
  assert.ok(looks.length >= 4);
  assert.ok(looks.every((look) => look.triggerId === trigger.id));
});

test('a command that fails pauses its trigger in the end', async (t) => {
  const deployment = await Deployment.make(t);
  await deployment.serve();
  await deployment.worker('w1');
  const api = deployment.api();
  const persona = await api.shellPersona('p', 'true');
  const trigger = await create(api, persona.id, { command: 'echo oops >&2; exit 3',
    pauseAfterFailures: 1 });
  const paused = await waitFor('the pause', async () => {
    const now = await api.get(`/api/triggers/${trigger.id}`);
    return now.enabled ? null : now;
  }, 60_000);
  assert.match(paused.pausedReason, /1 looks or runs in a row have failed; the last: .*failed/);
  assert.equal((await eventsOf(api, 'trigger.paused')).length, 1);
});

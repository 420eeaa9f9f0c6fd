// Live streams: what was missed is sent again from where the reader was, exactly once and in order,
// also over a restart of the server.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Deployment } from './lib/program.mjs';

const lines = (n) => Array.from({ length: n }, (_, index) => `line ${index}\n`).join('');
const counting = (n, pause) =>
  `i=0; while [ $i -lt ${n} ]; do echo "line $i"; i=$((i+1)); sleep ${pause}; done`;
const textOf = (events) => events.filter(({ event }) => event === 'execution.output')
  .map(({ data }) => data.chunk ?? data.text).join('');
const isEnd = ({ event, data }) => event === 'execution.status' &&
  ['completed', 'failed', 'cancelled'].includes(data.status);

// Reads a stream until `stop` says so: all events seen.
async function read(api, path, stop, after) {
  const events = [];
  for await (const event of api.stream(path, after)) {
    events.push(event);
    if (stop(event, events)) break;
  }
  return events;
}

test('a stream is resumable at every point', { timeout: 120_000 }, async (t) => {
  const deployment = await Deployment.make(t);
  let server = await deployment.serve();
  await deployment.worker('w1', { PERSONAS_WORKER_SLOTS: '4' });
  const api = deployment.api();
  const quick = await api.shellPersona('quick', counting(20, 0.02));
  const id = await api.execute(quick.id);
  const path = `/api/executions/${id}/stream`;
  const whole = await read(api, path, isEnd);

  await t.test('followed live it holds the whole output, then the end', async () => {
    assert.equal(textOf(whole), lines(20));
    assert.equal(whole.at(-1).data.status, 'completed');
    for (const event of whole) assert.ok(event.id && event.data.at, JSON.stringify(event));
    assert.equal(new Set(whole.map((event) => event.id)).size, whole.length);
  });

  await t.test('read afterwards it is the same', async () => {
    assert.deepEqual(await read(api, path, isEnd), whole);
  });

  await t.test('continued after any event it is the rest', async () => {
    for (const [index, event] of whole.slice(0, -1).entries()) {
      assert.deepEqual(await read(api, path, isEnd, event.id), whole.slice(index + 1));
    }
  });

  await t.test('a cursor that is none is refused', async () => {
    const { status } = await api.request('GET', path, undefined,
      { 'last-event-id': 'nonsense' });
    assert.equal(status, 400);
  });

  await t.test('over a crash of the server nothing is missing or twice', async () => {
    const slow = await api.shellPersona('slow', counting(60, 0.1));
    const other = await api.execute(slow.id);
    const stream = `/api/executions/${other}/stream`;
    const before = await read(api, stream, (event, all) => textOf(all).includes('line 10\n'));
    await server.kill();
    server = await deployment.serve();
    const rest = await read(api, stream, isEnd, before.at(-1).id);
    assert.equal(textOf([...before, ...rest]), lines(60));
    assert.equal(rest.at(-1).data.status, 'completed');
  });

  await t.test('many followers see the same', async () => {
    const shared = await api.execute(quick.id);
    const all = await Promise.all(Array.from({ length: 30 },
      () => read(api, `/api/executions/${shared}/stream`, isEnd)));
    for (const events of all) assert.equal(textOf(events), lines(20));
  });

  await t.test('the stream of the tenant tells of every execution', async () => {
    const events = await read(api, '/v1/events', isEnd, whole[0].id);
    assert.ok(events.some(({ event }) => event === 'execution.status'));
  });
});

// Any program as an agent: prompt on standard input, text on standard output, in the sandbox that
// this machine offers.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { randomMarker, withMarker } from './lib/processes.mjs';
import { Deployment } from './lib/program.mjs';

test('a program as an agent', async (t) => {
  const deployment = await Deployment.make(t);
  await deployment.serve();
  const worker = await deployment.worker('w1', { PERSONAS_SANDBOX: 'auto',
    PERSONAS_WORKER_SLOTS: '4', CANARY_OF_THE_WORKER: 'canary-in-environment' });
  const api = deployment.api();
  let count = 0;
  const run = async (script, fields = {}, request = {}) => {
    const persona = await api.shellPersona(`p${count++}`, script, fields);
    return api.finished(await api.execute(persona.id, request));
  };

  await t.test('gets the assembled prompt and its output is kept', async () => {
    const execution = await run('cat; echo end', { description: 'A careful agent' },
      { prompt: 'Count the stars', inputData: { sky: 'north' } });
    assert.equal(execution.status, 'completed');
    assert.match(execution.output, /^# Persona: p0/m);
    assert.match(execution.output, /A careful agent[^]*north[^]*Count the stars[^]*end/);
  });

  await t.test('may be run without a persona, with the prompt as it is', async () => {
    const { executionId } = await api.post('/api/execute', { prompt: 'Just this',
      config: { backend: 'command', permissionPolicy: { command: ['cat'] } } });
    assert.equal((await api.completed(executionId)).output.trim(), 'Just this');
  });

  await t.test('fails with its exit code', async () => {
    const execution = await run('echo before; echo broken >&2; exit 3');
    assert.equal(execution.status, 'failed');
    assert.equal(execution.failureReason, 'agent_exit');
    assert.equal(execution.attempts.at(-1).exitCode, 3);
    assert.match(execution.output, /before/);
    assert.ok(execution.whatToDo, 'says what to do');
  });

  await t.test('a program that is not there is named as such', async () => {
    const persona = await api.post('/api/personas', { name: 'absent', backend: 'command',
      permissionPolicy: { command: ['/nonexistent/agent'] } });
    const execution = await api.finished(await api.execute(persona.id));
    assert.equal(execution.failureReason, 'agent_not_found');
  });

  await t.test('does not see the worker: environment, processes, files', async (sub) => {
    if (!await deployment.isConfined('w1')) return sub.skip('this machine offers no sandbox');
    const execution = await run(`env; cat /proc/${worker.pid}/environ 2>&1 | tr '\\0' '\\n'
      cat ${deployment.dataDir}/personas.db 2>&1 | head -c 200; pwd; echo home=$HOME; ls -A ~`);
    assert.equal(execution.status, 'completed');
    for (const secret of [...Object.values(deployment.keys), 'canary-in-environment']) {
      assert.ok(!execution.output.includes(secret));
    }
    assert.ok(!execution.output.includes('SQLite format'));
  });

  await t.test('leaves nothing behind', async () => {
    const marker = randomMarker();
    const execution = await run(`(sleep 300.${marker} &); setsid sleep 301.${marker} & echo done`);
    assert.equal(execution.status, 'completed');
    assert.deepEqual(withMarker(marker), []);
  });

  await t.test('output of any kind arrives whole and in order', async () => {
    const lines = Array.from({ length: 200_000 }, (_, n) => n + 1).join('\n');
    const long = await run('seq 1 200000', { maxOutputBytes: 8 << 20 });
    assert.equal(long.output.trim(), lines);
    const split = await run("printf 'gr\\303'; sleep 0.3; printf '\\274n\\n'");
    assert.equal(split.output.trim(), 'gr\u00fcn');
    const binary = await run("printf 'a\\000\\377b\\n'");
    assert.equal(binary.status, 'completed');
    assert.match(binary.output, /^a.*b\n?$/s);
  });

  await t.test('speaks the protocols in plain text', async () => {
    const script = `echo '{"user_message": {"content": "Hi", "title": "T", "priority": "high"}}'
      echo '{"emit_event": {"type": "sky.counted", "data": {"stars": 3}}}'
      echo '{"user_message": {"content": 5}}'`;
    const execution = await run(script);
    const messages = (await api.get('/api/messages'))
      .filter(({ executionId }) => executionId === execution.id);
    assert.deepEqual(messages.map(({ content, priority }) => [content, priority]),
      [['Hi', 'high']]);
    const event = (await api.get('/api/events'))
      .find(({ eventType }) => eventType === 'sky.counted');
    assert.deepEqual(JSON.parse(event.payload), { stars: 3 });
    assert.match(execution.output, /"content": 5/, 'a malformed line stays plain output');
  });

  await t.test('a persona at its limit waits, and says for what', async () => {
    const persona = await api.shellPersona('narrow', 'sleep 1', { maxConcurrent: 1 });
    const first = await api.execute(persona.id);
    const second = await api.execute(persona.id);
    await api.running(first);
    const waiting = await api.execution(second);
    assert.equal(waiting.status, 'queued');
    assert.ok(waiting.waitingFor);
    await api.completed(second);
  });

  await t.test('a disabled persona refuses', async () => {
    const persona = await api.shellPersona('off', 'true', { enabled: false });
    const answer = await api.request('POST', '/api/execute',
      { prompt: 'x', personaId: persona.id });
    assert.equal(answer.status, 422);
  });
});

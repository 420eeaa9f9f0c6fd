// Canaries: secrets that are put in must come out nowhere: not in files, logs, output, arguments.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { contentsOf } from './lib/canary.mjs';
import { allProcesses } from './lib/processes.mjs';
import { Deployment } from './lib/program.mjs';

test('no secret is found outside its place', { timeout: 120_000 }, async (t) => {
  const deployment = await Deployment.make(t);
  const claude = 'sk-ant-oat01-canary-4242424242424242';
  const secrets = { ...deployment.keys, claude };
  const forms = Object.entries(secrets).flatMap(([name, value]) => [
    [name, value], [`${name} in base64`, Buffer.from(value).toString('base64').slice(0, -4)],
    [`${name} in hexadecimal`, Buffer.from(value).toString('hex')],
    ...(name === 'MASTER_KEY' ? [['raw master key', Buffer.from(value, 'hex')]] : [])]);

  const server = await deployment.serve();
  const worker = await deployment.worker('w1',
    { CLAUDE_PATH: '/bin/true', PERSONAS_SANDBOX: 'auto' });
  const api = deployment.api();
  await api.post('/api/token', { token: claude });
  // Without a sandbox an agent can read what its user can: only its own environment is looked at.
  const everyone = await deployment.isConfined('w1') ? '[0-9]*' : 'self';
  const persona = await api.shellPersona('nosy',
    `env; cat /proc/${everyone}/environ 2>/dev/null | tr '\\0' '\\n'; cat; sleep 1`);
  const id = await api.execute(persona.id);
  await api.running(id);

  for (const { command } of allProcesses()) {
    for (const [name, value] of forms) {
      assert.ok(!command.includes(value), `${name} in the arguments of ${command.slice(0, 60)}`);
    }
  }
  const execution = await api.completed(id);
  const claudePersona = await api.post('/api/personas', { name: 'claude' });
  await api.finished(await api.execute(claudePersona.id));
  await deployment.api('wrong-key').request('GET', '/api/personas');
  const answers = JSON.stringify([execution, await api.get('/api/status'),
    await api.get('/api/executions'), await api.get('/openapi.json'),
    (await api.request('GET', '/health')).body, (await api.request('GET', '/metrics')).body]);

  const places = [['answers of the API', Buffer.from(answers)],
    ['log of the server', Buffer.from(server.log)], ['log of the worker', Buffer.from(worker.log)]];
  const data = () => contentsOf(deployment.folder);
  places.push(...data());
  await Promise.all([server.stop(), worker.stop()]);
  places.push(...data());
  assert.ok(places.length > 5);
  for (const [place, contents] of places) {
    for (const [name, value] of forms) {
      assert.ok(!contents.includes(value), `${name} in ${place}`);
    }
  }
});

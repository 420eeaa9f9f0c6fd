// No room on the disk: what was acknowledged stays, what cannot be kept is refused, and when there
// is room again everything goes on without a restart.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Deployment } from './lib/program.mjs';
import { waitFor } from './lib/wait.mjs';

const mount = (folder) =>
  spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=3m,mode=0700', 'tmpfs', folder]);

test('a full disk', { timeout: 120_000 }, async (t) => {
  const deployment = await Deployment.make(t);
  mkdirSync(deployment.dataDir);
  if (process.getuid() !== 0 || mount(deployment.dataDir).status !== 0) {
    t.skip('needs the right to mount a small file system');
    return;
  }
  deployment.undo.push(() => spawnSync('umount', ['-l', deployment.dataDir]));
  const server = await deployment.serve();
  const api = deployment.api();
  const persona = await api.shellPersona('p', 'cat');
  const ballast = join(deployment.dataDir, 'ballast');

  const accepted = [];
  const submit = () => api.request('POST', '/api/execute',
    { prompt: 'x'.repeat(20_000), personaId: persona.id });

  await t.test('refuses with a 5xx or 507 what it cannot keep', async () => {
    writeFileSync(ballast, Buffer.alloc(1 << 20));
    await waitFor('a refusal', async () => {
      const answer = await submit();
      if (answer.status === 202) accepted.push(answer.body.executionId);
      else assert.ok([500, 503, 507].includes(answer.status), String(answer.status));
      return answer.status !== 202;
    });
    assert.equal(server.ending, undefined, server.log);
  });

  await t.test('still answers reads, and says in /health what is wrong', async () => {
    assert.equal((await api.execution(accepted[0])).status, 'queued');
    const health = await (await fetch(`${deployment.url}/health`)).json();
    assert.notEqual(health.status, 'ok');
  });

  await t.test('goes on when there is room, and nothing acknowledged is lost', async () => {
    rmSync(ballast);
    await waitFor('writes to work', async () => {
      const answer = await submit();
      if (answer.status === 202) accepted.push(answer.body.executionId);
      return answer.status === 202;
    });
    for (const id of accepted) assert.equal((await api.execution(id)).status, 'queued');
    await server.stop();
    await deployment.serve();
    for (const id of accepted) assert.equal((await api.execution(id)).status, 'queued');
  });
});

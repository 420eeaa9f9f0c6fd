// The disk refuses an fsync: nobody is told that something is kept which may not be, the process
// ends, and its next start has all that was acknowledged.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Deployment, binary } from './lib/program.mjs';

const shim = process.env.PERSONAS_FAIL_SYNC
  ?? join(dirname(binary), 'tests', 'lying_disk', 'libfail_sync.so');
const callers = 16;
const enough = 40; // acknowledged before the disk fails

test('an fsync that fails', { timeout: 120_000 }, async (t) => {
  assert.ok(existsSync(shim), `${shim} is missing: build the target fail_sync`);
  const deployment = await Deployment.make(t);
  const when = join(deployment.folder, 'now');
  const log = join(deployment.folder, 'syncs');
  const server = await deployment.serve(
    { LD_PRELOAD: shim, FAIL_SYNC_WHEN: when, FAIL_SYNC_LOG: log });
  const api = deployment.api();
  const persona = await api.shellPersona('p', 'cat');

  const accepted = [];
  const refused = [];
  let cut = 0;
  const call = async () => {
    for (;;) {
      let answer;
      try {
        answer = await api.request('POST', '/api/execute',
          { prompt: 'x', personaId: persona.id });
      } catch { cut += 1; return; } // the process has ended
      if (answer.status === 202) accepted.push(answer.body.executionId);
      else refused.push(answer);
      if (accepted.length === enough) writeFileSync(when, '');
      if (refused.length > 0 && answer.status === 202) {
        // Committed before the failure, answered after it; what counts is that it is kept.
        assert.ok(accepted.length <= enough + callers, 'acknowledged after the failure');
      }
      if (answer.status !== 202) return;
    }
  };
  await Promise.all(Array.from({ length: callers }, call));
  const ending = await server.ended;

  await t.test('is told to who was waiting, as what is not known or not possible', () => {
    assert.ok(refused.length > 0, 'nobody got an answer');
    for (const { status, body } of refused) {
      assert.equal(status, 503, JSON.stringify(body));
      assert.match(JSON.stringify(body), /outcome_unknown|unavailable/);
    }
    t.diagnostic(`${accepted.length} accepted, ${refused.length} told 503, ${cut} cut off`);
  });

  await t.test('ends the process with an error and a line that says what to do', () => {
    assert.ok(ending.code > 0, JSON.stringify(ending));
    assert.match(server.log, /store\.fatal.*fsync|store\.fatal.*disk I\/O/);
    assert.match(server.log, /mend the disk or restore a backup, then start it again/);
  });

  await t.test('is never tried again', () => {
    assert.match(readFileSync(log, 'utf8'), /^failed .*personas\.db-wal\n$/);
  });

  await t.test('loses nothing that was acknowledged', async () => {
    await deployment.serve();
    for (const id of accepted) assert.equal((await api.execution(id)).status, 'queued', id);
  });
});

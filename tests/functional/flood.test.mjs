// Much output, and a connection that breaks under it: nothing is lost and nobody grows without
// bound. The figures are printed; limits in worker_agent/spool.hpp and held_output.hpp.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { startMessagesApi } from '../messages_api/server.mjs';
import { claudePath } from './lib/claude.mjs';
import { descendants } from './lib/processes.mjs';
import { Deployment, freePort } from './lib/program.mjs';
import { waitFor } from './lib/wait.mjs';

const limit = { timeout: 240_000 };
const mega = 1 << 20;
const sha = (text) => createHash('sha256').update(text).digest('hex');

// The most memory the process has ever had, in bytes.
function peak(program) {
  const status = readFileSync(`/proc/${program.pid}/status`, 'utf8');
  return Number(status.match(/VmHWM:\s+(\d+) kB/)[1]) * 1024;
}
const inMega = (bytes) => `${(bytes / mega).toFixed(1)} MiB`;

// A way to the orchestrator that can be cut.
class Link {
  static async make(t, target) {
    const self = new Link();
    self.sockets = new Set();
    self.port = await freePort();
    self.server = net.createServer((socket) => {
      if (self.isCut) return socket.destroy();
      const onward = net.connect(target, '127.0.0.1');
      for (const [one, other] of [[socket, onward], [onward, socket]]) {
        self.sockets.add(one);
        one.on('error', () => {}).on('close', () => {
          self.sockets.delete(one);
          other.destroy();
        });
        one.pipe(other);
      }
      return undefined;
    });
    await new Promise((resolve) => self.server.listen(self.port, '127.0.0.1', resolve));
    t.after(() => {
      self.cut();
      self.server.close();
    });
    return self;
  }
  cut() {
    this.isCut = true;
    for (const socket of this.sockets) socket.destroy();
  }
  mend() { this.isCut = false; }
}

test('50 MB of output arrive whole, in bounded memory', limit, async (t) => {
  const deployment = await Deployment.make(t);
  const server = await deployment.serve();
  const worker = await deployment.worker('w1');
  const api = deployment.api();
  const lines = 6_700_000;
  const persona = await api.shellPersona('Flood', `seq 1 ${lines}`, { timeoutMs: 180_000 });
  const before = { server: peak(server), worker: peak(worker) };
  const begun = Date.now();
  const id = await api.execute(persona.id);
  const { status, outputBytes } = await waitFor('its end', async () => {
    const execution = await api.get(`/api/executions/${id}?output=none`);
    return execution.status !== 'queued' && execution.status !== 'running' && execution;
  }, 180_000);
  const seconds = (Date.now() - begun) / 1000;
  const after = { server: peak(server), worker: peak(worker) };

  assert.equal(status, 'completed');
  assert.ok(outputBytes > 50e6, `${outputBytes}`);
  const written = Array.from({ length: lines }, (_, index) => `${index + 1}\n`).join('');
  assert.equal(sha((await api.execution(id)).output), sha(written));
  t.diagnostic(`${inMega(outputBytes)} in ${seconds.toFixed(1)} s; peak memory: worker ` +
    `${inMega(before.worker)} → ${inMega(after.worker)}, orchestrator ` +
    `${inMega(before.server)} → ${inMega(after.server)}`);
  assert.ok(after.worker - before.worker < 32 * mega, 'a spool and what is on its way');
  assert.ok(after.server - before.server < 128 * mega, 'pending frames, a batch, the store');
});

test('the real CLI floods and exits while the connection is cut: its end is not lost', limit,
  async (t) => {
    const model = await startMessagesApi();
    t.after(() => model.stop());
    const deployment = await Deployment.make(t, { PERSONAS_LEASE: '60s' });
    await deployment.serve({ CLAUDE_TOKEN: 'sk-ant-test-0123456789' });
    const link = await Link.make(t, deployment.wsPort);
    const worker = await deployment.worker('w1', { CLAUDE_PATH: claudePath(),
      ANTHROPIC_BASE_URL: model.url, CLAUDE_CODE_MAX_RETRIES: '0',
      ORCHESTRATOR_URL: `ws://127.0.0.1:${link.port}` });
    const api = deployment.api();
    const persona = await api.post('/api/personas', { name: 'Flood', backend: 'claude',
      retry: { maxAttempts: 1 } });
    const before = peak(worker);
    // Twice in its output: as a message, and as the result at its end. Together they fit the pipe
    // that every worker may have; the CLI does not wait for more to be read before it exits.
    const bytes = 400_000;
    const id = await api.execute(persona.id, { prompt: `SCENARIO:flood?bytes=${bytes}` });
    await waitFor('the question to the model',
      () => model.requests.some(({ scenario }) => scenario === 'flood'), 60_000);
    link.cut();
    await waitFor('the CLI to end although nobody takes its words',
      () => descendants(worker.pid).length === 0, 60_000);
    const away = await api.get(`/api/executions/${id}?output=none`);
    assert.equal(away.status, 'running', 'its worker cannot tell yet');
    link.mend();
    const execution = await api.completed(id, 60_000);
    assert.equal(execution.attempt, 1);
    const last = JSON.parse(execution.output.trimEnd().split('\n').at(-1));
    assert.equal(last.type, 'result');
    assert.equal(last.result.length, bytes);
    assert.ok(execution.costUsd > 0, 'the last line was understood');
    t.diagnostic(`peak memory of the worker: ${inMega(before)} → ${inMega(peak(worker))}`);
    assert.ok(peak(worker) - before < 96 * mega, 'bounded by what it may hold back');
  });

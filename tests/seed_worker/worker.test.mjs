// The first-generation worker against a plain WebSocket server, so that a failure with the real
// orchestrator is known not to be the worker's.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';

const program = fileURLToPath(new URL('worker.mjs', import.meta.url));

async function withWorker(agent, body) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const worker = spawn(process.execPath, [program], { stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ORCHESTRATOR_URL: `ws://127.0.0.1:${server.address().port}`,
      WORKER_TOKEN: 'token', WORKER_ID: 'w1', SEED_AGENT: JSON.stringify(agent) } });
  try {
    const [socket, request] = await once(server, 'connection');
    const inbox = [];
    let wake = () => {};
    socket.on('message', (data) => { inbox.push(JSON.parse(data)); wake(); });
    const next = async (type) => {
      for (;;) {
        const message = inbox.shift();
        if (message?.type === type) return message;
        if (!message) await new Promise((resolve) => { wake = resolve; });
      }
    };
    await body({ socket, request, next, send: (m) => socket.send(JSON.stringify(m)) });
    socket.close();
    await once(worker, 'exit');
  } finally {
    worker.kill('SIGKILL');
    server.close();
  }
}

test('says hello without a version, runs what it is assigned, and is ready again', async () => {
  await withWorker(['sh', '-c', 'cat; echo " $X"; exit 3'], async (peer) => {
    assert.equal(peer.request.headers.authorization, 'Bearer token');
    assert.deepEqual(await peer.next('hello'),
      { type: 'hello', workerId: 'w1', capabilities: ['claude'] });
    peer.send({ type: 'ack', workerId: 'w1', token: 't', protocolVersion: '2', unknown: 1 });
    assert.deepEqual(await peer.next('ready'), { type: 'ready' });
    peer.send({ type: 'assign', executionId: 'e1', prompt: 'do', env: { X: 'it' }, config: {} });
    let output = '';
    while (output !== 'do it\n') output += (await peer.next('stdout')).chunk;
    const complete = await peer.next('complete');
    assert.equal(complete.status, 'failed');
    assert.equal(complete.meta.exitCode, 3);
    await peer.next('ready');
  });
});

test('kills the agent and what it started when it is cancelled', async () => {
  await withWorker(['sh', '-c', 'sleep 1000 & echo up; wait'], async (peer) => {
    peer.send({ type: 'ack', workerId: 'w1', token: 't' });
    peer.send({ type: 'assign', executionId: 'e1', prompt: '', env: {}, config: {} });
    await peer.next('stdout');
    peer.send({ type: 'cancel', executionId: 'e1' });
    assert.equal((await peer.next('complete')).status, 'failed');
  });
});

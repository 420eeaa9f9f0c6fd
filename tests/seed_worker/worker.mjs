#!/usr/bin/env node
// A worker of the first generation: it knows nothing but the oldest form of the protocol (no
// version, no attempts, no sequence numbers, one execution at a time), and must work unchanged.
//
//   ORCHESTRATOR_URL=ws://… WORKER_TOKEN=… [WORKER_ID=…] [SEED_AGENT='["program"]'] node worker.mjs
//
// SEED_AGENT replaces the agent CLI; it gets the prompt on stdin. Prints one JSON line per message
// received, and {"type":"open"} / {"type":"closed","code":…}.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import WebSocket from 'ws';

const url = process.env.ORCHESTRATOR_URL ?? 'ws://localhost:8443';
const workerId = process.env.WORKER_ID ?? `seed-${process.pid}`;
const [program, ...programArguments] = process.env.SEED_AGENT
  ? JSON.parse(process.env.SEED_AGENT)
  : ['claude', '-p', '-', '--output-format', 'stream-json', '--verbose',
    '--dangerously-skip-permissions'];
const heartbeatMs = 5000;

const home = mkdtempSync(join(tmpdir(), 'seed-worker-'));
writeFileSync(join(home, '.claude.json'), JSON.stringify({ hasCompletedOnboarding: true }));
process.on('exit', () => rmSync(home, { recursive: true, force: true }));

const socket = new WebSocket(url, {
  headers: { Authorization: `Bearer ${process.env.WORKER_TOKEN}` },
});
const send = (message) => {
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
};
const report = (message) => process.stdout.write(JSON.stringify(message) + '\n');

let current = null; // {executionId, child}
let heartbeat;

function assign({ executionId, prompt, env }) {
  const startTime = Date.now();
  const child = spawn(program, programArguments, {
    env: { PATH: process.env.PATH, ...env, HOME: home, IS_SANDBOX: '1' },
    detached: true,
  });
  current = { executionId, child };
  for (const stream of ['stdout', 'stderr']) {
    child[stream].setEncoding('utf8');
    child[stream].on('data', (chunk) => send({ type: stream, executionId, chunk }));
  }
  child.stdin.on('error', () => {}); // the agent need not read its prompt
  child.stdin.end(prompt);
  child.on('error', (error) => send({ type: 'stderr', executionId, chunk: error.message }));
  child.on('close', (code) => {
    current = null;
    send({ type: 'complete', executionId, status: code === 0 ? 'completed' : 'failed',
      meta: { exitCode: code, duration: Date.now() - startTime } });
    send({ type: 'ready' });
  });
}

function stopAgent() {
  if (!current) return;
  try {
    process.kill(-current.child.pid, 'SIGKILL');
  } catch {
    // It has just ended by itself.
  }
}

const handlers = {
  ack: () => send({ type: 'ready' }),
  assign,
  cancel: ({ executionId }) => { if (current?.executionId === executionId) stopAgent(); },
  shutdown: () => socket.close(),
  heartbeat: () => {},
};

socket.on('open', () => {
  report({ type: 'open' });
  send({ type: 'hello', workerId, capabilities: ['claude'] });
  heartbeat = setInterval(() => send({ type: 'heartbeat' }), heartbeatMs);
});
socket.on('message', (data) => {
  const message = JSON.parse(data);
  report(message.type === 'assign' ? { ...message, env: Object.keys(message.env ?? {}) } : message);
  handlers[message.type]?.(message);
});
socket.on('close', (code, reason) => {
  clearInterval(heartbeat);
  stopAgent();
  report({ type: 'closed', code, reason: reason.toString() });
});
socket.on('error', (error) => report({ type: 'error', message: error.message }));
process.on('SIGTERM', () => socket.close());

// The whole path over TLS: the API, the local worker and the client commands.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { certificate } from './lib/certificate.mjs';
import { Deployment } from './lib/program.mjs';
import { waitFor } from './lib/wait.mjs';

// 'connected' or the code of what went wrong.
const handshake = (port, options) => new Promise((resolve) => {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options });
  socket.on('secureConnect', () => { resolve(socket.getProtocol()); socket.destroy(); });
  socket.on('error', (error) => resolve(error.code));
});

test('up with a certificate speaks TLS 1.3 and nothing else', async (t) => {
  const deployment = await Deployment.make(t);
  const { cert, key } = certificate(deployment.folder);
  const url = `https://127.0.0.1:${deployment.httpPort}`;
  const up = deployment.start(['up', '--data-dir', deployment.dataDir, '--tls-cert', cert,
    '--tls-key', key], { HTTP_PORT: String(deployment.httpPort),
    WS_PORT: String(deployment.wsPort) });
  await waitFor('up to be up', () => {
    if (up.ending) throw Object.assign(new Error(up.log), { final: true });
    return up.log.includes('worker.joined');
  });
  deployment.keys.TEAM_API_KEY = ''; // the generated one, from the data folder
  const command = (...args) => deployment.command(...args, '--url', url, '--ca-file', cert);

  await t.test('an agent runs: client and worker both connect over TLS', () => {
    const run = command('run', 'demo', 'Over TLS', '--follow');
    assert.equal(run.code, 0, run.stderr);
    assert.match(run.stdout, /My task: Over TLS/);
  });

  await t.test('a certificate that is not trusted is refused by the client', () => {
    const run = deployment.command('ls', '--url', url);
    assert.notEqual(run.code, 0);
  });

  await t.test('both ports take TLS 1.3 only', async () => {
    for (const port of [deployment.httpPort, deployment.wsPort]) {
      assert.equal(await handshake(port, {}), 'TLSv1.3');
      assert.match(await handshake(port, { maxVersion: 'TLSv1.2' }),
        /^(ERR_SSL|ECONNRESET|EPROTO)/);
    }
  });

  await t.test('plain HTTP gets no answer', async () => {
    await assert.rejects(fetch(`http://127.0.0.1:${deployment.httpPort}/health`));
  });
});

// A certificate for 127.0.0.1, made on the spot.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

export function certificate(folder) {
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  const made = spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt',
    'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=127.0.0.1', '-addext',
    'subjectAltName=IP:127.0.0.1', '-keyout', files.key, '-out', files.cert], { encoding: 'utf8' });
  assert.equal(made.status, 0, made.stderr);
  return files;
}

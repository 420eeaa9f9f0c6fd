// Looks into the store of a deployment from outside, by python3's own sqlite3. Read-only where it
// only reads: another program that finishes the log of a killed server leaves pages without
// checksums.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const script = `
import json, sqlite3, sys
mode = 'ro' if sys.argv[2].startswith('SELECT') else 'rw'
database = sqlite3.connect(f'file:{sys.argv[1]}?mode={mode}', timeout=10, isolation_level=None,
                           uri=True)
print(json.dumps(database.execute(sys.argv[2]).fetchall()))
`;

// The rows of one statement, each an array.
export function sql(deployment, statement) {
  const file = join(deployment.dataDir, 'personas.db');
  const result = spawnSync('python3', ['-c', script, file, statement], { encoding: 'utf8' });
  if (result.status !== 0) throw new Error(result.stderr || String(result.error));
  return JSON.parse(result.stdout);
}

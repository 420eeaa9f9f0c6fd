// Starts and stops the real program. Everything a test starts is stopped by its pid when it ends.
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Api } from './api.mjs';
import { descendants } from './processes.mjs';
import { waitFor } from './wait.mjs';

const root = fileURLToPath(new URL('../../../', import.meta.url));
export const binary = [process.env.PERSONAS_BINARY, `${root}build/dev/personas`,
  `${root}build/release/personas`].find((path) => path && existsSync(path));

// What the sanitizers of an instrumented build find is written into the folder of the deployment.
const reports = 'sanitizer';
function sanitizerEnv(folder) {
  const path = `log_path=${join(folder, reports)}`;
  return Object.fromEntries(['ASAN_OPTIONS', 'UBSAN_OPTIONS'].map(
    (name) => [name, [process.env[name], path].filter(Boolean).join(':')]));
}

const maxLog = 4 << 20; // characters of output kept of one process

// A port below the range the kernel gives out by itself, so that it stays free across a restart.
export async function freePort() {
  for (;;) {
    const port = randomInt(12_000, 32_000);
    const free = await new Promise((resolve) => {
      const probe = createServer().once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
    });
    if (free) return port;
  }
}

export const randomKey = () => randomBytes(32).toString('hex');

// One process. `log` is all it has written so far.
export class Program {
  constructor(args, env, { prefix = [], cwd } = {}) {
    if (!binary) throw new Error('build/dev/personas is missing: scripts/build dev');
    const command = [...prefix, binary, ...args];
    this.log = '';
    this.child = spawn(command[0], command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], cwd,
      env: { PATH: process.env.PATH, HOME: tmpdir(), LANG: 'C.UTF-8', ...env } });
    this.pid = this.child.pid;
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        if (this.log.length < maxLog) this.log += text;
      });
    }
    this.ended = new Promise((resolve) => {
      this.child.on('error', (error) => { this.log += error.message; resolve({ code: -1 }); });
      this.child.on('close', (code, signal) => resolve({ code, signal }));
    });
    this.ended.then((ending) => { this.ending = ending; });
  }

  signal(name) { this.child.kill(name); }

  async kill() {
    this.signal('SIGKILL');
    await this.ended;
  }

  // Asks it to stop, and insists when it does not. Returns how it ended.
  async stop(graceMs = 15_000) {
    if (this.ending) return this.ending;
    const below = descendants(this.pid);
    this.signal('SIGTERM');
    const timer = setTimeout(() => {
      this.late = true;
      for (const { pid } of below) {
        try { process.kill(pid, 'SIGKILL'); } catch { /* it has ended */ }
      }
      this.signal('SIGKILL');
    }, graceMs);
    const ending = await this.ended;
    clearTimeout(timer);
    return ending;
  }
}

// A data folder, keys, ports, and the processes that work on them.
export class Deployment {
  static async make(t, env = {}) {
    const self = new Deployment();
    self.folder = mkdtempSync(join(tmpdir(), 'personas-test-'));
    self.dataDir = join(self.folder, 'data');
    self.keys = { TEAM_API_KEY: `dac_${randomKey()}`, WORKER_TOKEN: randomKey(),
      MASTER_KEY: randomKey() };
    self.httpPort = await freePort();
    self.wsPort = await freePort();
    // Short leases, so that a lost worker is noticed within a test.
    self.env = { ...sanitizerEnv(self.folder), PERSONAS_LEASE: '5s',
      PERSONAS_PING_INTERVAL: '500ms', PERSONAS_DEAD_AFTER: '2s', ...env };
    self.programs = [];
    self.undo = []; // run after the programs have ended, before the folder goes
    t.after(async () => {
      await Promise.all(self.programs.map((program) => program.stop(5_000)));
      for (const undo of self.undo) undo();
      const found = self.sanitizerReports();
      if (process.env.PERSONAS_TEST_KEEP) t.diagnostic(`kept ${self.folder}`);
      else rmSync(self.folder, { recursive: true, force: true });
      if (found) throw new Error(found);
    });
    return self;
  }

  sanitizerReports() {
    return readdirSync(this.folder).filter((name) => name.startsWith(`${reports}.`))
      .map((name) => readFileSync(join(this.folder, name), 'utf8')).join('\n');
  }

  get url() { return `http://127.0.0.1:${this.httpPort}`; }
  get wsUrl() { return `ws://127.0.0.1:${this.wsPort}`; }

  api(key = this.keys.TEAM_API_KEY) { return new Api(this.url, key); }

  start(args, env = {}, options = {}) {
    const program = new Program(args, { ...this.env, ...env }, { cwd: this.folder, ...options });
    this.programs.push(program);
    return program;
  }

  async startServer(role, env, options) {
    const program = this.start([role, '--data-dir', this.dataDir],
      { HTTP_PORT: String(this.httpPort), WS_PORT: String(this.wsPort), ...env }, options);
    await waitFor(`${role} to answer`, async () => {
      if (program.ending) {
        throw Object.assign(new Error(`${role} ended: ${program.log}`), { final: true });
      }
      return (await fetch(`${this.url}/health`)).ok;
    });
    return program;
  }

  serve(env = {}, options = {}) {
    return this.startServer('serve', { ...this.keys, ...env }, options);
  }

  // Everything in one, with the keys it generates itself unless they are given.
  async up(env = {}, options = {}) {
    const program = await this.startServer('up', env, options);
    const key = join(this.dataDir, 'team.key');
    if (existsSync(key)) this.keys.TEAM_API_KEY = readFileSync(key, 'utf8').trim();
    return program;
  }

  // A full worker; waits until the orchestrator lists it.
  async worker(id, env = {}, options = {}) {
    const program = this.startWorker(id, env, options);
    await this.workerListed(id, program);
    return program;
  }

  startWorker(id, env = {}, options = {}) {
    return this.start(['worker', '--data-dir', join(this.folder, id)],
      { ORCHESTRATOR_URL: this.wsUrl, WORKER_TOKEN: this.keys.WORKER_TOKEN, WORKER_ID: id,
        PERSONAS_SANDBOX: 'none', ...env }, options);
  }

  workerListed(id, program) {
    return waitFor(`worker ${id} to be listed`, async () => {
      if (program?.ending) {
        throw Object.assign(new Error(`worker ended: ${program.log}`), { final: true });
      }
      const { workers } = await this.api().get('/api/status');
      return workers.some(({ workerId }) => workerId === id);
    });
  }

  // Whether the worker runs agents in namespaces of their own; not every machine allows it.
  async isConfined(id) {
    const { workers } = await this.api().get('/api/status');
    const worker = workers.find((entry) => entry.workerId === id);
    return worker.sandbox !== 'none';
  }

  // The same, while this process goes on: for a command that needs an answer from a server of the
  // test itself.
  async commandAside(...args) {
    const child = spawn(binary, args, { cwd: this.folder, stdio: ['ignore', 'pipe', 'pipe'],
      env: this.commandEnv() });
    const seen = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr']) {
      child[name].setEncoding('utf8').on('data', (text) => { seen[name] += text; });
    }
    const code = await new Promise((resolve) => { child.on('close', resolve); });
    return { code, ...seen };
  }

  commandEnv() {
    return { ...sanitizerEnv(this.folder), PATH: process.env.PATH, HOME: this.folder,
      LANG: 'C.UTF-8', PERSONAS_URL: this.url,
      PERSONAS_DATA_DIR: this.dataDir, TEAM_API_KEY: this.keys.TEAM_API_KEY };
  }

  // A client command, to its end: {code, stdout, stderr}.
  command(...args) {
    const result = spawnSync(binary, args, { encoding: 'utf8', cwd: this.folder, timeout: 60_000,
      env: this.commandEnv() });
    return { code: result.status, stdout: result.stdout, stderr: result.stderr };
  }
}

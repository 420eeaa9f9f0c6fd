"""A service of its own: the real program as orchestrator and as one worker, on free ports, with a
fresh data folder and keys that nothing else knows. What is started here is stopped here, by pid."""
import collections
import http.client
import json
import os
import pathlib
import secrets
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.parse

START_SECONDS = 60
STOP_SECONDS = 20
KEPT_LINES = 400  # of a process's log, for the report of a failure

Answer = collections.namedtuple("Answer", "status headers body")


class Api:
    """A client without opinions: what it is told to send goes out, what comes back is told."""

    def __init__(self, url, key, timeout=30):
        self.url = url
        self.address = urllib.parse.urlsplit(url).netloc
        self.key = key
        self.timeout = timeout
        self.heard = []  # called with every answer

    def request(self, method, path, body=None, headers=None, key=True):
        """`key`: True for the service's own, False for none, or another one."""
        sent = {} if headers is None else dict(headers)
        if key is not False:
            sent.setdefault("Authorization", f"Bearer {self.key if key is True else key}")
        if body is not None and not isinstance(body, bytes):
            sent.setdefault("Content-Type", "application/json")
            body = json.dumps(body).encode()
        connection = http.client.HTTPConnection(self.address, timeout=self.timeout)
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        finally:
            connection.close()
        for hear in self.heard:
            hear(method, path, answer)
        return answer

    def good(self, method, path, body=None):
        return self.accepted(self.request(method, path, body), method, path)

    @staticmethod
    def accepted(answer, method, path):
        """The content of a good answer."""
        if not 200 <= answer.status < 300:
            raise RuntimeError(f"{method} {path} → {answer.status} {answer.body[:500]!r}")
        return json.loads(answer.body) if answer.body else None

    def get(self, path):
        return self.good("GET", path)

    def post(self, path, body=None):
        return self.good("POST", path, {} if body is None else body)

    def events(self, path, enough, seconds):
        """The events of a stream as (event, data) until `enough` says so of one, or it ends."""
        connection = http.client.HTTPConnection(self.address, timeout=seconds)
        deadline = time.monotonic() + seconds
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {self.key}"})
            response = connection.getresponse()
            if response.status != 200:
                raise RuntimeError(f"GET {path} → {response.status} {response.read()[:500]!r}")
            event = {}
            while time.monotonic() < deadline:
                line = response.readline().decode("utf-8")
                if not line:
                    return
                name, _, value = line.rstrip("\r\n").partition(": ")
                if name:
                    event[name] = value
                elif "data" in event:
                    yield event["event"], event["data"]
                    if enough(event["event"], event["data"]):
                        return
                    event = {}
                else:
                    event = {}
            raise TimeoutError(f"GET {path} did not come to what it was read for")
        finally:
            connection.close()


def wait_for(what, look, seconds=60, every=0.05):
    """The first truth that `look` gives."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(every)
    raise TimeoutError(f"waited {seconds} s for {what}")


class Process:
    def __init__(self, command, environment, folder):
        self.lines = collections.deque(maxlen=KEPT_LINES)
        self.ready = None
        self.child = subprocess.Popen(command, env=environment, cwd=folder, text=True,
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.child.stdout:
            self.lines.append(line)
            if self.ready is None and '"message":"ready"' in line:
                self.ready = json.loads(line)

    def log(self):
        return "".join(self.lines)

    def alive(self):
        return self.child.poll() is None

    def must_live(self, what):
        if not self.alive():
            raise RuntimeError(f"{what} has ended with {self.child.returncode}:\n{self.log()}")

    def stop(self):
        """Whether it ended by being asked to."""
        if self.alive():
            self.child.terminate()
            try:
                self.child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
                return False
        return self.child.returncode == 0


class Deployment:
    def __init__(self, binary):
        self.binary = str(pathlib.Path(binary).resolve())
        self.folder = tempfile.mkdtemp(prefix="personas-conformance-")
        self.keys = {"TEAM_API_KEY": "dac_" + secrets.token_hex(32),
                     "WORKER_TOKEN": secrets.token_hex(32), "MASTER_KEY": secrets.token_hex(32)}
        self.processes = []

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.stop()
        if os.environ.get("PERSONAS_TEST_KEEP"):
            print(f"kept {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _spawn(self, *arguments, **environment):
        inherited = {"PATH": os.environ["PATH"], "HOME": self.folder, "LANG": "C.UTF-8"}
        process = Process([self.binary, *arguments], {**inherited, **environment}, self.folder)
        self.processes.append(process)
        return process

    def _start(self):
        # No limit of requests a minute, or the tester would test nothing else.
        serve = self._spawn("serve", "--data-dir", f"{self.folder}/data", "--http-port", "0",
                            "--ws-port", "0", PERSONAS_RATE_LIMIT="0", **self.keys)

        def ready(what, process):
            def look():
                process.must_live(what)
                return process.ready
            return wait_for(f"{what} to be ready", look, START_SECONDS)

        where = ready("serve", serve)
        self.url = where["url"]
        self.api = Api(self.url, self.keys["TEAM_API_KEY"])
        # Only agents that cost nothing: the programs of the others are not to be found.
        nowhere = f"{self.folder}/no-such-agent"
        worker = self._spawn("worker", "--data-dir", f"{self.folder}/worker",
                             ORCHESTRATOR_URL=where["workers"], WORKER_ID="w1",
                             WORKER_TOKEN=self.keys["WORKER_TOKEN"], PERSONAS_SANDBOX="none",
                             PERSONAS_WORKER_SLOTS="8", CLAUDE_PATH=nowhere, CODEX_PATH=nowhere,
                             GEMINI_PATH=nowhere)

        def listed():
            worker.must_live("worker")
            return self.api.get("/api/status")["workers"]
        wait_for("the worker to be listed", listed, START_SECONDS)

    def must_live(self):
        for process in self.processes:
            process.must_live(process.child.args[1])

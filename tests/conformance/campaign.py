"""What is asked of one service, and what is found wrong. Gathers faults and never stops at one."""
import collections
import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

from document import Document
from hostile import Hostile

HERE = pathlib.Path(__file__).resolve().parent

SEQUENCES_PER_EXAMPLE = 0.5
READ_ALL_SECONDS = 60

# Operations that need not be answered with a 2xx, each with its reason.
A_PROVIDERS = "it takes what this provider sends; the functional tests send it, signed"
A_LINK = "its path proves the right to it; the functional tests follow a link"
NEVER_2XX = {"streamSocket": "it is answered with 101, to an upgrade",
             "showReviewLink": A_LINK, "answerReviewLink": A_LINK,
             **{f"receive{sender}Webhook": A_PROVIDERS
                for sender in ("Gitlab", "Github", "Slack", "Stripe", "Linear", "Standard")}}


class Campaign:
    """`api` leads to the service, or to what stands in front of it; `only` names operations."""

    def __init__(self, deployment, fixtures, api, seed, only=()):
        self.deployment, self.fixtures, self.api = deployment, fixtures, api
        self.seed, self.only = seed, list(only)
        self.faults = []
        self.counts = collections.Counter()  # (operation, status) → generated requests
        self.hostile_counts = collections.Counter()
        self.work = pathlib.Path(deployment.folder)
        self.document = Document(api.get("/openapi.json"))
        api.heard.append(self.look_for_secrets)

    def run(self, examples):
        self.faults += [f"the document: {fault}" for fault in self.document.faults()]
        self.hostile()
        self.generated(examples)
        with self.fault("reading the journal"):
            self.events()
        with self.fault("afterwards"):
            self.deployment.must_live()
            self.healthy()
        self.judge_counts()
        return self.faults

    def chosen(self):
        return [operation for operation in self.document.operations.values()
                if not self.only or operation.id in self.only]

    @contextlib.contextmanager
    def fault(self, where):
        try:
            yield
        except (RuntimeError, OSError, ValueError) as error:
            self.faults.append(f"{where}: {error}")

    def secrets(self):
        return [*self.deployment.keys.values(), *self.fixtures.canaries]

    def look_for_secrets(self, method, path, answer):
        text = answer.body.decode("utf-8", "replace") + str(answer.headers)
        if any(secret in text for secret in self.secrets()):
            self.faults.append(f"{method} {path}: the answer holds a secret")

    def hostile(self):
        judge = Hostile(self.document, self.api, self.deployment.keys, self.fixtures)
        with self.fault("hostile requests"):
            judge.run(self.chosen())
        self.faults += judge.faults
        self.hostile_counts = judge.counts
        print(f"{judge.counts.total()} hostile requests", flush=True)

    # ---- what schemathesis makes ---------------------------------------------------------------

    def generated(self, examples):
        """What is sent is counted, not timed: the same requests on every machine."""
        self.tester("examples,coverage")
        self.tester("fuzzing", 1, "-n", str(examples))
        self.tester("stateful", 2, "-n", str(max(1, round(SEQUENCES_PER_EXAMPLE * examples))))
        print(f"{sum(self.counts.values())} generated requests", flush=True)

    def tester(self, phases, part=0, *options):
        state, report = self.work / "state.json", self.work / "report.json"
        report.unlink(missing_ok=True)
        document = self.work / "openapi.json"
        document.write_text(json.dumps(self.document.raw), encoding="utf-8")
        seed = self.seed + part
        state.write_text(json.dumps({
            "seed": seed, "url": self.deployment.url, "key": self.api.key, "report": str(report),
            "fixtures": self.fixtures.state, "secrets": list(self.deployment.keys.values()),
        }), encoding="utf-8")
        command = [sys.executable, "-m", "schemathesis.cli",
                   "--config-file", str(HERE / "schemathesis.toml"),
                   "run", str(document), "--url", self.api.url,
                   "--seed", str(seed), "--phases", phases, *options]
        for operation in self.only:
            command += ["--include-operation-id", operation]
        environment = {**os.environ, "CONFORMANCE_STATE": str(state),
                       "CONFORMANCE_KEY": self.api.key, "PYTHONPATH": str(HERE),
                       "SCHEMATHESIS_HOOKS": "hooks", "PYTHONHASHSEED": "0"}
        done = subprocess.run(command, env=environment, cwd=self.work, text=True,
                              capture_output=True, check=False)
        self.keep(f"{phases.replace(',', '-')}-{part}.log", done.stdout + done.stderr)
        self.judge_tester(phases, seed, done, report)

    def judge_tester(self, phases, seed, done, report):
        where = f"{phases} with seed {seed}"
        said = done.stdout + done.stderr
        # The tester goes on when a thread of it has died, and says that all is well.
        if "Traceback (most recent call last)" in said:
            self.faults.append(f"{where}: the tester has broken down\n{said[-6000:]}")
        if done.returncode != 0:
            found = re.search(r"^=+ (FAILURES|ERRORS) =+$.*", done.stdout, re.S | re.M)
            self.faults.append(f"{where}:\n{found.group(0) if found else said[-6000:]}")
        if not report.exists():
            self.faults.append(f"{where}: the tester has left no report")
            return
        told = json.loads(report.read_text(encoding="utf-8"))
        self.faults += told["wrong"]
        self.fixtures.state = told["fixtures"]
        for operation, statuses in told["counts"].items():
            for status, count in statuses.items():
                self.counts[operation, status] += count

    def keep(self, name, text):
        folder = os.environ.get("PERSONAS_CONFORMANCE_KEEP")
        if folder:
            pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
            (pathlib.Path(folder) / name).write_text(text, encoding="utf-8")
            shutil.copy(self.work / "openapi.json", folder)

    # ---- afterwards --------------------------------------------------------------------------

    def events(self):
        """Every event since the start of the journal, up to one that is made now."""
        last = self.fixtures.new_group()
        wrong, seen = {}, collections.Counter()
        for name, data in self.api.events(
                "/v1/events?cursor=start", lambda name, data: last in data, READ_ALL_SECONDS):
            seen[name] += 1
            if name not in wrong:
                fault = self.document.wrong_event(name, data)
                if fault:
                    wrong[name] = f"{fault} in {data[:300]}"
            if any(secret in data for secret in self.secrets()):
                wrong[name, "secret"] = f"event {name} holds a secret"
        self.faults += [f"the stream: {fault}" for fault in wrong.values()]
        print(f"{sum(seen.values())} events of {len(seen)} types", flush=True)

    def healthy(self):
        health = self.api.get("/health")
        if health["status"] != "ok":
            self.faults.append(f"the service is not well afterwards: {health}")

    def judge_counts(self):
        for name in [operation.id for operation in self.chosen()]:
            statuses = {status: count for (operation, status), count in self.counts.items()
                        if operation == name}
            refused = [status for (operation, status) in self.hostile_counts if operation == name]
            good = sum(count for status, count in statuses.items() if status < "300")
            bad = any("400" <= status < "500" for status in [*statuses, *refused])
            if not good and name not in NEVER_2XX:
                self.faults.append(f"{name} was never answered with a 2xx: {statuses}")
            if not bad:
                self.faults.append(f"{name} never refused anything: {statuses}")

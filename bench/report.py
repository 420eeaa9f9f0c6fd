#!/usr/bin/env python3
"""Runs every scenario several times and writes a report in Markdown; started by scripts/bench.

The runs of a round follow each other, so that a noisy minute spoils one sample of each figure and
not all samples of one. Beside a figure stands what the machine itself takes for the parts it is
made of, measured in the same rounds (scenario `bare`); what that is made of is in LIMITS below.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TREE = ROOT / "build/release"
PATIENCE = 420  # seconds for one run of one scenario
BUSY = 0.5      # load for each core from which other work shows in the figures
QUIET_SECONDS = 3


class Scenario:
    """A program to run, how often, and with which options: (full), (quick)."""

    def __init__(self, name, full, quick, *options, seconds=(0, 0), command=None):
        self.name, self.runs, self.options = name, (full, quick), list(options)
        self.seconds, self.command = seconds, command

    def words(self, arguments, out):
        if self.command:
            return ["node", str(ROOT / "bench" / self.command), "--json", str(out), *self.options]
        words = [str(arguments.bench), "--binary", str(arguments.binary), "--scenario", self.name,
                 "--json", str(out), "--data-root", str(arguments.data_root), *self.options]
        seconds = self.seconds[arguments.quick]
        return words + (["--seconds", str(seconds)] if seconds else [])


SCENARIOS = [
    Scenario("bare", 5, 2),
    Scenario("size", 1, 1),
    Scenario("parse", 1, 1),
    Scenario("mask", 1, 1),
    Scenario("idle", 3, 1),
    Scenario("store", 5, 2, seconds=(3, 2)),
    Scenario("latency", 5, 2, seconds=(4, 3)),
    Scenario("event-latency", 5, 2, seconds=(4, 3)),
    Scenario("open-loop", 5, 2, seconds=(6, 3)),
    Scenario("follow", 3, 1, seconds=(4, 2)),
    Scenario("stream", 3, 1),
    Scenario("throughput", 5, 2, seconds=(6, 3)),
    Scenario("metered", 3, 1, seconds=(5, 3)),
    Scenario("events", 3, 1, seconds=(6, 3)),
    Scenario("batches", 3, 1, seconds=(5, 3)),
    Scenario("matching", 3, 1, seconds=(6, 4)),
    Scenario("idle-workers", 1, 0, seconds=(10, 5)),
    Scenario("backlog", 3, 1),
    Scenario("million", 1, 0),
    Scenario("agents", 1, 0, "--runs", "10", command="agents.mjs"),
    Scenario("dead-worker", 1, 0, command="dead_worker.mjs"),
    Scenario("schedules", 1, 0, command="schedules.mjs"),
    Scenario("burst", 1, 0, command="burst.mjs"),
]

SYNC = "fdatasync after a 4 KiB append, p10"
SYNC_MEDIAN = "fdatasync after a 4 KiB append, p50"
TRIP = "loopback TCP round trip, p50"
JSON = "Boost.JSON reads the frames of a null execution"
ROWS = "SQLite alone: rows of a null execution, 64 in a commit"
EVENT_ROWS = "SQLite alone: rows of an event, 64 in a commit"
RECORD = "SQLite alone: one journal record, 64 in a commit"
COPY = "memcpy"


def rate(figure):
    return lambda bare: f"{number(1e6 / bare[figure])} /s: {figure}"


def time_of(syncs, trips):
    def text(bare):
        value = syncs * bare[SYNC_MEDIAN] + trips * bare[TRIP] / 1000
        return f"{number(value)} ms: {syncs} fdatasync, {trips} loopback round trips"
    return text


def copies(bare):
    return f"{number(bare[COPY] * 1000)} MB/s: memcpy"


# (scenario, start of the figure) → what the machine takes for its parts
LIMITS = {
    ("store", "durable operations"): rate(RECORD),
    ("latency", "execute → assign"): time_of(2, 1),
    ("event-latency", "event → assign"): time_of(2, 1),
    ("open-loop", "due → assign"): time_of(2, 1),
    ("follow", "write → follower"): time_of(1, 1),
    ("throughput", "null executions"): rate(ROWS),
    ("throughput", "the server's processor time for one"):
        lambda bare: f"{number(bare[ROWS] + bare[JSON])} µs: its rows in SQLite, "
                     "with the commit, and its frames in Boost.JSON",
    ("metered", "metered executions"): rate(ROWS),
    ("events", "events published, each"): rate(EVENT_ROWS),
    ("batches", "events in batches"): rate(EVENT_ROWS),
    ("backlog", "100000 queued executions, accepted"): rate(RECORD),
    ("parse", ""): copies,
    ("mask", ""): copies,
    ("stream", "50 MB"): copies,
    ("agents", "line to a follower"): time_of(1, 2),
}


def number(value):
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    if size >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.3g}"


def output_of(*words):
    try:
        return subprocess.run(words, capture_output=True, text=True, cwd=ROOT,
                              check=False).stdout.strip()
    except OSError:
        return ""


# ---- the machine ---------------------------------------------------------------------------------

def busy_share(seconds):
    """The share of the processors' time that somebody used or stole, over some seconds."""
    def ticks():
        fields = [int(word) for word in open("/proc/stat").readline().split()[1:]]
        return sum(fields[:8]), fields[3] + fields[4]
    total, idle = ticks()
    time.sleep(seconds)
    total_after, idle_after = ticks()
    return 1 - (idle_after - idle) / max(1, total_after - total)


def versions():
    compiler = output_of("clang++-19", "--version").split("\n")[0] or "an unknown compiler"
    packages = {"SQLite": "sqlite3", "OpenSSL": "openssl", "zstd": "libzstd", "fmt": "fmt",
                "libsodium": "libsodium", "yaml-cpp": "yaml-cpp"}
    found = [f"{name} {output_of('pkg-config', '--modversion', package) or '?'}"
             for name, package in packages.items()]
    boost = re.search(r'BOOST_LIB_VERSION "([\d_]+)"',
                      pathlib.Path("/usr/include/boost/version.hpp").read_text()
                      if pathlib.Path("/usr/include/boost/version.hpp").exists() else "")
    found.insert(0, "Boost " + (boost.group(1).replace("_", ".") if boost else "?"))
    return compiler, ", ".join(found), output_of("node", "--version")


def revision():
    changed = output_of("git", "status", "--porcelain", "--untracked-files=no", "--", "src", "apps",
                        "bench", "cmake")
    commit = output_of("git", "rev-parse", "--short=12", "HEAD") or "unknown"
    return commit + (" with local changes" if changed else "")


# ---- running -------------------------------------------------------------------------------------

def run(scenario, arguments, environment):
    with tempfile.TemporaryDirectory(prefix="personas-report-") as folder:
        out = pathlib.Path(folder) / "report.json"
        try:
            done = subprocess.run(scenario.words(arguments, out), env=environment, check=False,
                                  timeout=PATIENCE, stdout=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            return {"rows": [], "failures": [f"{scenario.name}: not done after {PATIENCE} s"]}
        if out.exists():
            return json.loads(out.read_text())
        return {"rows": [], "failures": [f"{scenario.name}: ended with {done.returncode}"]}


def measure(arguments):
    """All samples: {(scenario, figure): row with `samples`}, the machine, what failed."""
    rows, failures, machine = {}, [], {}
    environment = os.environ | {"PERSONAS_BINARY": str(arguments.binary)}
    chosen = [s for s in SCENARIOS if not arguments.scenario or s.name in arguments.scenario
              or s.name == "bare"]
    for turn in range(max(s.runs[arguments.quick] for s in chosen) or 1):
        for scenario in chosen:
            wanted = scenario.runs[arguments.quick]
            if scenario.name in arguments.scenario:
                wanted = max(wanted, 1)
            if turn >= wanted or any(f.startswith(scenario.name + ":") for f in failures):
                continue
            print(f"{scenario.name} {turn + 1}/{wanted} …", file=sys.stderr, flush=True)
            report = run(scenario, arguments, environment)
            machine = report.get("machine", machine)
            failures += report["failures"]
            for row in report["rows"]:
                known = rows.setdefault((scenario.name, row["figure"]), row | {"samples": []})
                known["samples"].append(row["value"])
                known.setdefault("musts", []).append(row.get("must"))
    return rows, machine, failures


# ---- judging and writing -------------------------------------------------------------------------

def holds(value, bound, better):
    return value <= bound if better == "lower" else value >= bound


def judge(row):
    musts = [must for must in row["musts"] if must is not None]
    row["value"] = statistics.median(row["samples"])
    row["must"] = statistics.median(musts) if musts else None
    better = row["better"]
    if row["must"] is not None and not holds(row["value"], row["must"], better):
        return "**NOT MET**"
    if row.get("aim") is not None and not holds(row["value"], row["aim"], better):
        return "aim missed"
    return "met" if row["must"] is not None or row.get("aim") is not None else ""


def limit_of(row, bare):
    for (scenario, start), text in LIMITS.items():
        if row["scenario"] == scenario and row["figure"].startswith(start) and \
                (start or row["unit"] == "MB/s"):
            try:
                return text(bare)
            except (KeyError, ZeroDivisionError):
                return ""
    return ""


def bound(row, name):
    value = row.get(name)
    sign = "≤" if row["better"] == "lower" else "≥"
    return "" if value is None else f"{sign} {number(value)}"


def table(rows, bare):
    lines = ["| scenario | figure | median | lowest – highest | must | aim | | "
             "the machine's own |",
             "| --- | --- | ---: | ---: | ---: | ---: | --- | --- |"]
    for row in rows.values():
        verdict = judge(row)
        spread = f"{number(min(row['samples']))} – {number(max(row['samples']))}" \
            if len(row["samples"]) > 1 else ""
        lines.append(f"| {row['scenario']} | {row['figure']} | {number(row['value'])} "
                     f"{row['unit']} | {spread} | {bound(row, 'must')} | {bound(row, 'aim')} "
                     f"| {verdict} | {limit_of(row, bare)} |")
    return lines


def write(arguments, rows, machine, failures, before):
    bare = {figure: statistics.median(row["samples"]) for (name, figure), row in rows.items()
            if name == "bare"}
    compiler, libraries, node = versions()
    load, share = before
    cores = machine.get("cores", os.cpu_count())
    lines = ["# Load report", "",
             f"Written by `scripts/bench{' --quick' if arguments.quick else ''}` on "
             f"{datetime.date.today().isoformat()}; medians of several runs, client and server on "
             "the same machine.", "",
             f"- machine: {cores} cores of {machine.get('cpu', '?')}, "
             f"{machine.get('memoryMb', 0):,} MB, kernel {platform.release()}",
             f"- disk: {machine.get('filesystem', '?')}; figures of it are in scenario `bare`",
             f"- program: revision {revision()}; {compiler}, release preset",
             f"- libraries: {libraries}; Node {node}",
             f"- before it began: load average {load:.2f}, processors busy {100 * share:.0f} %"]
    noisy = load >= BUSY * cores or share >= BUSY / 2
    if noisy:
        lines += ["", "**The machine was not quiet when this began.** Latencies hold the wait for "
                  "a processor, and rates are those of what was left of it; they are judged all "
                  "the same."]
    lines += ["", *table(rows, bare)]
    lines += ["", "The last column is what the same machine takes, measured in the same run "
              "without our code, for the parts the figure is made of; it is a floor, not a fair "
              "rival."]
    lines += [f"\nNot measured: {failure}" for failure in failures]
    text = "\n".join(lines) + "\n"
    if arguments.output != "-":
        pathlib.Path(arguments.output).write_text(text)
    print(text)
    if failures:
        return 2
    return 1 if "**NOT MET**" in text else 0


def compare(arguments):
    """Two programs in turns, so that both see the same machine: medians side by side."""
    samples = {}
    for turn in range(arguments.rounds):
        for name in (("against", "binary") if turn % 2 else ("binary", "against")):
            arguments_of_one = argparse.Namespace(**vars(arguments))
            arguments_of_one.binary = getattr(arguments, name)
            for scenario in SCENARIOS:
                if scenario.name not in arguments.scenario:
                    continue
                print(f"{scenario.name} {turn + 1}/{arguments.rounds} {name} …", file=sys.stderr)
                environment = os.environ | {"PERSONAS_BINARY": str(arguments_of_one.binary)}
                report = run(scenario, arguments_of_one, environment)
                if report["failures"]:
                    sys.exit("\n".join(report["failures"]))
                for row in report["rows"]:
                    key = (row["scenario"], row["figure"], row["unit"])
                    both = samples.setdefault(key, {"binary": [], "against": []})
                    both[name].append(row["value"])
    print("| scenario | figure | this | the other | this to the other |")
    print("| --- | --- | ---: | ---: | ---: |")
    for (scenario, figure, unit), both in samples.items():
        mine, other = (statistics.median(both[name]) for name in ("binary", "against"))
        ratio = f"{mine / other:.3f}" if other else ""
        print(f"| {scenario} | {figure} | {number(mine)} {unit} | {number(other)} {unit} "
              f"| {ratio} |")
    return 0


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="about two minutes, fewer scenarios")
    parser.add_argument("--scenario", action="append", default=[],
                        choices=[s.name for s in SCENARIOS], help="only these; repeatable")
    parser.add_argument("--binary", type=pathlib.Path, default=TREE / "personas")
    parser.add_argument("--bench", type=pathlib.Path, default=TREE / "bench/personas_bench")
    parser.add_argument("--data-root", type=pathlib.Path, default=tempfile.gettempdir(),
                        help="put it on the disk that is meant; the default may be in memory")
    parser.add_argument("--output", default=str(ROOT / "bench/report.md"), help="a file, or -")
    parser.add_argument("--against", type=pathlib.Path,
                        help="another build: both in turns, for --scenario; no report is written")
    parser.add_argument("--rounds", type=int, default=7, help="of --against")
    parser.add_argument("--no-build", action="store_true", help="take the tree as it is")
    arguments = parser.parse_args()
    arguments.binary = arguments.binary.resolve()
    before = os.getloadavg()[0], busy_share(QUIET_SECONDS)
    if before[0] >= BUSY * os.cpu_count() or before[1] >= BUSY / 2:
        print(f"warning: the machine is not quiet (load {before[0]:.2f}, {100 * before[1]:.0f} % "
              "busy); the report will say so", file=sys.stderr)
    if arguments.against:
        arguments.against = arguments.against.resolve()
        return compare(arguments)
    return write(arguments, *measure(arguments), before)


if __name__ == "__main__":
    sys.exit(main())

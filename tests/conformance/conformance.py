#!/usr/bin/env python3
"""Whether the API is what its own document says: tests/conformance/conformance.py [--seed N]

Starts the real program, reads its /openapi.json, and
  1. validates the document as OpenAPI 3.1;
  2. sends every operation what no generator makes (hostile.py);
  3. has schemathesis make valid and invalid requests for every operation: all cases its coverage
     phase knows, then random ones, then sequences along the links;
  4. reads every event of the journal and judges it by the document;
  5. demands a 2xx of every operation, no secret in any answer, and processes that still live.

  PERSONAS_BINARY                 the program (default: build/dev/personas)
  PERSONAS_CONFORMANCE_EXAMPLES   random requests of each operation in 3 (default: 20)
  PERSONAS_CONFORMANCE_KEEP       a folder that gets the document and the tester's reports

The seed is printed; the same seed makes the same requests, save for the ids that the service makes.
"""
import argparse
import json
import os
import pathlib
import random
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "scripts" / "lib"))
import conformance_tools  # noqa: E402  (found by the line above)

DEFAULT_EXAMPLES = 20


def enter_tools():
    """Goes on in the environment of the tools, or says how to get it."""
    python = conformance_tools.python()
    if pathlib.Path(sys.prefix) == conformance_tools.folder():
        return
    if not python.exists():
        sys.exit(f"error: the tools of this test are not installed ({python} is missing).\n"
                 "Run scripts/lib/conformance_tools.py once; scripts/test does it as well.")
    os.execv(python, [str(python), *sys.argv])


def binary():
    for path in (os.environ.get("PERSONAS_BINARY"), ROOT / "build/dev/personas",
                 ROOT / "build/release/personas"):
        if path and pathlib.Path(path).exists():
            return path
    sys.exit("error: build/dev/personas is missing: scripts/build dev")


def main():
    enter_tools()
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=None, help="repeats a run")
    parser.add_argument("--only", action="append", default=[], metavar="OPERATION",
                        help="only this operation; may be repeated")
    options = parser.parse_args()
    from campaign import Campaign  # these need the tools
    from deployment import Deployment
    from fixtures import Fixtures
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 31)
    examples = int(os.environ.get("PERSONAS_CONFORMANCE_EXAMPLES") or DEFAULT_EXAMPLES)
    print(f"seed {seed}, {examples} examples", flush=True)
    with Deployment(binary()) as deployment:
        fixtures = Fixtures(deployment.api).prepare()
        faults = Campaign(deployment, fixtures, deployment.api, seed, options.only).run(examples)
    for fault in faults:
        print(f"FAULT: {fault}")
    print(f"{len(faults)} faults; repeat with --seed {seed}")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""The Python tools of tests/conformance: scripts/lib/conformance_tools.py [--path]

Makes a virtual environment in the user's cache folder with exactly what tests/conformance/
requirements.txt names, every file checked against its sum there. Nothing is done when it is there
already, so it needs a network once. --path says where it is and makes nothing.

One environment per list of requirements and Python: a change of either makes a new one. It is made
aside and renamed when it is whole, so what is there can be used.
"""
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "tests" / "conformance" / "requirements.txt"
OLDEST = (3, 11)  # Debian 12


def folder():
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    what = REQUIREMENTS.read_bytes() + sys.version.encode() + sys.base_prefix.encode()
    return pathlib.Path(cache) / "personas" / f"conformance-{hashlib.sha256(what).hexdigest()[:16]}"


def python():
    return folder() / "bin" / "python"


def fail(text):
    sys.exit(f"error: {text}")


def make():
    if sys.version_info < OLDEST:
        fail(f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed, this is {sys.version.split()[0]}")
    target = folder()
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = pathlib.Path(tempfile.mkdtemp(prefix="conformance-", dir=target.parent))
    try:
        venv = [sys.executable, "-m", "venv", str(aside)]
        if subprocess.run(venv, stdout=sys.stderr, check=False).returncode != 0:
            fail("no virtual environment can be made: apt-get install python3-venv")
        install = [str(aside / "bin" / "python"), "-m", "pip", "install", "--quiet",
                   "--disable-pip-version-check", "--no-input", "--require-hashes",
                   "--only-binary", ":all:", "-r", str(REQUIREMENTS)]
        if subprocess.run(install, stdout=sys.stderr, check=False).returncode != 0:
            fail(f"the packages of {REQUIREMENTS.relative_to(ROOT)} could not be installed; "
                 "a network is needed the first time")
        os.rename(aside, target)
    except OSError:
        if not python().exists():  # else another run was faster
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["--path"]:
        print(folder())
    elif sys.argv[1:]:
        sys.exit(__doc__)
    elif not python().exists():
        print("== installing the conformance test's Python packages", file=sys.stderr)
        make()

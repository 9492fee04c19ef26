"""Plant each bug in a copy of the code, and see that the suite fails: a check of the checks.

    python tests/planted/check.py [WORD ...]

With words, only the bugs whose name holds one of them.  Two bugs at a time; each line names the test that failed.
Exit 0 when every bug is caught.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bugs import BUGS, Bug

ROOT = Path(__file__).parents[2]


def caught(bug: Bug) -> str:
    """Return the test that fails on a copy of the code that holds the bug; nothing where none does."""
    with tempfile.TemporaryDirectory() as place:
        return failed(bug, Path(place))


def failed(bug: Bug, place: Path) -> str:
    """Return the same for a copy in a place."""
    source, stale = place / "src", ["*.pyc", "*.nb?"] if bug.file.startswith("numerics/") else ["*.pyc"]
    shutil.copytree(ROOT / "src", source, ignore=shutil.ignore_patterns(*stale))  # else what is compiled goes along
    file = source / "harmonium" / bug.file
    text = file.read_text()
    if bug.right not in text:
        sys.exit(f"{bug.name}: {bug.file} no longer holds {bug.right!r}: bring the bug up to date")
    file.write_text(text.replace(bug.right, bug.wrong))
    environment = {**os.environ, "PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"}
    where = [sys.executable, "-c", "import harmonium; print(harmonium.__file__)"]
    found = subprocess.run(where, env=environment, capture_output=True, text=True, check=True, cwd=place).stdout
    assert found.startswith(str(source)), f"the copy is not what is tested: {found}"
    quick = ["-x", "-q", "-p", "no:cacheprovider", "-m", "not whole"]
    words = [sys.executable, "-m", "pytest", *quick, bug.tests]
    ended = subprocess.run(words, env=environment, cwd=ROOT, capture_output=True, text=True)
    named = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - |$)", ended.stdout, re.MULTILINE)
    return (named[1] if named else "a test") if ended.returncode == 1 else ""


def main() -> int:
    """Go through the bugs and count."""
    words = sys.argv[1:]
    bugs = [bug for bug in BUGS if not words or any(word in bug.name for word in words)]
    missed = []
    with ThreadPoolExecutor(2) as workers:
        for bug, test in zip(bugs, workers.map(caught, bugs), strict=True):
            print(f"caught  {bug.name}: {test}" if test else f"MISSED  {bug.name}", flush=True)
            missed += [] if test else [bug.name]
    print(f"{len(bugs) - len(missed)} of {len(bugs)} planted bugs caught")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

"""SIGTERM and SIGINT at moments spread over a whole command: it ends soon, with its code, and leaves nothing half made.

    python tests/cli/test_signals.py [COUNT]

prints the counts over so many of each, 50 unless given.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from harmonium.fitting import Trainer

SOON = 2.0  # seconds in which a signal is answered
CODES = {signal.SIGTERM: 143, signal.SIGINT: 130}
COMMAND = [sys.executable, "-m", "harmonium", "train", "digits", "--hidden", "30", "--steps", "600", "--out", "run"]
WORDS = ["--labels", "--save-every", "0.2"]


def begin(folder: Path) -> subprocess.Popen:
    """Start the command as a terminal does: what a shell runs in the background is told to ignore SIGINT."""
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([*COMMAND, *WORDS], cwd=folder, preexec_fn=heard, **pipes)


def whole_time(folder: Path) -> float:
    """Return the seconds of a command that nobody interrupts."""
    since = time.monotonic()
    with begin(folder) as work:
        work.communicate()
    assert work.returncode == 0
    return time.monotonic() - since


def interrupted(folder: Path, number: signal.Signals, seconds: float) -> tuple[str, float]:
    """Return what was left of a command that got a signal after so many seconds, and how long it took to end."""
    with begin(folder) as work:
        time.sleep(seconds)
        since = time.monotonic()
        work.send_signal(number)
        _, told = work.communicate()
        took = time.monotonic() - since
    if work.returncode == 0:
        return "ended before it", took
    assert work.returncode in (CODES[number], -number), (work.returncode, told)  # before Python: the system's own exit
    assert "Traceback" not in told or work.returncode == -number, told
    return left(folder / "run"), took


def left(run: Path) -> str:
    """Return what is left of a run: nothing, or one that goes on."""
    assert not list(run.parent.rglob("*.part"))
    if not run.exists():
        return "no directory"
    trainer = Trainer.resume(run)
    trainer.home.release()
    return "goes on from the end" if trainer.finished else "goes on"


@pytest.mark.parametrize("number", CODES)
@pytest.mark.parametrize("seconds", [0.8, *(pytest.param(at, marks=pytest.mark.slow) for at in (3, 6))])
def test_a_signal_ends_the_command_soon_with_nothing_half_made(tmp_path, number, seconds):
    told, took = interrupted(tmp_path, number, seconds)
    assert told
    assert took < 2 * SOON  # this machine may be busy


def counts(each: int) -> Counter:
    with tempfile.TemporaryDirectory() as folder:
        total, found = whole_time(Path(folder)), Counter()
    for number in CODES:
        for i in range(each):
            with tempfile.TemporaryDirectory() as folder:
                told, took = interrupted(Path(folder), number, total * (i + 0.5) / each)
            found[number.name, told] += 1
            found[number.name, "later than 2 s"] += took > SOON
            found[number.name, "slowest, ms"] = max(found[number.name, "slowest, ms"], round(1000 * took))
    return found


@pytest.mark.whole
def test_fifty_of_each_signal_over_the_whole_command():
    found = counts(50)
    print(found)
    assert not any(found[number.name, "later than 2 s"] for number in CODES)


if __name__ == "__main__":
    os.nice(5)
    for (name, what), count in sorted(counts(int((*sys.argv[1:], "50")[0])).items()):
        print(f"{name:8} {what:24} {count}")

"""One run in several processes: the answer of one process, and what is left when a process or torchrun is killed."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from harmonium.storage import read_tensors
from laws import MACHINES

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="the processes cannot be listed"),
]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node"]
FEW = ["bernoulli", "three layers"]
KINDS = {
    "rbm": ["--hidden", "12", "--steps", "1000"],
    "dbn": ["--model", "dbn", "--hidden", "10,8", "--labels", "--steps", "500"],
    "dbm": ["--model", "dbm", "--hidden", "10,6", "--steps", "300"],
}
PATIENCE = 30  # seconds in which all processes must be gone
LONGEST = 300  # seconds that any of these runs may take


def several(count: int, *words: str, restarts: int = 0) -> list[str]:
    return [*TORCHRUN, str(count), "--standalone", "--max-restarts", str(restarts), *words]


def training(out: Path, kind: str, program: Sequence[str] = ("-m", "harmonium"), restarts: int = 0) -> list[str]:
    words = ["train", "digits", *KINDS[kind], "--out", str(out), "--no-report", "--save-every", "0.2"]
    return several(2, *program, *words, restarts=restarts)


def done(command: list[str]) -> None:
    found = subprocess.run(command, capture_output=True, text=True, timeout=4 * LONGEST)
    assert found.returncode == 0, found.stderr[-2000:]


def workers(out: Path) -> list[int]:
    """Return the processes that train a run, torchrun left out."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = place.read_bytes().split(b"\0")
        except OSError:  # it has ended meanwhile
            continue
        if str(out).encode() in words and b"torch.distributed.run" not in words:
            found.append(int(place.parent.name))
    return found


def wait_for_a_checkpoint(out: Path) -> None:
    until = time.monotonic() + LONGEST
    while not list((out / "checkpoints").glob("[0-9]*")):
        assert time.monotonic() < until
        time.sleep(0.02)


def gone(out: Path) -> bool:
    """Return whether all processes of a run are gone in time."""
    until = time.monotonic() + PATIENCE
    while workers(out):
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    """Give the bytes of the model that two processes reach, for each kind when it is first asked for."""
    found: dict[str, bytes] = {}

    def model(kind: str) -> bytes:
        if kind not in found:
            out = tmp_path_factory.mktemp(kind) / "run"
            done(training(out, kind, [str(Path(__file__).with_name("threadless.py"))]))
            found[kind] = (out / "model.safetensors").read_bytes()
        return found[kind]

    return model


@pytest.mark.parametrize("names", [FEW, pytest.param([*MACHINES], marks=pytest.mark.whole)], ids=["few", "all"])
def test_several_processes_learn_what_one_learns(names, tmp_path):
    """Parameters and chains after 200 steps, in float64, to 1e-12."""
    script, learned = str(Path(__file__).with_name("shares.py")), {}
    for count in (1, 2, 4):
        done(several(count, script, str(tmp_path / f"{count}"), *names))
        learned[count] = read_tensors(tmp_path / f"{count}")[0]
    for count in (2, 4):
        assert learned[count].keys() == learned[1].keys()
        for key, value in learned[1].items():
            assert float((learned[count][key] - value).abs().max()) < 1e-12, (count, key)


@pytest.mark.parametrize("trial", [0, *(pytest.param(i, marks=pytest.mark.whole) for i in range(1, 20))])
def test_a_killed_process_costs_nothing(trial, untouched, tmp_path):
    """One of two processes is killed at a random time: torchrun starts both again, and they end at the same bytes."""
    kind, chance, out = list(KINDS)[trial % len(KINDS)], random.Random(trial), tmp_path / "run"
    work = subprocess.Popen(training(out, kind, restarts=1), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    wait_for_a_checkpoint(out)
    time.sleep(chance.uniform(0, 1.5))
    os.kill(chance.choice(workers(out)), signal.SIGKILL)
    told = work.communicate(timeout=LONGEST)[1].decode()
    assert work.returncode == 0, told[-2000:]
    assert (out / "model.safetensors").read_bytes() == untouched(kind)
    assert gone(out)


@pytest.mark.parametrize("trial", [0, *(pytest.param(i, marks=pytest.mark.whole) for i in range(1, 20))])
def test_no_process_outlives_torchrun_and_the_run_goes_on(trial, untouched, tmp_path):
    """torchrun itself is killed: its processes save and end, and `--resume` ends at the same bytes."""
    kind, chance, out = list(KINDS)[trial % len(KINDS)], random.Random(trial), tmp_path / "run"
    work = subprocess.Popen(training(out, kind), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for_a_checkpoint(out)
    time.sleep(chance.uniform(0, 1.5))
    work.send_signal(signal.SIGKILL)
    work.wait()
    assert gone(out)
    done(several(2, "-m", "harmonium", "train", "--resume", str(out), "--no-report"))
    assert (out / "model.safetensors").read_bytes() == untouched(kind)


def test_a_run_of_somebody_else_is_not_gone_on_with(tmp_path):
    """Started again, the processes still do not take an older run for theirs."""
    words = ["train", "digits", "--hidden", "4", "--steps", "30", "--no-report", "--out", str(tmp_path / "run")]
    done([sys.executable, "-m", "harmonium", *words])
    before = (tmp_path / "run" / "model.safetensors").read_bytes()
    command = several(2, "-m", "harmonium", *words, "--seed", "5", restarts=1)
    found = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST)
    assert found.returncode != 0
    assert found.stderr.count("already holds a run, saved at step 30") == 2
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["--batch-size", "25", "--out", "run"],
            "--batch-size 25 cannot be shared evenly by 2 processes: pass --batch-size 24 or 26",
        ),
        (["--sampler", "pt", "--out", "run"], "--sampler pt keeps its replicas in one process"),
        ([], "several processes write one run: say where with --out"),
    ],
)
def test_what_cannot_be_shared_is_told_in_one_line(words, told, tmp_path):
    command = several(2, "-m", "harmonium", "train", "digits", *words)
    found = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=LONGEST)
    assert found.returncode != 0
    assert found.stderr.count(f"harmonium: {told}") == 1
    assert not (tmp_path / "run" / "config.yaml").exists()

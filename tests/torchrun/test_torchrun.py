"""One run in several processes: the answer of one process, and what is left when a process or torchrun is killed."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from shares import all_learned

from cli.inside import harmonium
from crash.moments import wait_for_step, wait_until
from harmonium.cli import console
from harmonium.fitting import torchrun
from harmonium.storage import read_tensors
from laws import MACHINES

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node"]
FEW = ["bernoulli", "three layers"]
KINDS = {
    "rbm": ["--hidden", "12"],
    "dbn": ["--model", "dbn", "--hidden", "10,8", "--labels"],
    "dbm": ["--model", "dbm", "--hidden", "10,6"],
}
STEPS = 60
PATIENCE = 30  # seconds in which all processes must be gone
LONGEST = 300  # seconds that any of these runs may take


def several(count: int, *words: str, restarts: int = 0) -> list[str]:
    return [*TORCHRUN, str(count), "--standalone", "--max-restarts", str(restarts), *words]


@pytest.fixture(scope="module")
def training(tmp_path_factory):
    """Give the command that trains a kind in two processes and saves after every update."""
    g, file = np.random.default_rng(0), tmp_path_factory.mktemp("rows") / "rows.npz"
    np.savez(file, data=g.integers(0, 2, (250, 20), dtype=np.uint8), labels=np.arange(250) % 3)

    def command(out: Path, kind: str, program: Sequence[str] = ("-m", "harmonium"), restarts: int = 0) -> list[str]:
        words = [str(file), *KINDS[kind], "--steps", str(STEPS), "--batch-size", "50", "--out", str(out)]
        return several(2, *program, "train", *words, "--no-report", "--save-every", "0", restarts=restarts)

    return command


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
    return sorted(found)


@pytest.fixture(scope="module")
def untouched(training, tmp_path_factory):
    """Give the bytes of the model that two processes reach, for each kind when it is first asked for."""
    found: dict[str, bytes] = {}

    def model(kind: str) -> bytes:
        if kind not in found:
            out = tmp_path_factory.mktemp(kind) / "run"
            done(training(out, kind, [str(Path(__file__).with_name("threadless.py"))]))
            found[kind] = (out / "model.safetensors").read_bytes()
        return found[kind]

    return model


def learned(count: int, names: Sequence[str], file: Path) -> dict:
    """Return what so many processes learn."""
    done(several(count, str(Path(__file__).with_name("shares.py")), str(file), *names))
    return read_tensors(file)[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "names"),
    [(2, FEW), *(pytest.param(n, [*MACHINES], marks=pytest.mark.whole) for n in (2, 4))],
    ids=["few", "all", "all in four"],
)
def test_several_processes_learn_what_one_learns(count, names, tmp_path):
    """Parameters and chains after 50 steps, in float64, to 1e-12."""
    one, more = all_learned(names), learned(count, names, tmp_path / "found")
    assert more.keys() == one.keys()
    for key, value in one.items():
        assert float((more[key] - value).abs().max()) < 1e-12, key


def kill(what: str, work: subprocess.Popen, out: Path, chance: random.Random, step: int) -> None:
    """Kill one of the processes of a run, or the torchrun that started them, when the run has come to a step."""
    wait_for_step(out, step, LONGEST)
    if what == "process":
        os.kill(chance.choice(workers(out)), signal.SIGKILL)
    else:
        work.kill()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="the processes cannot be listed")
@pytest.mark.parametrize(
    ("killed", "trial"),
    [
        (["process", "torchrun"], 0),
        *(pytest.param([one], i, marks=pytest.mark.whole) for one in ("process", "torchrun") for i in range(20)),
    ],
)
def test_whatever_is_killed_costs_nothing(killed, trial, training, untouched, tmp_path):
    """One of two processes is killed at a random step: torchrun starts both again.  torchrun itself is killed: its
    processes save and end, and `--resume` goes on.  They end at the same bytes, and no process is left.
    """
    kind, chance, out = list(KINDS)[trial % len(KINDS)], random.Random(trial), tmp_path / "run"
    work = subprocess.Popen(training(out, kind, restarts=1), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    for i, what in enumerate(killed):
        kill(what, work, out, chance, (20 * i) + chance.randrange(20))
    told = work.communicate(timeout=LONGEST)[1].decode()
    assert work.returncode == (-signal.SIGKILL if "torchrun" in killed else 0), told[-2000:]
    assert wait_until(lambda: not workers(out), PATIENCE)
    if "torchrun" in killed:
        done(several(2, "-m", "harmonium", "train", "--resume", str(out), "--no-report"))
    assert (out / "model.safetensors").read_bytes() == untouched(kind)


@pytest.fixture
def stand_for(monkeypatch):
    """Give what makes this process one of two that torchrun started, before they have joined."""

    def one(rank: int, restart: int = 0) -> None:
        words = {"RANK": rank, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2, "MASTER_ADDR": "localhost", "MASTER_PORT": 1,
                 "TORCHELASTIC_RUN_ID": "here", "TORCHELASTIC_RESTART_COUNT": restart}  # fmt: skip
        for name, value in words.items():
            monkeypatch.setenv(name, str(value))
        monkeypatch.setattr(torchrun, "joined", nullcontext)
        monkeypatch.setattr(console, "_hushed", False)

    return one


def test_a_run_of_somebody_else_is_not_gone_on_with(stand_for, tmp_path):
    """Started again, the processes still do not take an older run for theirs."""
    words = ["train", "digits", "--hidden", "4", "--steps", "30", "--no-report", "--out", "run"]
    assert harmonium(*words, cwd=tmp_path).returncode == 0
    before = (tmp_path / "run" / "model.safetensors").read_bytes()
    for restart in (0, 1):
        stand_for(0, restart)
        found = harmonium(*words, "--seed", "5", cwd=tmp_path)
        assert found.returncode == 2
        assert found.stderr.count("already holds a run, saved at step 30") == 1
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == before


UNSHARED = [
    (
        ["--batch-size", "25", "--out", "run"],
        "--batch-size 25 cannot be shared evenly by 2 processes: pass --batch-size 24 or 26",
    ),
    (["--sampler", "pt", "--out", "run"], "--sampler pt keeps its replicas in one process"),
    ([], "several processes write one run: say where with --out"),
]


@pytest.mark.parametrize(("words", "told"), UNSHARED)
def test_what_cannot_be_shared_is_told_in_one_line(words, told, stand_for, tmp_path):
    """By the first process; the other waits for it, and says nothing when it has ended."""
    stand_for(0)
    found = harmonium("train", "digits", *words, cwd=tmp_path)
    assert found.returncode == 2
    assert found.stderr.startswith(f"harmonium: {told}")
    assert found.stderr.count("\n") == 1
    assert not (tmp_path / "run" / "config.yaml").exists()


def test_all_processes_but_the_first_are_silent(stand_for, tmp_path):
    stand_for(1)
    found = harmonium("train", "digits", "--batch-size", "25", "--out", "run", cwd=tmp_path)
    assert (found.returncode, found.stdout, found.stderr) == (2, "", "")


@pytest.mark.whole
@pytest.mark.parametrize(("words", "told"), UNSHARED)
def test_what_cannot_be_shared_ends_all_processes(words, told, tmp_path):
    command = several(2, "-m", "harmonium", "train", "digits", *words)
    found = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=LONGEST)
    assert found.returncode != 0
    assert found.stderr.count(f"harmonium: {told}") == 1

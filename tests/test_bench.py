"""The bench runs, its peers begin at one machine, and races end when they should."""

import importlib
import json
import math
import re
import tomllib
from pathlib import Path

import pytest
import torch

from harmonium import RBM

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # a peer's
BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def bench(monkeypatch):
    """Return what imports a module of the bench; torch's own stream and threads are left as they were."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    threads = torch.get_num_threads()
    with torch.random.fork_rng():
        yield importlib.import_module
    torch.set_num_threads(threads)


@pytest.mark.slow
def test_the_bench_writes_what_it_found(bench, tmp_path, capsys):
    assert bench("bench").main(["--tiny", "--out", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "bench.json").read_text())
    assert set(found) == {"An update", "Time to a likelihood", "Scale"}
    for row in (row for rows in found.values() for row in rows):
        assert {"work", "threads", "precision", "processor", "flags", "versions"} <= set(row)
    assert (tmp_path / "bench.md").read_text() in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="with a card it takes minutes")
def test_the_script_for_a_card_ends_without_one(bench, tmp_path):
    assert bench("gpu").main(["--out", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert {"The card beside the processor", "Updates", "Many chains", "Waiting in an epoch"} <= set(found)
    assert all(row["found"] <= row["at most"] for row in found["The card beside the processor"])
    assert bench("gpu").main(["--out", str(tmp_path), "--seconds", "-1"]) == 0  # no time: no part begins


def test_learners_begin_at_the_given_machine_and_move(bench):
    """Those that are installed: none takes a first step before it is asked to."""
    peers, v = bench("peers"), torch.bernoulli(torch.full((64, 6), 0.3))
    start = RBM(6, 4, generator=0)
    for make in (peers.ours, *(peers.PEERS[name] for name in filter(peers.available, peers.PEERS))):
        learner = make(v, start, peers.Asked(8))
        for ours, theirs in zip(start.parameters(), learner.machine().parameters(), strict=True):
            assert torch.equal(ours, theirs)
        learner.work(10)
        assert not torch.equal(learner.machine().weight, start.weight)
        assert learner.precision == "float32"
        assert learner.machine().weight.dtype == torch.float32


def test_a_race_ends_when_all_have_passed_or_taken_twice_as_long(bench, monkeypatch):
    """Runners who climb one nat a second from 0; the one who climbs ten passes after half a second."""
    race = bench("race")

    def run(one, test):
        one.seconds += 0.25
        one.best = one.learner * one.seconds

    monkeypatch.setattr(race.Runner, "run", run)
    quick, slow, late = race.Runner(10), race.Runner(1), race.Runner(0)
    race.compete([quick, slow, late], None, 5.0, 100.0)
    assert (quick.seconds, slow.seconds, late.seconds) == (0.5, 1.0, 1.0)
    alone = race.Runner(1)
    race.compete([alone], None, math.inf, 3.0)
    assert alone.seconds == 3.0


def test_extras_that_are_told_of_are_there():
    """pip installs nothing for an extra that is not, and only warns."""
    root = Path(__file__).parents[1]
    extras = tomllib.loads((root / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    texts = [root / "Makefile", root / "README.md", root / "CONTRIBUTING.md", *(root / "docs").rglob("*.md")]
    told = {name for path in texts for name in re.findall(r"\[(\w+)\]'", path.read_text())}
    assert told == set(extras)

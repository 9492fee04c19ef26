"""One place to extend: a kind of units, a sampler, a model and a data set of a user's own, each one class and one
entry.
"""

import json

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from harmonium import RBM, Bernoulli, Sampler, gibbs_sample
from harmonium.cli import main
from harmonium.data import NamedData, Table
from harmonium.fitting.plans import Plan
from harmonium.registry import DATASETS, MODELS, SAMPLERS, UNITS
from harmonium.units.discrete import Discrete
from marks import slow_but


class Trit(Discrete):
    """Units that are −1, 0 or +1."""

    support = "-1, 0 or +1"

    def cgf(self, field: Tensor) -> Tensor:
        z = self.bias + field
        return torch.stack([-z, torch.zeros_like(z), z]).logsumexp(0).sum(-1)

    def mean(self, field: Tensor) -> Tensor:
        z = self.bias + field
        return 2 * z.sinh() / (1 + 2 * z.cosh())

    def sample(self, field: Tensor, *, generator: Generator | None = None) -> Tensor:
        from harmonium import numerics

        z = self.bias + field
        drawn = numerics.one_hot(torch.stack([-z, torch.zeros_like(z), z], -1), generator=generator)
        return drawn @ torch.tensor([-1.0, 0.0, 1.0]).to(drawn)

    def init_from_data(self, v: Tensor) -> None:
        with torch.no_grad():
            self.bias.copy_(v.mean(0))

    def values(self) -> Tensor:
        return self.bias.new_tensor([[-1.0], [0.0], [1.0]])


class Twice(Sampler):
    """Chains from the data that take twice the steps."""

    words = "twice as many steps"

    def forward(self, machine, positive, *, generator=None):
        return gibbs_sample(machine, positive, 2 * self.k, generator=generator)


class TiedRBM(RBM):
    """An RBM that is another class."""


class TiedPlan(Plan):
    words = "tied machine"

    def machine(self, done, visible, generator):
        return TiedRBM(visible, self.hidden(0), generator=generator)


def toy_table(split, data_dir):
    rows = np.random.default_rng(0).integers(0, 2, (300, 9)).astype(np.uint8)
    return Table(rows.reshape(300, 3, 3), rows[:, 0].astype(np.int64), "toys", "made here", held_out=60)


ENTRIES = {
    "kind of units": (UNITS, "trit", Trit, ["trits.npy", "--visible", "trit", "--levels", "0"]),
    "hidden units": (UNITS, "trit", Trit, ["digits", "--hidden-kind", "trit"]),
    "sampler": (SAMPLERS, "twice", Twice, ["digits", "--sampler", "twice"]),
    "model": (MODELS, "tied", TiedPlan, ["digits", "--model", "tied"]),
    "data set": (DATASETS, "toys", NamedData("three hundred toys", toy_table), ["toys", "--labels"]),
}


def harmonium(capsys, *words):
    main([*map(str, words)])  # which raises SystemExit where something is wrong
    return capsys.readouterr()


@pytest.mark.parametrize("what", slow_but(ENTRIES, ("kind of units",)))
def test_a_toy_goes_through_train_resume_evaluate_report_and_sample(what, tmp_path, capsys, monkeypatch, short):
    registry, name, thing, words = ENTRIES[what]
    monkeypatch.setitem(registry, name, thing)
    monkeypatch.chdir(tmp_path)
    np.save("trits.npy", np.random.default_rng(0).integers(-1, 2, (200, 6)))
    small = ["--hidden", 5, "--seed", 1]
    harmonium(capsys, "train", *words, *small, "--epochs", 2, "--no-report", "--out", "run")
    harmonium(capsys, "train", "--resume", "run", "--epochs", 3, "--no-report")
    assert (tmp_path / "run" / "metrics.csv").read_text().count("\n") == 4
    found = json.loads(harmonium(capsys, "evaluate", "run", "--json").out)
    assert found["verdict"] == "exact"
    harmonium(capsys, "sample", "run", "--gibbs-steps", 3, "--out", "s.png")
    assert (tmp_path / "s.png").read_bytes()[:4] == b"\x89PNG"
    harmonium(capsys, "report", "run")
    page = (tmp_path / "run" / "report.html").read_text()
    words_of_it = {"sampler": "twice as many steps", "model": "tied machine", "data set": "toys"}.get(what, "trit")
    assert words_of_it in page
    if what == "data set":
        assert "three hundred toys" in harmonium(capsys, "data", "list").out


def test_what_is_not_known_is_told_with_what_is():
    for registry in (UNITS, SAMPLERS, MODELS, DATASETS):
        first = next(iter(registry))
        with pytest.raises(Exception, match=f"did you mean '{first}'"):
            registry[first + "x"]
        assert registry[first] is registry[first]
    assert isinstance(UNITS["bernoulli"](3), Bernoulli)

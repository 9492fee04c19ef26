"""The global streams of torch, numpy and Python stand where they stood after all that the library does."""

import random
import runpy
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
import rich.style  # noqa: F401  (draws a number from Python's stream when it is imported)
import torch

from harmonium import CD, DBN, RBM, Bernoulli, CenterGradient, data, evaluation, gibbs_sample, impute, sample, train
from harmonium.cli import main
from harmonium.sampling import denoise, sample_chain
from harmonium.training import finetune_classifier, to_sequential, updown
from laws import MACHINES, SAMPLERS, machine, rng

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))
QUICK = {"gan_comparison.py": ["--updates", "20", "--gibbs-steps", "20"]}


@contextmanager
def untouched() -> Iterator[None]:
    """Fail where what runs within it draws from a global stream, or seeds one."""
    before = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
    yield
    after = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
    assert torch.equal(after[0], before[0]), "torch's global stream has moved"
    assert all(np.array_equal(a, b) for a, b in zip(after[1], before[1], strict=True)), (
        "numpy's global stream has moved"
    )
    assert after[2] == before[2], "Python's global stream has moved"


@pytest.mark.parametrize(
    "draw",
    [
        lambda: torch.rand(1), lambda: np.random.rand(1), random.random, lambda: torch.nn.Linear(2, 2),  # noqa: NPY002
        lambda: torch.manual_seed(0), lambda: RBM(Bernoulli(2), Bernoulli(2)),
    ],
)  # fmt: skip
def test_a_draw_from_a_global_stream_is_seen(draw):
    with pytest.raises(AssertionError, match="global stream has moved"), untouched():
        draw()


@pytest.mark.parametrize("name", MACHINES)
def test_training_and_sampling_touch_no_global_stream(name):
    m = machine(name)
    rows = m.sample_independent(40, generator=rng(1))[:, : m.visible.width]
    with untouched():
        optimizer = torch.optim.SGD(m.parameters(), lr=0.001)
        transforms = [CenterGradient()] if "general" not in name else []
        feed = data.batches(rows, 10, generator=rng(2))
        for step in train(m, feed, CD(), optimizer, transforms=transforms, generator=rng(3)):
            if step.index == 3:
                break
        gibbs_sample(m, m.infer(rows, generator=rng(4)), 2, generator=rng(5))
        next(sample_chain(m, 4, 2, generator=rng(6)))
        evaluation.ais(m, rows, n_betas=3, chains=8, burn=1, generator=rng(7))
        known = torch.arange(m.visible.width) < (3 if name == "potts" else 1)  # the whole of a site
        impute(m, rows[:2], known, chains=2, gibbs_steps=20, generator=rng(9))
        denoise(m, rows[:2], 0.1, chains=2, gibbs_steps=20, generator=rng(9))
        evaluation.log_evidence(m, rows, generator=rng(8))


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_samplers_touch_no_global_stream(sampler):
    m = machine("bernoulli")
    rows = m.sample_independent(40, generator=rng(1))
    with untouched():
        source = SAMPLERS[sampler](m)
        for _ in range(3):
            source(m, rows, generator=rng(2))


def test_networks_and_classifiers_touch_no_global_stream():
    with untouched():
        g = rng(1)
        layers = [RBM(Bernoulli(6), Bernoulli(5), generator=g), RBM(Bernoulli(5), Bernoulli(4), generator=g)]
        dbn, v = DBN.stack(layers), data.batches(torch.eye(6), 4, generator=g)
        next(updown(dbn, v, torch.optim.SGD(dbn.parameters(), lr=0.01), generator=g))
        net = to_sequential(dbn, 3, generator=g)
        pairs = ((next(v), torch.tensor([0, 1, 2, 0])) for _ in range(2))
        for _ in finetune_classifier(net, pairs, torch.optim.SGD(net.parameters(), lr=0.01)):
            pass
    labeled = machine("labeled")
    with untouched():
        sample(labeled, 2, 4, label=torch.tensor([1, 2]), generator=rng(2))
        evaluation.gibbs_class_probs(labeled, labeled.visible.states()[:4, :3], generator=rng(3))


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A small run of the command line, trained in this process."""
    place = tmp_path_factory.mktemp("streams")
    with untouched():
        called("train", "digits", "--labels", "--hidden", 6, "--steps", 20, "--out", place / "a", "--no-report")
    return place / "a"


def called(*words):
    """Run a command in this process."""
    with suppress(SystemExit):  # which no command that went well raises but with 0
        main(list(map(str, words)))
        return
    pytest.fail(f"{words[0]} ended early")


COMMANDS = {
    "evaluate": lambda home: ["evaluate", home],
    "sample": lambda home: ["sample", home, "--gibbs-steps", 20, "--out", home.parent / "sample.png"],
    "recover": lambda home: ["recover", home, "--gibbs-steps", 4, "--out", home.parent / "recovered.png"],
    "classify": lambda home: ["classify", home],
    "label": lambda home: ["sample", home, "--label", 1, "--gibbs-steps", 20, "--out", home.parent / "label.png"],
    "finetune": lambda home: ["finetune", home, "--method", "classifier", "--epochs", 1, "--no-report"],
    "weights": lambda home: ["weights", home, "--out", home.parent / "weights.png"],
    "report": lambda home: ["report", home],
    "info": lambda home: ["info", home],
    "data": lambda home: ["data", "check", "digits"],
    "doctor": lambda home: ["doctor"],
}


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_commands_touch_no_global_stream(home, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with untouched():
        called(*COMMANDS[command](home))


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda file: file.name)
def test_examples_touch_no_global_stream(example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(example), *QUICK.get(example.name, [])])
    with untouched():
        runpy.run_path(str(example), run_name="__main__")

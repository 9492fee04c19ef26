"""The parts that the MNIST recipes stand on, checked on machines small enough to enumerate."""

import math
import os
from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from harmonium import RBM, Bernoulli, InputError, evaluation
from harmonium.data import Dataset
from harmonium.evaluation import Estimate
from harmonium.progress import silent
from harmonium.recipes import HOME
from harmonium.recipes.common import mnist
from harmonium.recipes.common.steps import stream
from harmonium.report.template import fill

SETTINGS = {"seed": 3, "batch": 4, "epochs": 3, "chains": 400, "n_betas": 200, "most": 200}


def small(hidden=3, visible=6, size=1.0):
    draw = torch.Generator().manual_seed(7)
    machine = RBM(Bernoulli(visible), Bernoulli(hidden), generator=draw).double()
    with torch.no_grad():
        for p in machine.parameters():
            p.copy_(size * torch.randn(p.shape, generator=draw, dtype=p.dtype))
    return machine


def toy_rows(count=10, width=6):
    gray = np.random.default_rng(0).integers(0, 256, (count, width), dtype=np.uint8)
    dataset = Dataset("toy", "train", gray, 255, (width,), None, "nowhere")
    bits = dataset.binarized("threshold").double()
    return mnist.Digits(dataset, bits, bits, bits, dataset.tensor())


def estimate(value, verdict="consistent"):
    return Estimate(value, 0.1, "ais", verdict, "why", 100, 500, 42.0, value, 0.1, value - 1, value + 1)


def test_streams_repeat_and_differ():
    def draws(seed, number):
        return torch.rand(5, generator=stream(seed, number))

    assert torch.equal(draws(0, 3), draws(0, 3))
    assert not torch.equal(draws(0, 3), draws(0, 4))
    assert not torch.equal(draws(0, 3), draws(1, 3))


def test_passes_take_whole_epochs_of_losses_in_order():
    losses = iter([torch.tensor(float(i)) for i in range(6)])
    watched = []

    def progress(steps, label):
        watched.append((len(steps), label))
        return steps

    found = list(mnist.passes(losses, toy_rows(), SETTINGS, progress, "training"))
    assert found == [(0, [0.0, 1.0]), (1, [2.0, 3.0]), (2, [4.0, 5.0])]  # 10 rows make 2 batches of 4
    assert watched == [(3, "training")]


def test_batches_draw_the_gray_levels_anew():
    rows = toy_rows(count=4)
    found = mnist.batches(rows, SETTINGS, torch.Generator().manual_seed(0))
    drawn = torch.stack([next(found) for _ in range(2000)])
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    gray = rows.gray.tensor()
    error = 5 * (0.25 / drawn[:, 0].numel()) ** 0.5
    assert abs(float(drawn.mean()) - float(gray.mean())) < error


def test_long_chains_end_in_states_and_their_probabilities():
    machine, draw = small().float(), torch.Generator().manual_seed(0)
    start = mnist.coin_flips(machine, 20_000, generator=draw)
    assert set(start.unique().tolist()) == {0.0, 1.0}
    v, odds = mnist.long_chain(machine, start, 30, generator=draw)
    exact = machine.visible.states()
    weights = torch.softmax(-machine.free_energy(exact).detach().double(), 0)
    truth = weights @ exact.double()
    for found in (v, odds):
        assert torch.allclose(found.double().mean(0), truth, atol=5 * (0.25 / 20_000) ** 0.5)
    assert ((odds > 0) & (odds < 1)).all()


def test_compare_gradients_of_a_loss_with_itself_its_half_and_its_opposite():
    machine, v = small(), toy_rows().train

    def loss(machine, v, generator):
        return machine.free_energy(v).mean()

    assert mnist.compare_gradients(machine, v, loss, loss, 0) == pytest.approx(
        {"cosine": 1.0, "ratio": 1.0, "difference": 0.0}
    )
    half = mnist.compare_gradients(machine, v, lambda m, v, g: 0.5 * loss(m, v, g), loss, 0)
    assert half == pytest.approx({"cosine": 1.0, "ratio": 0.5, "difference": 0.5})
    back = mnist.compare_gradients(machine, v, lambda m, v, g: -loss(m, v, g), loss, 0)
    assert back == pytest.approx({"cosine": -1.0, "ratio": 1.0, "difference": 2.0})


def test_compare_gradients_refuses_a_gradient_of_zero():
    with pytest.raises(InputError, match="zero"):
        mnist.compare_gradients(
            small(),
            toy_rows().train,
            lambda m, v, g: m.free_energy(v).mean(),
            lambda m, v, g: 0 * m.free_energy(v).mean(),
            0,
        )


def test_the_likelihood_is_the_exact_one():
    machine, rows = small(), toy_rows()
    truth = evaluation.log_likelihood(machine, rows.test, evaluation.log_partition(machine)).value
    found = SimpleNamespace(**mnist.likelihood(machine, rows, SETTINGS, silent, "toy"))
    assert found.verdict == "consistent"
    assert abs(found.value - truth) < 5 * found.error
    assert abs(found.reverse - truth) < 0.5


@pytest.mark.parametrize(("weight", "hidden", "visible"), [(0.3, 0.0, -12.0), (-2.0, 2.0, 0.0)])
def test_a_state_far_from_the_rows_is_not_missed(weight, hidden, visible):
    """Machines of like units with two states far apart: all pixels dark, and coin flips."""
    machine = RBM(Bernoulli(60), Bernoulli(40)).double().requires_grad_(False)
    for p, value in ((machine.weight, weight), (machine.hidden.bias, hidden), (machine.visible.bias, visible)):
        p.fill_(value)
    dark = torch.zeros(50, 60, dtype=torch.float64)
    dataset = Dataset("dark", "train", np.zeros((50, 60), np.uint8), 1, (60,), None, "nowhere")
    rows = mnist.Digits(dataset, dark, dark, dark, dark)
    truth = evaluation.log_likelihood(machine, dark, exact_by_counts(machine)).value
    found = SimpleNamespace(**mnist.likelihood(machine, rows, SETTINGS | {"chains": 100}, silent, "toy"))
    assert abs(found.value - truth) < 3 * found.error
    assert found.low - 1e-9 <= truth <= found.high + 1e-9


def exact_by_counts(machine):
    """Return log Z of a machine whose units are all alike, by the number of hidden units that are on."""
    hidden, weight, bias = machine.hidden.width, machine.weight[0, 0], machine.hidden.bias[0]
    k = torch.arange(hidden + 1, dtype=torch.float64)
    ways = math.lgamma(hidden + 1) - torch.lgamma(k + 1) - torch.lgamma(hidden - k + 1)
    field = machine.visible.bias[0] + weight * k
    terms = ways + bias * k + machine.visible.width * torch.nn.functional.softplus(field)
    return Estimate.exact(float(torch.logsumexp(terms, 0)))


def told(tmp_path, template, **held):
    """Return what a template says that may include the likelihoods' own."""
    for name, text in (("likelihood.md", (HOME / "common" / "likelihood.md").read_text()), ("page.md", template)):
        (tmp_path / name).write_text(text)
    return fill(tmp_path, "page.md", **held)


def test_a_likelihood_is_written_with_its_verdict_or_as_its_ends(tmp_path):
    template = (
        '{% import "likelihood.md" as likelihood %}{{ likelihood.words(sure) }}; {{ likelihood.words(doubtful) }}'
    )
    found = told(tmp_path, template, sure=asdict(estimate(-140.0)), doubtful=asdict(estimate(-140.0, "inconsistent")))
    assert found == "−140.0 nats (consistent); −141.0 to −139.0 nats (inconsistent)"


def test_the_table_states_split_binarization_estimator_and_baseline(tmp_path):
    found = {"a": asdict(estimate(-140.0)), "b": asdict(estimate(-220.0, "inconsistent"))}
    template = '{% import "likelihood.md" as likelihood %}{{ likelihood.section(found, -206.0, rows, settings) }}'
    text = told(tmp_path, template, found=found, rows={"train": 10, "test": 10}, settings=SETTINGS)
    for words in (
        "10 MNIST test rows",
        "by sampling (seed 3)",
        "annealed importance sampling",
        "−206",
        "[!inconsistent]",
    ):
        assert words in text


@pytest.mark.slow
def test_load_draws_the_same_rows_for_one_seed(mnist_home):
    settings = {"seed": 1, "rows": 100, "test_rows": 30, "data_dir": None}
    one, other = mnist.load(settings), mnist.load(settings)
    assert torch.equal(one.train, other.train)
    assert torch.equal(one.test, other.test)
    assert (len(one.gray), len(one.train), len(one.valid), len(one.test)) == (100, 100, 1000, 30)
    assert set(one.test.unique().tolist()) == {0.0, 1.0}
    assert not torch.equal(one.test, mnist.load(settings | {"seed": 2}).test)
    assert ((one.test == 1) <= (one.gray_test > 0)).all()  # black pixels are never lit


@pytest.fixture
def mnist_home():
    home = os.environ.get("HARMONIUM_DATA")
    if not home or not os.path.isdir(os.path.join(home, "mnist")):
        pytest.skip("HARMONIUM_DATA names no folder with mnist/ in it")
    return home

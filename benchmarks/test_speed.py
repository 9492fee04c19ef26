"""Time an update of harmonium beside those of its peers and the matrix products alone: ``make bench``.

Each case runs its works in turns and leaves a table.  Of each peer, the ratio says how many times as long it takes.
"""

from collections.abc import Callable

import pytest
import torch
from interleave import Timing, turns
from peers import floor, ours, rows_like_mnist, sklearn_rbm, tutorial

from harmonium import CD, DBM, DBN, PCD, RBM, Bernoulli, data, evaluation, gibbs_sample, train
from harmonium.training import updown

SIZES = [(128, 64), (500, 64), (500, 512), (2000, 512)]
ROUNDS = 5
HALF = torch.bfloat16


@pytest.fixture(scope="session")
def rows():
    return rows_like_mnist()


@pytest.fixture
def bench(benchmark, request):
    """Take turns under pytest-benchmark, which keeps the figures; the first work is the one that it names."""

    def timed(works: dict[str, Callable[[int], None]], updates: int, rounds: int = ROUNDS) -> dict[str, Timing]:
        found = benchmark.pedantic(turns, (works, updates, rounds), rounds=1)
        benchmark.extra_info.update({one.name: vars(one) for one in found})
        request.config.tables.append((request.node.name, found))
        return {one.name: one for one in found}

    return timed


@pytest.mark.parametrize(("hidden", "batch"), SIZES)
def test_one_sweep(bench, rows, hidden, batch):
    """CD-1 and PCD-1; scikit-learn has PCD-1, the tutorial CD-1, the floor the five products of either."""
    works = {
        "PCD-1": ours(rows, hidden, batch, "pcd"),
        "CD-1": ours(rows, hidden, batch),
        "PCD-1 bfloat16": ours(rows, hidden, batch, "pcd", precision="bfloat16"),
        "CD-1 bfloat16": ours(rows, hidden, batch, precision="bfloat16"),
        "tutorial": tutorial(rows, hidden, batch),
        "scikit-learn": sklearn_rbm(rows, hidden, batch),
        "floor float32": floor(784, hidden, batch, torch.float32),
        "floor bfloat16": floor(784, hidden, batch, HALF),
    }
    bench(works, 20 if batch * hidden > 200_000 else 200)


@pytest.mark.parametrize(("hidden", "batch"), SIZES)
def test_ten_sweeps(bench, rows, hidden, batch):
    works = {
        "PCD-10": ours(rows, hidden, batch, "pcd", 10),
        "PCD-10 bfloat16": ours(rows, hidden, batch, "pcd", 10, "bfloat16"),
        "floor float32": floor(784, hidden, batch, torch.float32, 10),
        "floor bfloat16": floor(784, hidden, batch, HALF, 10),
    }
    bench(works, 5 if batch * hidden > 200_000 else 50)


def machine(hidden=500):
    rbm = RBM(Bernoulli(784), Bernoulli(hidden), generator=torch.Generator().manual_seed(0))
    return rbm.requires_grad_(False)


def steps_alone(chains, hidden=500):
    """Return the two products of a Gibbs step, and nothing else."""
    w, v, h = torch.randn(784, hidden), torch.ones(chains, 784), torch.ones(chains, hidden)

    def work(count):
        for _ in range(count):
            v @ w
            h @ w.T

    return work


def test_long_sampling(bench, rows):
    """1000 Gibbs steps of 64 chains."""
    rbm, g = machine(), torch.Generator().manual_seed(0)
    bench(
        {
            "sampling": lambda gibbs_steps: gibbs_sample(rbm, rows[:64], gibbs_steps, generator=g),
            "floor": steps_alone(64),
        },
        1000,
    )


def test_ais(bench, rows):
    """1000 chains; what is counted is one replica of all three passes, from two starts and back: six products at
    least.
    """
    rbm, g = machine(), torch.Generator().manual_seed(0)

    def ais(n_betas):
        evaluation.ais(rbm, rows[:2000], chains=1000, n_betas=max(2, n_betas), burn=1, generator=g)

    alone = steps_alone(1000)
    bench({"annealing": ais, "floor": lambda n_betas: alone(3 * n_betas)}, 200)


def test_deep_machines(bench, rows):
    """A batch of 100 of up-down for 784-500-500, and of the DBM 784-500-500."""
    g = torch.Generator().manual_seed(0)
    layers = [RBM(Bernoulli(784), Bernoulli(500), generator=g), RBM(Bernoulli(500), Bernoulli(500), generator=g)]
    network, dbm = DBN.stack(layers), DBM(Bernoulli(784), Bernoulli(500), Bernoulli(500), infer_steps=10, generator=g)
    feed = data.batches(rows, 100, generator=g)
    tuning = updown(network, feed, torch.optim.SGD(network.parameters(), lr=0.01, fused=True), generator=g)
    chains = PCD(dbm.sample_independent(100, generator=g))
    learning = train(dbm, feed, chains, torch.optim.SGD(dbm.parameters(), lr=0.01, fused=True), generator=g)
    first = train(layers[0], feed, CD(), torch.optim.SGD(layers[0].parameters(), lr=0.01), generator=g)

    def taking(steps):
        return lambda updates: [next(steps) for _ in range(updates)]

    works = {"up-down": taking(tuning), "DBM": taking(learning), "one layer, CD-1": taking(first)}
    bench(works | {"floor float32": floor(784, 500, 100, torch.float32)}, 50)


def test_exact_log_partition(bench):
    """20 hidden units: 2²⁰ states of the hidden row."""
    rbm = machine(20)
    bench({"exact log Z": lambda times: [evaluation.log_partition(rbm) for _ in range(times)]}, 1, rounds=1)


@pytest.mark.parametrize("what", ["rows", "hidden", "gibbs_steps"])
def test_time_grows_in_proportion(bench, rows, what):
    """Twice the rows of a batch, hidden units or Gibbs steps take about twice as long."""
    works = {}
    for times in (1, 2, 4):
        batch, hidden, k = 256, 512, 4
        batch *= times if what == "rows" else 1
        hidden *= times if what == "hidden" else 1
        k *= times if what == "gibbs_steps" else 1
        works[f"{what} ×{times}"] = ours(rows, hidden, batch, "pcd", k)
    bench(works, 10)

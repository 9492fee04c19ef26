import time

import pytest
import torch

from harmonium import RBM, Bernoulli, InputError, evaluation
from harmonium.evaluation.ais import ais_base, climb
from harmonium.machines import abreast
from laws import MACHINES, bimodal, exact_states, machine, randomized, rng
from marks import slow_but


@pytest.mark.parametrize("name", slow_but(MACHINES))
@pytest.mark.parametrize("n_betas", [2, 4, 50])
def test_annealing_agrees_with_enumeration(name, n_betas):
    """With few temperatures too, where a wrong order of weight and Gibbs step would show."""
    m = machine(name)
    truth = evaluation.log_partition(m).value
    estimate = evaluation.ais(m, chains=100_000 // n_betas, n_betas=n_betas, generator=rng())
    assert abs(estimate.value - truth) < 5 * estimate.error
    assert estimate.error < 0.5


@pytest.mark.parametrize("name", slow_but(MACHINES))
def test_chains_led_up_from_any_start_weigh_each_part_of_the_states_by_its_share(name):
    """E[weight · 1(the last state is in a part)] = Z of the part, with three betas, for each of two starts abreast."""
    m = machine(name).requires_grad_(False)
    starts = [m.independent(), m.independent(exact_states(m, 4)[:1])]
    x = torch.stack([start.sample_independent(100_000, generator=rng(i)) for i, start in enumerate(starts)])
    betas = torch.tensor([[0.0, 0.0], [0.4, 0.7], [1.0, 1.0]], dtype=torch.float64)
    weight, last = climb(abreast(starts), m, betas, x, generator=rng(2))
    zero = torch.stack([start.log_partition_independent() for start in starts])
    truth, states = evaluation.log_partition(m).value, exact_states(m, 100_000, seed=8)
    cut = states[:, 0].min() if len(states[:, 0].unique()) < 9 else states[:, 0].median()
    share = (states[:, 0] > cut).double().mean()
    for w, end, log_z in zip(weight, last, zero, strict=True):
        inside = torch.exp(w + log_z - truth) * (end[:, 0] > cut)
        error = torch.hypot(inside.std(), (share * (1 - share)) ** 0.5) / 100_000**0.5
        assert abs(float(inside.mean() - share)) < 5 * float(error)


@pytest.mark.parametrize("name", slow_but(MACHINES))
def test_the_way_back_agrees_too(name):
    m = machine(name)
    truth = evaluation.log_partition(m).value
    data = exact_states(m, 3000)[:, : m.visible.width]
    estimate = evaluation.ais(m, data, chains=3000, n_betas=30, generator=rng())
    assert abs(estimate.reverse - truth) < min(5 * estimate.reverse_error, 0.1)
    assert abs(estimate.value - truth) < 5 * estimate.error
    assert estimate.low - 1e-9 <= truth <= estimate.high + 1e-9
    assert estimate.verdict == "consistent", estimate.reason


@pytest.mark.slow
@pytest.mark.parametrize("n_betas", [4, *(pytest.param(n, marks=pytest.mark.whole) for n in (200, 1000))])
@pytest.mark.parametrize("scale", [*(pytest.param(s, marks=pytest.mark.whole) for s in (0.5, 1.0)), 2.0])
def test_errors_are_honest_on_random_machines(n_betas, scale):
    """Of 50 random machines of up to 20×12 units at least 48 lie within three reported errors of the exact log Z."""
    inside = 0
    for seed in range(50):
        g = rng(seed)
        visible, hidden = (int(torch.randint(2, top + 1, (1,), generator=g)) for top in (20, 12))
        m = randomized(RBM(Bernoulli(visible), Bernoulli(hidden)), scale, seed).requires_grad_(False)
        estimate = evaluation.ais(m, n_betas=n_betas, generator=g)
        inside += abs(estimate.value - evaluation.log_partition(m).value) < 3 * estimate.error
    assert inside >= 48


def test_the_weights_average_to_one_between_equal_machines():
    m = machine("bernoulli").independent()
    estimate = evaluation.ais(m, chains=50, n_betas=3, generator=rng())
    assert abs(estimate.value - evaluation.log_partition(m).value) < 1e-9


def test_the_base_has_the_means_of_the_data_and_no_hidden_field():
    m = machine("mixed visible")
    data = exact_states(m, 4000)
    start = ais_base(m, data)
    assert all((leaf.bias == 0).all() for leaf in start.odd.components())
    assert torch.allclose(start.even.mean(start.even.zero_field()), data.mean(0), atol=0.01)
    assert torch.equal(start.even.parts[0].log_precision, m.even.parts[0].log_precision)


def far_from_its_data():
    """All ones hold nearly all of Z, and the data are all zeros."""
    m = RBM(Bernoulli(30), Bernoulli(4)).double().requires_grad_(False)
    m.weight.fill_(2.0)
    m.hidden.bias.fill_(-28.0)
    return m, torch.zeros(200, 30, dtype=torch.float64)


def test_modes_away_from_the_data_are_found():
    m, data = far_from_its_data()
    truth, start, alone = evaluation.log_partition(m).value, ais_base(m, data), ais_base(m)
    assert (
        float(start.even.mean(start.even.zero_field()).max())
        < 0.01
        < float(alone.even.mean(alone.even.zero_field()).min())
    )
    for rows in (data, None):
        estimate = evaluation.ais(m, rows, n_betas=100, generator=rng())
        assert abs(estimate.value - truth) < 3 * estimate.error
        assert estimate.verdict == "consistent", estimate.reason
        assert max(estimate.shares) == pytest.approx(1, abs=0.05)


def test_each_mode_has_its_share_and_a_path_of_its_own():
    """Chains on the way up meet both modes about evenly, and stay: alone, they would say one half."""
    m, upper = bimodal()
    estimate = evaluation.ais(m, m.sample_independent(200, generator=rng(1)), generator=rng())
    assert estimate.basins.count == 2
    up = int(estimate.basins.of(torch.ones(1, 10, dtype=torch.float64)))
    assert estimate.shares[up] == pytest.approx(upper, abs=0.02)
    assert estimate.verdict == "consistent"


@pytest.mark.slow
def test_too_few_betas_are_told_and_more_mend_it():
    m = randomized(RBM(Bernoulli(60), Bernoulli(60)), 1.5, seed=1).requires_grad_(False)
    steps = list(evaluation.ais_until_consistent(m, n_betas=3, chains=60, generator=rng()))
    assert [step.verdict for step in steps] == ["inconsistent"] * (len(steps) - 1) + ["consistent"]
    assert len(steps) > 1
    assert "take more temperatures" in steps[0].reason
    assert [step.n_betas for step in steps] == [3 * 4**i for i in range(len(steps))]
    assert all(step.low < steps[-1].value < step.high for step in steps)


def test_a_limit_in_seconds_ends_the_search():
    m = randomized(RBM(Bernoulli(60), Bernoulli(60)), 1.5, seed=1).requires_grad_(False)
    began = time.perf_counter()
    steps = list(evaluation.ais_until_consistent(m, n_betas=3, chains=60, max_time=1e-3, generator=rng()))
    assert len(steps) == 1
    assert time.perf_counter() - began < 20


def test_what_is_watched_is_named():
    told = []

    def progress(items, label):
        told.append(label)
        return items

    evaluation.ais(machine("bernoulli"), chains=20, n_betas=10, progress=progress, generator=rng())
    assert told == ["annealing over 10 temperatures from 2 starts, up and back"]
    evaluation.ais(
        machine("bernoulli"), torch.ones(3, 4).double(), chains=20, n_betas=10, progress=progress, generator=rng()
    )
    assert (
        told[-1] == "annealing over 10 temperatures from 3 starts, up and back"
    )  # the machine's own biases among them


def test_no_number_that_is_not_finite_gets_a_verdict():
    with pytest.raises(InputError, match="came out as nan"):
        evaluation.Estimate(float("nan"), 0.1, "ais", "consistent")
    m = machine("bernoulli").requires_grad_(False)
    m.weight[0, 0] = float("nan")
    for figure in (evaluation.ais, evaluation.log_partition):
        with pytest.raises(InputError, match=r"parameter weight of the RBM .* is not finite"):
            figure(m)


def test_a_likelihood_hands_on_the_error_and_the_verdict():
    m = machine("bernoulli")
    v = m.even.states()[:3]
    z = evaluation.ais(m, chains=50, n_betas=10, generator=rng())
    ll = evaluation.log_likelihood(m, v, z)
    assert ll.value == pytest.approx(-float(m.free_energy(v).detach().mean()) - z.value)
    assert (ll.error, ll.verdict, ll.ess) == (z.error, z.verdict, z.ess)
    assert ll.reverse - ll.value == pytest.approx(z.value - z.reverse)
    assert sum(ll.bracket) == pytest.approx(2 * (ll.value + z.value) - sum(z.bracket))
    assert ll.low <= ll.value <= ll.high
    exact = evaluation.log_likelihood(m, v, evaluation.log_partition(m))
    truth = torch.log_softmax(-m.free_energy(m.even.states()).detach(), 0)[:3].mean()
    assert exact.value == pytest.approx(float(truth))


def test_a_seed_repeats():
    m = machine("bernoulli")
    a, b = (evaluation.ais(m, chains=20, n_betas=10, generator=rng(3)) for _ in range(2))
    assert a.value == b.value

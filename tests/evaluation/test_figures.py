import itertools
import math

import pytest
import torch

from harmonium import RBM, Bernoulli, Concat, Gaussian, InputError, Potts, evaluation
from harmonium.machines import Bipartite
from laws import DEEP, LISTED, MACHINES, machine, rng

SUMMED_OUT = [name for name in LISTED if name not in DEEP]


@pytest.mark.parametrize("name", SUMMED_OUT)
def test_pseudo_likelihood_is_the_sum_of_conditionals(name):
    m = machine(name).requires_grad_(False)
    s = m.visible.states()
    v = s[:: max(1, len(s) // 7)]
    log_p = torch.log_softmax(-m.free_energy(s), 0)
    columns = m.visible.sites()
    total = torch.zeros(len(v), dtype=torch.float64)
    for part in columns:
        rest = torch.ones(m.width, dtype=torch.bool)
        rest[part] = False
        for i, row in enumerate(v):
            same = (s[:, rest] == row[rest]).all(-1)
            own = (s == row).all(-1)
            total[i] += log_p[own][0] - torch.logsumexp(log_p[same], 0)
    assert evaluation.pseudo_likelihood(m, v) == pytest.approx(float(total.mean()), rel=1e-10)


@pytest.mark.slow
def test_sampled_pseudo_likelihood_is_unbiased_and_knows_its_error():
    rbm = RBM(Concat(Bernoulli(20), Potts(4, 3)), Bernoulli(5), generator=0).double().requires_grad_(False)
    rbm.weight.copy_(torch.randn(rbm.weight.shape, generator=rng(1), dtype=torch.float64))
    v = rbm.sample_independent(50, generator=2)
    truth, draws = evaluation.pseudo_likelihood(rbm, v), 400
    found = [evaluation.sampled_pseudo_likelihood(rbm, v, 8, generator=seed) for seed in range(draws)]
    values, errors = (torch.tensor(column) for column in zip(*found, strict=True))
    assert abs(float(values.mean()) - truth) < 5 * float(values.std()) / draws**0.5
    told, seen = float(errors.square().mean()), float(values.var())
    assert told == pytest.approx(seen, rel=5 * (2 / draws) ** 0.5)  # the spread of a variance from so many draws
    assert evaluation.sampled_pseudo_likelihood(rbm, v, 24) == (truth, 0.0)


def test_pseudo_likelihood_of_a_wide_row_never_holds_rows_times_width_a_site():
    rbm = RBM(20_000, 4, generator=0).requires_grad_(False)
    v = torch.zeros(50, 20_000)
    value, error = evaluation.sampled_pseudo_likelihood(rbm.independent(), v, 100, generator=0)
    assert value == pytest.approx(-20_000 * math.log(2), rel=1e-6)
    assert error < 1e-3


def test_pseudo_likelihood_of_continuous_units_is_refused_in_one_line():
    with pytest.raises(InputError, match="Gaussian is continuous"):
        evaluation.pseudo_likelihood(RBM(Gaussian(2), Bernoulli(2)), torch.zeros(1, 2))


@pytest.mark.parametrize("name", DEEP)
def test_pseudo_likelihood_of_latent_rows_is_refused_with_the_way_out(name):
    m = machine(name)
    with pytest.raises(InputError, match="only a bound on it: use log_likelihood"):
        evaluation.pseudo_likelihood(m, torch.zeros(2, m.visible.width, dtype=torch.float64))


def test_enumeration_is_refused_beyond_its_limit():
    m = RBM(Bernoulli(30), Bernoulli(26))
    assert not evaluation.is_enumerable(m)
    with pytest.raises(InputError, match=r"2\^26 states.*use annealing"):
        evaluation.log_partition(m)
    assert evaluation.is_enumerable(RBM(Bernoulli(784), Bernoulli(25)))
    assert evaluation.is_enumerable(RBM(Potts(12, 4), Bernoulli(50)))


def test_the_baseline_is_the_likelihood_of_independent_units():
    train = torch.tensor([[1.0, 0, 0], [1, 1, 0], [1, 0, 1], [1, 0, 0]])
    p = torch.tensor([5 / 6, 2 / 6, 2 / 6])
    test = torch.tensor([[1.0, 1, 0]])
    truth = torch.log(torch.tensor([p[0], p[1], 1 - p[2]])).sum()
    assert evaluation.baseline_log_likelihood(Bernoulli(3), train, test) == pytest.approx(float(truth), rel=1e-6)


def test_the_gap_the_error_the_norm_and_the_usage_are_what_they_say():
    m = machine("bernoulli").requires_grad_(False)
    v, u = m.sample_independent(9, generator=rng(1)), m.sample_independent(9, generator=rng(2))
    assert evaluation.free_energy_gap(m, v, u) == pytest.approx(float((m.free_energy(u) - m.free_energy(v)).mean()))
    assert evaluation.reconstruction_error(m, v) == pytest.approx(float(((m.reconstruct(v) - v) ** 2).mean()))
    assert evaluation.weight_norm(m.weights) == pytest.approx(float(m.weight.norm()))
    assert torch.allclose(evaluation.mean_activation(m, v), torch.sigmoid(v @ m.weight + m.hidden.bias).mean(0))


@pytest.mark.parametrize("name", MACHINES)
def test_every_machine_has_the_cheap_figures_of_its_visible_rows(name):
    """The gap is one of bounds, the error looks at visible columns alone, and usage goes through every hidden row."""
    m = machine(name).requires_grad_(False)
    v, u = (m.sample_independent(9, generator=rng(seed))[:, : m.visible.width] for seed in (1, 2))
    gap = evaluation.free_energy_gap(m, v, u)
    assert gap == pytest.approx(float(m.elbo(v).mean() - m.elbo(u).mean()), abs=1e-12)
    assert evaluation.free_energy_gap(m, u, v) == pytest.approx(-gap, abs=1e-12)
    mean = m.reconstruct(m.infer(v, generator=rng(0)))[:, : m.visible.width]
    assert evaluation.reconstruction_error(m, v) == pytest.approx(float(((mean - v) ** 2).mean()), rel=1e-12)
    if isinstance(m, Bipartite):
        hidden = torch.cat([means.mean(0) for means in m.layer_means(m.infer(v))[1:]])
    else:
        hidden = m.mean_field(v).state.mean(0)[m.visible.width :]
    assert torch.allclose(evaluation.mean_activation(m, v), hidden, rtol=1e-12)


def test_stability_counts_the_weights_that_stood_still():
    before = [torch.zeros(2, 2), torch.zeros(4)]
    after = [torch.tensor([[0.0, 0.0009], [0.0011, -1.0]]), torch.tensor([0.0, 0.0, 0.5, -0.0005])]
    assert evaluation.static_weight_fraction(before, after) == 5 / 8


@pytest.mark.slow
def test_the_gap_grows_when_a_machine_learns_its_rows_by_heart():
    from harmonium import ExactSampler, train

    m = RBM(Bernoulli(10), Bernoulli(8), generator=rng(0))
    rows, others = torch.bernoulli(torch.full((20, 10), 0.5), generator=rng(1)).split(10)
    before = evaluation.free_energy_gap(m, rows, others)
    loop = train(m, itertools.repeat(rows), ExactSampler(200), torch.optim.Adam(m.parameters(), 0.05), generator=rng(2))
    for _ in itertools.islice(loop, 300):
        pass
    assert evaluation.free_energy_gap(m, rows, others) > before + 1

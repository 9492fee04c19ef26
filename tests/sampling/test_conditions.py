"""Machines given conditions: their Gibbs steps keep the conditional distribution, which is known by enumeration."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from mpmath import mp, mpf, ncdf
from scipy.integrate import quad
from scipy.stats import truncnorm

import harmonium as hm
from harmonium import (
    DBM,
    RBM,
    Bernoulli,
    Binomial,
    BoltzmannMachine,
    Concat,
    Gaussian,
    InputError,
    OneHot,
    Potts,
    ReLU,
    Spin,
    ZeroInflated,
)
from harmonium.numerics import categorical, log_between, mean_between, normal_between
from harmonium.sampling import Condition, complete, condition
from laws import DRAWS, LIMIT, chi_square, exact_states, probabilities, randomized, rng, same_distribution
from marks import slow_but


def on(first, last=None, values=None, **ends):
    columns = torch.arange(first, (first if last is None else last) + 1)
    return Condition(columns, None if values is None else torch.tensor(values, dtype=torch.float64), **ends)


def finite():
    return Concat(Bernoulli(2), Spin(1), Potts(2, 3), Binomial(1, 4))


CONDITIONS = [
    on(1, values=[[1]]),
    on(2, values=[[-1], [1]]),
    on(3, 5, values=[[1, 0, 0], [0, 0, 1]]),
    on(9, values=[[0], [3], [4]]),
]
ASKED = {"blocks": [on(0, 1, values=[[0, 1], [1, 0]]), on(2, 4, values=[[0, 0, 0], [0, 1, 0]]), on(5, values=[[1]])]}
MACHINES = {
    "blocks": lambda: RBM(OneHot([2, 3, 1, 2]), Bernoulli(3)),
    "two rows": lambda: RBM(finite(), Bernoulli(3)),
    "binomial below": lambda: RBM(finite(), Concat(Binomial(1, 2), Spin(1))),
    "general": lambda: BoltzmannMachine(finite()),
    "general, hidden": lambda: BoltzmannMachine(Concat(finite()), Bernoulli(2)),
    "deep": lambda: DBM(finite(), Bernoulli(3), Bernoulli(2)),
}


def allowed(x, conditions=CONDITIONS):
    """Say which states, (states, width), meet the conditions."""
    kept = [(x[:, None, one.columns] == one.values).all(-1).any(-1) for one in conditions]
    return torch.stack(kept).all(0)


@pytest.mark.parametrize("name", slow_but(MACHINES, ["binomial below"]))
def test_gibbs_steps_keep_the_conditional_distribution(name):
    m, conditions = randomized(MACHINES[name](), 0.8).requires_grad_(False), ASKED.get(name, CONDITIONS)
    made = condition(m, conditions)
    s = Concat(m.visible, *m.latent).states()
    s = s[allowed(s, conditions)]
    p = probabilities(m, s)
    x = s[categorical(p, DRAWS, generator=rng(1))]
    same_distribution(hm.gibbs_sample(made, x, 2, generator=2), s, p)
    torch.testing.assert_close(made.free_energy(s), m.free_energy(s), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", MACHINES)
def test_chains_start_where_the_conditions_hold_and_stay_there(name):
    conditions = ASKED.get(name, CONDITIONS)
    made = condition(randomized(MACHINES[name]().float(), 0.8).float(), conditions)
    x = made.sample_independent(500, generator=1)
    assert bool(allowed(x.double(), conditions).all())
    assert bool(allowed(hm.gibbs_sample(made, x, 5, generator=1).double(), conditions).all())


CUTS = [(-math.inf, 0.3), (0.2, 0.9), (4.0, math.inf), (-9.0, -6.0)]


@pytest.mark.slow
@pytest.mark.parametrize(("low", "high"), CUTS)
def test_numbers_of_a_range_have_their_conditional_distribution_with_all_others(low, high):
    m = randomized(RBM(Concat(Bernoulli(1), Gaussian(1), Potts(1, 3)), Bernoulli(2)), 0.6).requires_grad_(False)
    made = condition(m, [on(1, low=low, high=high), on(2, 4, values=[[1, 0, 0], [0, 1, 0]])])
    x = made.gibbs(exact_states(made, DRAWS), generator=rng(2))
    ends = np.quantile(exact_states(made, 1000, seed=7)[:, 1].numpy(), [0.2, 0.5, 0.8])
    edges = [low, *ends.tolist(), high]
    table = torch.tensor([[b, 0, *one] for b in (0, 1) for one in ([1, 0, 0], [0, 1, 0])], dtype=torch.float64)
    middle = x[:1]

    def density(value, row):
        state = row.clone()
        state[1] = value
        return math.exp(float(m.free_energy(middle) - m.free_energy(state[None])))

    p = torch.tensor([[quad(density, a, b, args=(row,))[0] for a, b in pairwise(edges)] for row in table])
    place = torch.bucketize(x[:, 1].contiguous(), torch.tensor(ends))
    row = (x[:, None, [0, 2, 3]] == table[:, [0, 2, 3]]).all(-1).double().argmax(-1)
    seen = torch.bincount(row * 4 + place, minlength=16)
    level = chi_square(seen, (p / p.sum()).flatten())
    assert level > LIMIT, f"chi-square p = {level:.2g}"
    assert float(x[:, 1].min()) >= low
    assert float(x[:, 1].max()) <= high


@pytest.mark.slow
@pytest.mark.parametrize(("zero", "low", "high"), [(True, -math.inf, 0.5), (False, 0.2, math.inf), (True, 3.0, 2.0)])
def test_a_zero_inflated_number_is_zero_or_of_its_range_with_the_right_odds(zero, low, high):
    m = randomized(RBM(Concat(Bernoulli(1), ZeroInflated(1)), Bernoulli(2)), 0.6).requires_grad_(False)
    made = condition(m, [on(1, 2, values=[[0, 0]] if zero else None, low=low, high=high)])
    x = made.gibbs(exact_states(made, DRAWS), generator=rng(2))
    none = torch.tensor([[b, 0.0, 0.0] for b in (0, 1)], dtype=torch.float64)

    def density(value, b):
        return math.exp(-float(m.free_energy(torch.tensor([[b, 1.0, value]], dtype=torch.float64))))

    there = [quad(density, low, high, args=(b,))[0] if low < high else 0.0 for b in (0.0, 1.0)]
    p = torch.cat([torch.exp(-m.free_energy(none)) * zero, torch.tensor(there, dtype=torch.float64)])
    seen = torch.bincount((x[:, 0] + 2 * x[:, 1]).long(), minlength=4)
    level = chi_square(seen, p / p.sum())
    assert level > LIMIT, f"chi-square p = {level:.2g}"
    y = x[x[:, 1] > 0, 2]
    assert not len(y) or (float(y.min()) >= low and float(y.max()) <= high)


ENDS = [
    (-1.0, 2.0),
    (-math.inf, -5.0),
    (8.0, 8.5),
    (35.0, math.inf),
    (-60.0, -40.0),
    (31.0, 31.01),
    (-math.inf, math.inf),
]


@pytest.mark.parametrize(("low", "high"), ENDS)
def test_a_cut_gaussian_is_drawn_in_any_tail(low, high):
    ends = torch.full((20_000,), low, dtype=torch.float64), torch.full((20_000,), high, dtype=torch.float64)
    x = normal_between(*ends, generator=rng(3))
    truth = truncnorm(low, high)
    slack = 5 * truth.std() / len(x) ** 0.5 + 1e-3 / max(1.0, abs(truth.mean()))  # 1/z² of the tail's scale
    assert abs(float(x.mean()) - truth.mean()) < slack
    assert float(x.min()) >= low
    assert float(x.max()) <= high
    assert float(log_between(*ends)[0]) == pytest.approx(_mass(low, high), rel=1e-12)
    assert float(mean_between(*ends)[0]) == pytest.approx(truth.mean(), rel=1e-6, abs=1e-9)


def _mass(low, high):
    mp.dps = 60
    low, high = (mpf(-high), mpf(-low)) if low > 0 else (mpf(low), mpf(high))
    return float(mp.log(ncdf(high) - ncdf(low)))


def test_a_range_of_no_width_is_a_value():
    made = condition(RBM(Gaussian(2), 3, generator=rng(1)), [Condition(torch.tensor([1]), low=0.7, high=0.7)])
    x = hm.sample(made, 5, 3, generator=1)
    assert x[:, 1].tolist() == pytest.approx([0.7] * 5)
    assert len(set(x[:, 0].tolist())) == 5


@pytest.mark.parametrize(
    ("m", "conditions", "said"),
    [
        (RBM(4, 3), [on(7, values=[[1]])], "on column 7 where the machine has 4"),
        (RBM(4, 3), [on(1, values=[[0]]), on(1, values=[[1]])], "no value at all"),
        (RBM(Potts(1, 3), 3), [on(0, 2, values=[[1, 0, 0]]), on(0, 2, values=[[0, 1, 0]])], "no value at all"),
        (RBM(Gaussian(2), 3), [on(0, low=1.0, high=0.0)], "no value at all"),
        (RBM(ReLU(2), 3), [on(0, high=-1.0)], "no value at all"),
        (RBM(4, 3), [on(0, low=0.5)], "give those that are left"),
    ],
)
def test_conditions_that_cannot_be_met_are_told_in_one_line(m, conditions, said):
    with pytest.raises(InputError, match=said):
        condition(m, conditions)


def test_the_machine_itself_stays_as_it_was():
    m = RBM(Concat(Bernoulli(2), Potts(1, 3)), 4, generator=rng(1))
    before = {name: value.clone() for name, value in m.state_dict().items()}
    condition(m, [on(2, 4, values=[[1, 0, 0]]), on(0, values=[[1]])])
    assert all(torch.equal(value, before[name]) for name, value in m.state_dict().items())
    assert isinstance(m.visible.rows()[0], Bernoulli)


def test_completions_are_drawn_from_what_is_missing_given_what_is_known():
    m = randomized(RBM(Concat(Bernoulli(2), Potts(1, 3)), Bernoulli(3)), 0.5).requires_grad_(False)
    v = torch.tensor([[1.0, math.nan, math.nan, math.nan, math.nan]], dtype=torch.float64)
    x = complete(m, v, draws=20_000, gibbs_steps=50, generator=4)[:, 0]
    s = m.visible.states()
    s = s[s[:, 0] == 1]
    same_distribution(x, s, probabilities(m, s))

"""Exact log Z: fields of some sites moved by those of the others, and sums of values multiplied before a logarithm."""

import pytest
import torch

from harmonium import RBM, Bernoulli, Binomial, Concat, Gaussian, Potts, Spin, evaluation
from laws import randomized

VISIBLE = {
    "bernoulli": lambda: Bernoulli(37),  # more sites than are multiplied at a time, and an odd number of them
    "spin": lambda: Spin(37),
    "potts": lambda: Potts(19, 5),
    "labeled": lambda: Concat(Bernoulli(21), Potts(1, 10)),
    "mixed": lambda: Concat(Bernoulli(21), Binomial(3, 4), Gaussian(2), Spin(18)),
}


def direct(m: RBM) -> float:
    """Return log Z with a field of its own for every hidden state."""
    h = m.hidden.states()
    return float((m.visible.cgf(m.down(h)) - m.hidden.energy(h)).logsumexp(0))


@pytest.mark.parametrize("name", VISIBLE)
@pytest.mark.parametrize("scale", [0.1, 3.0, 100.0])
@pytest.mark.parametrize("cells", [2**19, 600])
@torch.no_grad()
def test_log_partition_is_the_sum_over_hidden_states(name, scale, cells):
    """To 1e-12: each of 2¹⁰ terms is a sum of at most 60 logarithms, of relative error 2⁻⁵³ each."""
    m = randomized(RBM(VISIBLE[name](), Concat(Bernoulli(5), Spin(2), Potts(1, 5))), scale)
    assert evaluation.log_partition(m, cells=cells).value == pytest.approx(direct(m), rel=1e-12)


@torch.no_grad()
def test_a_sum_that_products_would_lose_is_kept():
    """Hidden states without a unit weigh most, and lie thousands of nats below others at every site: e⁻¹⁰⁰⁰ is 0."""
    m = RBM(Spin(40), Bernoulli(12)).double()
    m.weight.fill_(1000.0)
    m.hidden.bias.fill_(-1e6)
    assert evaluation.log_partition(m, cells=400).value == pytest.approx(direct(m), rel=1e-12)

"""Functions hold to rounding at the ends of their range."""

import math

import numpy as np
import pytest
import torch
from scipy.special import log_ndtr

from harmonium import RBM, Bernoulli, evaluation, numerics
from laws import rng


def grid(low=-700, high=800):
    """Return a million points, more of them near zero, and the same in extended precision."""
    g = np.random.default_rng(0)
    x = np.concatenate([g.uniform(low, high, 500_000), g.normal(0, 10, 400_000), 10.0 ** g.uniform(-30, 0, 100_000)])
    return torch.from_numpy(x), x.astype(np.longdouble)


def far(found, truth):
    return float(np.max(np.abs(found.numpy() - truth) / np.abs(truth)))


def test_softplus_and_log_two_cosh_are_right_to_rounding():
    x, long = grid()
    assert far(numerics.softplus(x), np.logaddexp(np.longdouble(0), long)) < 2e-15
    assert far(numerics.log_two_cosh(x), np.logaddexp(long, -long)) < 2e-15


def test_half_line_functions_hold_far_out():
    x, _ = grid(-300, 300)
    z = x.numpy()
    truth = log_ndtr(z) + 0.5 * z**2 + 0.5 * math.log(2 * math.pi)
    assert np.allclose(numerics.log_half_line(x).numpy(), truth, rtol=1e-11, atol=1e-9)
    assert np.allclose(
        numerics.inverse_mills(x).numpy(), np.exp(-0.5 * z**2 - 0.5 * math.log(2 * math.pi) - log_ndtr(z)), rtol=1e-10
    )


SIZES = [0.0, 1e-38, 1e-7, 1.0, 20.0, 88.8, 1e3, 1e6, 1e30]
EPS = {torch.float64: 2.3e-16, torch.float32: 1.2e-7, torch.bfloat16: 8e-3}


@pytest.mark.parametrize("kind", EPS, ids=str)
def test_free_energies_of_extreme_machines_are_right_and_never_nan(kind):
    """Every sign and size of weight and biases, against extended precision: a few roundings of the largest term."""
    signed = torch.tensor([sign * size for size in SIZES for sign in (1, -1)]).double()
    grids = torch.meshgrid(signed, signed, signed, torch.tensor([0.0, 1.0]).double(), indexing="ij")
    w, b, c, v = (values.flatten().to(kind) for values in grids)
    m = RBM(Bernoulli(1), Bernoulli(1)).to(kind).requires_grad_(False)
    for i in range(0, len(w), 7):
        m.weight.fill_(w[i])
        m.visible.bias.fill_(b[i])
        m.hidden.bias.fill_(c[i])
        found = float(m.free_energy(v[i].view(1, 1)))
        wide = [np.longdouble(float(value[i])) for value in (w, b, c, v)]
        field = wide[2] + wide[0] * wide[3]
        truth = -wide[1] * wide[3] - np.logaddexp(np.longdouble(0), field)
        size = max(abs(wide[0] * wide[3]), abs(wide[1] * wide[3]), abs(wide[2]), np.longdouble(1))
        assert abs(found - truth) <= 8 * EPS[kind] * size, wide


def test_the_largest_floats_give_no_nan():
    big = torch.finfo(torch.float32).max
    m = RBM(Bernoulli(3), Bernoulli(2)).requires_grad_(False)
    for sign in (1, -1):
        m.weight.fill_(sign * big / 8)
        m.visible.bias.fill_(-sign * big / 8)
        v = torch.ones(2, 3)
        assert not m.free_energy(v).isnan().any()
        assert not m.hidden_means(v)[0].isnan().any()
        assert not math.isnan(evaluation.pseudo_likelihood(m, v))
        assert not m.gibbs(v, generator=rng()).isnan().any()


def test_bfloat16_free_energies_are_those_of_the_rounded_weights():
    m = RBM(Bernoulli(30), Bernoulli(20), generator=rng(1)).requires_grad_(False)
    m.weight.normal_(0, 0.3, generator=rng(2))
    rounded = RBM(Bernoulli(30), Bernoulli(20)).to(torch.bfloat16)
    rounded.load_state_dict(m.state_dict())
    v = torch.bernoulli(torch.full((50, 30), 0.5), generator=rng(3))
    rounded.requires_grad_(False)
    exact = rounded.double().free_energy(v.double())
    found = m.bfloat16().free_energy(v.bfloat16()).double()
    assert float(((found - exact).abs() / exact.abs()).max()) < 0.02


@pytest.mark.parametrize("scale", [0.0, 1.0, 30.0, 1000.0])
@pytest.mark.parametrize("width", [1, 3, 500, 1300])
def test_the_compiled_logistic_is_the_plain_one(scale, width):
    pytest.importorskip("numba")
    from harmonium.numerics import kernels

    field, bias = scale * torch.randn(40, width, generator=rng(1)), torch.randn(width, generator=rng(2))
    logits, one = field.double() + bias.double(), torch.ones(1)
    mean, _, _ = kernels.logistic(field, bias, torch.ones(40))
    assert torch.allclose(mean.double(), torch.sigmoid(logits), atol=3e-7)
    total = torch.stack([kernels.logistic(row[None], bias, one)[2] for row in field])
    assert torch.allclose(total.double(), numerics.softplus(logits).sum(-1), rtol=3e-6, atol=1e-6)
    assert torch.equal(kernels.softplus_sum(field, bias), total)


@pytest.mark.parametrize("scale", [0.0, 1.0, 30.0, 1000.0])
def test_the_compiled_logistic_weighs_its_rows(scale):
    """Each row has its weight, whatever its sign; the bounds are those of rows that count once, times the weights."""
    pytest.importorskip("numba")
    from harmonium.numerics import kernels

    field, bias = scale * torch.randn(40, 500, generator=rng(1)), torch.randn(500, generator=rng(2))
    weights = torch.randn(40, generator=rng(3))
    logits, weigh = field.double() + bias.double(), weights.double()[:, None]
    mean, total, cgf = kernels.logistic(field, bias, weights)
    want, sums = torch.sigmoid(logits) * weigh, numerics.softplus(logits).sum(-1)
    assert bool(((mean - want).abs() <= 4e-7 * weigh.abs()).all())
    assert float((total - want.sum(0)).abs().max()) <= 4e-7 * float(weigh.abs().sum())
    assert abs(float(cgf - weigh[:, 0] @ sums)) <= float(weigh[:, 0].abs() @ (3e-6 * sums + 1e-6))


def test_the_compiled_logistic_rounds_as_torch_does():
    pytest.importorskip("numba")
    from harmonium.numerics import kernels

    field, bias, weights = (
        torch.randn(40, 300, generator=rng(1)),
        torch.randn(300, generator=rng(2)),
        torch.randn(40, generator=rng(3)),
    )
    half = field.bfloat16()
    mean, total, cgf = kernels.logistic(half, bias, weights)
    plain, *sums = kernels.logistic(half.float(), bias, weights)
    assert torch.equal(mean, plain.bfloat16())
    assert torch.equal(total, sums[0])
    assert torch.equal(cgf, sums[1])

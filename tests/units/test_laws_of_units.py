import math

import pytest
import torch

from harmonium import Bernoulli, Binomial, Concat, Gaussian, OneHot, Potts, ReLU, Spin, units
from harmonium.units.continuous import cut_var
from laws import CONTINUOUS, DRAWS, FINITE, KINDS, LIMIT, chi_square, field, kind, rng, same_distribution, variances

every_kind = pytest.mark.parametrize("name", KINDS)
finite = pytest.mark.parametrize("name", FINITE)
continuous = pytest.mark.parametrize("name", CONTINUOUS)


def test_the_laws_run_over_every_kind_that_the_library_has():
    assert {type(make()) for make in KINDS.values()} == set(units.KINDS.values())


@every_kind
def test_mean_is_the_derivative_of_cgf(name):
    u = kind(name)
    f = field(u, 5).requires_grad_()
    (mean,) = torch.autograd.grad(u.cgf(f).sum(), f)
    assert torch.allclose(mean, u.mean(f), rtol=1e-12, atol=1e-12)


@finite
def test_cgf_is_the_log_sum_over_states(name):
    u = kind(name)
    f, s = field(u, 6), u.states()
    assert torch.allclose(u.cgf(f), torch.logsumexp(f @ s.T - u.energy(s), -1), rtol=1e-12)


def quadrature(u, f):
    """Return points, the log-density of one-unit rows at them, and their spacing."""
    low = 0.0 if isinstance(u, ReLU) else -40.0
    x = torch.linspace(low, 40.0, 400_001, dtype=torch.float64)
    density = f[:, None] * x - 0.5 * u.log_precision.exp()[:, None] * x**2 + u.bias[:, None] * x
    return x, density, float(x[1] - x[0])


@continuous
def test_cgf_is_the_log_integral(name):
    u = kind(name)
    f = field(u)
    _, density, step = quadrature(u, f)
    ends = torch.logaddexp(density[:, 0], density[:, -1]) - math.log(2)  # the trapezium rule halves both ends
    whole = torch.logsumexp(density, -1)
    total = whole + torch.log1p(-torch.exp(ends - whole)) + math.log(step)
    assert torch.allclose(u.cgf(f), total.sum(), rtol=1e-8)


@continuous
def test_energy_is_the_one_that_cgf_integrates(name):
    u = kind(name)
    x = torch.rand(7, u.width, generator=rng(), dtype=torch.float64) + 0.1
    ours = 0.5 * u.log_precision.exp() * x**2 - u.bias * x
    assert torch.allclose(u.energy(x), ours.sum(-1))


@finite
def test_states_are_all_and_distinct(name):
    u = kind(name)
    s = u.states()
    assert s.shape == (u.count, u.width)
    assert len(s.unique(dim=0)) == u.count
    assert u.in_support(s)
    assert torch.equal(u.state_at(torch.tensor([int(u.count) - 1, 0])), s[[-1, 0]])


@finite
def test_samples_have_the_right_distribution(name):
    u = kind(name)
    f, s = field(u), u.states()
    same_distribution(u.sample(f.expand(DRAWS, -1), generator=rng()), s, torch.softmax(s @ f - u.energy(s), 0).detach())


@continuous
def test_samples_fall_evenly_between_quantiles(name):
    u = kind(name)
    f = field(u)
    x = u.sample(f.expand(DRAWS, -1), generator=rng()).detach()
    points, density, _ = quadrature(u, f)
    odds = torch.softmax(density, -1).detach()
    for i in range(u.width):
        below = odds[i].cumsum(0) - odds[i] / 2
        edges = points[torch.searchsorted(below, torch.arange(1, 50, dtype=torch.float64) / 50)]
        share = torch.diff(torch.cat([torch.zeros(1), below[torch.searchsorted(points, edges)], torch.ones(1)]))
        seen = torch.bincount(torch.bucketize(x[:, i].contiguous(), edges), minlength=50)
        assert chi_square(seen, share) > LIMIT


@every_kind
def test_init_from_data_gives_the_means_of_the_data(name):
    u, other = kind(name), kind(name, seed=9)
    v = other.sample(field(u, seed=4).expand(4000, -1), generator=rng()).detach()
    u.init_from_data(v)
    smoothing = 5 / len(v)  # one pseudo-count a state moves a frequency by at most about states/rows
    assert torch.allclose(u.mean(u.zero_field()), v.mean(0), atol=smoothing, rtol=smoothing)


@continuous
def test_init_from_data_gives_the_variances_of_the_data(name):
    u = kind(name)
    v = kind(name, seed=9).sample(u.zero_field(4000), generator=rng()).detach()
    u.init_from_data(v)
    assert torch.allclose(variances(u, u.zero_field(1))[0], v.var(0, correction=0), rtol=1e-6)


def test_init_from_data_refuses_no_constant_column():
    u = Gaussian(2)
    u.init_from_data(torch.tensor([[0.0, 1.0], [0.0, 3.0]]))
    assert torch.allclose(variances(u, u.zero_field(1))[0], torch.tensor([0.005, 1.0]))


@every_kind
def test_a_ladder_is_its_machines(name):
    """Parameters with axes of their own broadcast against the batch."""
    u = kind(name)
    f = field(u, 2, 5)
    single = [u.cgf(f[0] * 0.5), u.cgf(f[1])]
    assert torch.allclose(u.cgf(f * torch.tensor([0.5, 1.0])[:, None, None]), torch.stack(single))
    for leaf in u.components():
        for key, value in list(leaf.named_parameters()):
            setattr(leaf, key, torch.nn.Parameter(torch.stack([value, 2 * value])[:, None]))
    twice = kind(name)
    for leaf in twice.components():
        for value in leaf.parameters():
            value.data *= 2
    assert torch.allclose(u.cgf(f)[0], kind(name).cgf(f[0]))
    assert torch.allclose(u.cgf(f)[1], twice.cgf(f[1]))
    assert torch.allclose(u.mean(f)[1], twice.mean(f[1]))
    assert torch.allclose(u.energy(f.abs())[1], twice.energy(f[1].abs()))


@every_kind
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [0.0, 1e-7, 20.0, 88.8, 1e3, 1e6])
def test_large_fields_stay_finite_and_agree_with_float64(name, dtype, size):
    u = KINDS[name]().to(dtype)
    f = size * torch.tensor([1.0, -1.0] * u.width, dtype=dtype)[: u.width]
    deep = KINDS[name]().double()
    for method in ("cgf", "mean"):
        ours, truth = getattr(u, method)(f), getattr(deep, method)(f.double())
        assert ours.isfinite().all(), method
        assert torch.allclose(ours.double(), truth, rtol=1e-4 if dtype == torch.float32 else 1e-12), method
    assert u.in_support(u.sample(f.expand(50, -1), generator=rng()))


@pytest.mark.parametrize("z", [-1e4, -100.0, -31.0, -29.0, -5.0, 0.0, 5.0, 100.0])
def test_relu_moments_agree_with_high_precision(z):
    mpmath = pytest.importorskip("mpmath")
    mpmath.mp.dps = 60
    center = mpmath.mpf(z)
    mass = mpmath.erfc(-center / mpmath.sqrt(2)) / 2
    rate = mpmath.npdf(center) / mass
    u = ReLU(1).double().requires_grad_(False)
    f = torch.tensor([z], dtype=torch.float64)
    assert float(u.mean(f)) == pytest.approx(float(center + rate), rel=1e-6)
    assert float(cut_var(f)) == pytest.approx(float(1 - rate * (center + rate)), rel=2e-6)
    assert float(u.cgf(f)) == pytest.approx(
        float(mpmath.log(mass) + center**2 / 2 + mpmath.log(2 * mpmath.pi) / 2), rel=1e-12
    )


@pytest.mark.parametrize("z", [-1000.0, -35.0, -25.0, -3.0, 0.0, 4.0])
def test_relu_draws_follow_the_cut_gaussian_far_into_the_tail(z):
    from scipy.stats import truncnorm

    u = ReLU(1).double()
    x = u.sample(torch.full((DRAWS, 1), z, dtype=torch.float64), generator=rng()).detach()[:, 0]
    edges = torch.tensor(truncnorm.ppf([i / 50 for i in range(1, 50)], -z, math.inf, loc=z))
    seen = torch.bincount(torch.bucketize(x, edges), minlength=50)
    assert chi_square(seen, torch.full((50,), 1 / 50)) > LIMIT


def test_bernoulli_frequencies_are_right_for_every_type():
    logits = torch.tensor([-9.0, -5.0, -1.0, 0.0, 2.0, 6.0])
    for dtype in (torch.float32, torch.float64, torch.bfloat16, torch.float16):
        u = Bernoulli(6).to(dtype)
        n = 400_000
        hits = u.sample(logits.to(dtype).expand(n, -1), generator=rng()).double().sum(0)
        p = torch.sigmoid(logits.double())
        for i in range(6):
            assert chi_square(torch.stack([hits[i], n - hits[i]]), torch.stack([p[i], 1 - p[i]])) > LIMIT


@pytest.mark.parametrize(
    ("units", "wrong"),
    [
        (Bernoulli(2), [0.0, 2.0]),
        (Spin(2), [0.0, 1.0]),
        (Binomial(2, 3), [1.0, 4.0]),
        (Potts(1, 2), [1.0, 1.0]),
        (OneHot([2, 1]), [1.0, 1.0, 0.0]),
        (Gaussian(2), [0.0, math.nan]),
        (ReLU(2), [0.0, -1.0]),
        (Concat(Spin(1), Bernoulli(1)), [1.0, 2.0]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_foreign_values_are_not_in_the_support(units, wrong):
    assert not units.in_support(torch.tensor([wrong]))


def test_continuous_states_cannot_be_numbered():
    with pytest.raises(TypeError, match="continuous"):
        Gaussian(2).state_at(torch.tensor([0]))
    with pytest.raises(TypeError, match="continuous"):
        Concat(Bernoulli(1), Gaussian(1)).state_at(torch.tensor([0]))
    with pytest.raises(ValueError, match="too many"):
        Bernoulli(784).states()


@pytest.mark.parametrize("make", [lambda: Bernoulli(0), lambda: Binomial(2, 0), lambda: Potts(2, 1), lambda: Concat()])
def test_impossible_rows_are_refused(make):
    with pytest.raises(ValueError, match="give"):
        make()

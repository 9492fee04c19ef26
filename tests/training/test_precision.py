"""Products rounded to bfloat16: what chains then sample, and what trainings then reach."""

import copy

import pytest
import torch

from harmonium import (
    PCD,
    RBM,
    Bernoulli,
    BoltzmannMachine,
    Potts,
    Spin,
    contrastive_loss,
    data,
    evaluation,
    gibbs_sample,
    train,
)
from harmonium.numerics import default_precision, default_threads, products
from laws import DRAWS, MACHINES, exact_states, machine, probabilities, rng, row_of, same_distribution

CPU = torch.device("cpu")
KINDS = {"bernoulli": Bernoulli, "spin": Spin, "potts": lambda width: Potts(width // 3, 3)}


@pytest.mark.parametrize("name", KINDS)
def test_chains_keep_the_distribution_of_the_rounded_weights(name):
    m = RBM(KINDS[name](6), Bernoulli(4), generator=rng(1)).requires_grad_(False)
    m.weight.normal_(0, 0.7, generator=rng(2))
    rounded = copy.deepcopy(m)
    rounded.weight.copy_(m.weight.bfloat16().float())
    rounded = rounded.double()
    x = exact_states(rounded, DRAWS).float()
    with products("bfloat16", CPU):
        x = gibbs_sample(m, x, 4, generator=rng(3))
    assert x.dtype == torch.float32
    states = row_of(rounded).states()
    same_distribution(x.double(), states, probabilities(rounded, states))


def reached(seed, precision, updates, hidden, lr):
    """Return the exact mean log-likelihood of held-out digits after so many updates."""
    rows = data.load("digits", "train").binarized()
    unseen = data.load("digits", "test").binarized()
    m = RBM(Bernoulli(64), Bernoulli(hidden), generator=rng(seed)).init_from_data(rows)
    chains = PCD(rows[:100])
    steps = train(
        m, data.batches(rows, 50, generator=rng(seed)), chains, torch.optim.SGD(m.parameters(), lr=lr),
        generator=rng(seed + 50),
    )  # fmt: skip
    with products(precision, CPU):
        for _ in range(updates):
            next(steps)
    return evaluation.log_likelihood(m, unseen, evaluation.log_partition(m)).value


@pytest.mark.slow
@pytest.mark.parametrize(
    ("updates", "hidden", "lr"), [(800, 12, 0.1), pytest.param(3000, 16, 0.05, marks=pytest.mark.whole)]
)
def test_the_likelihood_reached_is_the_same(updates, hidden, lr):
    """Three seeds each way: the means agree within three standard errors, and their spread is small."""
    learned = updates, hidden, lr
    words = ("float32", "bfloat16")
    plain, rounded = (torch.tensor([reached(seed, word, *learned) for seed in range(3)]) for word in words)
    error = float(((plain.var() + rounded.var()) / 3).sqrt())
    assert abs(float(plain.mean() - rounded.mean())) < 3 * error, (plain, rounded)
    assert error < 0.3
    assert float(plain.mean()) > -23  # independent units reach about -34


def test_parameters_and_gradients_stay_float32():
    m = RBM(Bernoulli(8), Bernoulli(5), generator=rng(1))
    x = (torch.rand(20, 8, generator=rng(2)) < 0.5).float()
    with products("bfloat16", CPU):
        assert m.up(x).dtype == torch.bfloat16  # so that the test means something
        loss = contrastive_loss(m, x[:12], x[12:])
    loss.backward()
    assert loss.dtype == torch.float32
    assert {p.dtype for p in m.parameters()} == {p.grad.dtype for p in m.parameters()} == {torch.float32}
    exact = copy.deepcopy(m)
    exact.zero_grad()
    contrastive_loss(exact, x[:12], x[12:]).backward()
    for p, q in zip(m.parameters(), exact.parameters(), strict=True):
        assert torch.allclose(p.grad, q.grad, atol=2e-3)


def test_phases_of_different_sizes_weigh_alike_when_rounded():
    """Saturated units: both phases say the same, and the gradient is zero, not a rounding of it."""
    m = RBM(Bernoulli(8), Bernoulli(5))
    with torch.no_grad():
        m.hidden.bias.fill_(40.0)
    with products("bfloat16", CPU):
        contrastive_loss(m, torch.ones(64, 8), torch.ones(100, 8)).backward()
    assert float(m.weight.grad.abs().max()) < 1e-6


@pytest.fixture
def capable(monkeypatch):
    """Give what makes the processor one with some instructions and without others."""

    def of(*names, limit=""):
        for name in ("avx512_bf16", "amx_tile"):
            monkeypatch.setattr(torch.cpu, f"_is_{name}_supported", lambda name=name: name in names, raising=False)
        monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)

    return of


def test_the_default_precision_looks_at_sizes_and_at_what_the_processor_has(capable):
    capable("avx512_bf16")
    assert default_precision(100, 784, 500, CPU) == default_precision(64, 784, 500, CPU) == "bfloat16"
    assert default_precision(8, 784, 128, CPU) == "float32"  # few rows
    assert default_precision(5000, 64, 128, CPU) == "float32"  # few weights
    assert default_precision(100, 784, 500, torch.device("mps")) == "float32"
    for limit, found in (("AVX2", "float32"), ("avx512_core", "float32"), ("AVX512_CORE_BF16", "bfloat16")):
        capable("avx512_bf16", limit=limit)
        assert default_precision(100, 784, 500, CPU) == found
    capable("amx_tile")
    assert default_precision(100, 784, 500, CPU) == "bfloat16"
    capable()
    assert default_precision(100, 784, 500, CPU) == "float32"


@pytest.mark.parametrize(("capability", "found"), [((7, 5), "float32"), ((8, 0), "bfloat16"), ((9, 0), "bfloat16")])
def test_the_default_precision_on_a_graphics_card_looks_at_its_capability(monkeypatch, capability, found):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert default_precision(100, 784, 500, torch.device("cuda", 0)) == found


def test_threads_depend_on_sizes_alone(monkeypatch):
    for cores in (1, 2, 64):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        assert default_threads(100, 784, 128) == 1
        assert default_threads(512, 784, 500) == 4


@torch.no_grad()
def test_rounded_weights_follow_the_weights():
    m = RBM(Bernoulli(8), Bernoulli(5), generator=rng(1))
    x = (torch.rand(20, 8, generator=rng(2)) < 0.5).float()
    with products("bfloat16", CPU):
        for _ in range(3):
            assert torch.equal(m.up(x), x.bfloat16() @ m.weight.bfloat16())
            assert torch.equal(m.down(m.up(x)), m.up(x) @ m.weight.bfloat16().mT)
            m.weight.grad = torch.randn(m.weight.shape, generator=rng(3))
            torch.optim.SGD([m.weight], lr=0.5, fused=True).step()
    assert torch.equal(m.up(x), x @ m.weight)


@pytest.mark.parametrize("name", MACHINES)
def test_weights_rounded_once_are_those_rounded_at_every_product(name):
    m = machine(name).float()
    x = step = m.sample_independent(20, generator=rng(1))
    if isinstance(m, BoltzmannMachine):  # made ready for many Gibbs steps
        assert all(torch.equal(one, own) for one, own in zip(m.rounded().weights, m.weights, strict=True))
    else:
        assert m.rounded() is m
    before = copy.deepcopy(m.state_dict())
    with products("bfloat16", CPU), torch.no_grad():
        rounded, g = m.rounded(), rng(2)
        assert {weight.dtype for weight in rounded.weights} == {torch.bfloat16}
        for _ in range(3):
            step = m.gibbs(step, generator=g)
        assert torch.equal(gibbs_sample(m, x, 3, generator=rng(2)), step)
    assert all(torch.equal(value, before[name]) for name, value in m.state_dict().items())

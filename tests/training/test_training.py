import copy
import itertools
import math

import pytest
import torch

from harmonium import (
    CD,
    L1,
    L2,
    PCD,
    RBM,
    Bernoulli,
    CenterGradient,
    ClipGradNorm,
    Concat,
    DivergenceError,
    ExactSampler,
    HybridLoss,
    InputError,
    Potts,
    SparsityPenalty,
    evaluation,
    schedule,
    train,
)
from harmonium.data import batches
from harmonium.data.toys import bars_and_stripes
from harmonium.machines import Machine
from harmonium.training.loop import check_finite
from laws import BIPARTITE, LISTED, MACHINES, exact_states, machine, randomized, rng, row_of
from marks import slow_but

every_machine = pytest.mark.parametrize("name", MACHINES)
LABELED = [name for name in LISTED if MACHINES[name]().labels and not MACHINES[name]().latent]


def gradients(m: Machine) -> list[torch.Tensor]:
    return [p.grad.clone() for p in m.parameters()]


def both_phases(m: Machine):
    return m.sample_independent(20, generator=rng(1)), m.sample_independent(30, generator=rng(2))


def loss(m: Machine, v, u):
    return m.free_energy(v).mean() - m.free_energy(u).mean()


@pytest.mark.parametrize("name", BIPARTITE)
def test_centering_is_the_change_of_variables_that_it_claims(name):
    """The gradient in Wₗ and aₗ + Wₗλₗ₊₁ + Wₗ₋₁ᵀλₗ₋₁, carried back to plain parameters, is what is left."""
    m = machine(name)
    v, u = both_phases(m)
    loss(m, v, u).backward()
    even, odd = (
        list(x.detach().mean(0).split([row.width for row in rows]))
        for x, rows in ((v, m.layers[0::2]), (m.odd.mean(m.up(v)), m.layers[1::2]))
    )
    offsets = [(even, odd)[i % 2][i // 2] for i in range(len(m.layers))]
    plain = [torch.cat([leaf.bias.grad for leaf in row.components()]) for row in m.layers]
    weights = [
        weight.grad - torch.outer(plain[i], offsets[i + 1]) - torch.outer(offsets[i], plain[i + 1])
        for i, weight in enumerate(m.weights)
    ]
    for i, weight in enumerate(weights):
        plain[i] = plain[i] - weight @ offsets[i + 1]
        plain[i + 1] = plain[i + 1] - offsets[i] @ weight
    CenterGradient()(m, v, u)
    for parameter, weight in zip(m.weights, weights, strict=True):
        assert torch.allclose(parameter.grad, weight, rtol=1e-12, atol=1e-14)
    for row, bias in zip(m.layers, plain, strict=True):
        assert torch.allclose(torch.cat([leaf.bias.grad for leaf in row.components()]), bias, rtol=1e-12, atol=1e-14)


def test_centering_gives_the_centered_covariances():
    m = machine("bernoulli")
    v, u = both_phases(m)
    loss(m, v, u).backward()
    CenterGradient()(m, v, u)
    hv, hu = (m.hidden.mean(m.up(x)).detach() for x in (v, u))
    mu, lam = v.mean(0), hv.mean(0)
    assert torch.allclose(m.weight.grad, (u - mu).T @ (hu - lam) / 30 - (v - mu).T @ (hv - lam) / 20)


def test_centered_steps_do_not_depend_on_which_state_is_called_one():
    """Flipping every visible bit leaves centered learning as it was (Melchior et al., 2016), and plain learning not."""

    def learned(transforms, flip):
        m = randomized(RBM(Bernoulli(4), Bernoulli(3)), seed=3)
        v, u = both_phases(m)
        if flip:  # the same density over flipped states
            with torch.no_grad():
                m.hidden.bias += m.weight.sum(0)
                m.visible.bias.neg_()
                m.weight.neg_()
            v, u = 1 - v, 1 - u
        loss(m, v, u).backward()
        for transform in transforms:
            transform(m, v, u)
        return -m.weight.grad if flip else m.weight.grad

    assert torch.allclose(learned([CenterGradient()], False), learned([CenterGradient()], True), rtol=1e-10)
    assert not torch.allclose(learned([], False), learned([], True), rtol=1e-3)


def test_the_offsets_are_moving_averages():
    m, center = machine("bernoulli"), CenterGradient(rate=0.25)
    seen = []
    for seed in (1, 2):
        v = m.sample_independent(10, generator=rng(seed))
        m.zero_grad()
        loss(m, v, v.flip(0)).backward()
        center(m, v, v)
        seen.append(v.mean(0))
    assert torch.allclose(center.offsets[: m.visible.width], 0.75 * seen[0] + 0.25 * seen[1])
    assert set(center.state_dict()) == {"offsets"}


def test_offsets_go_on_in_another_type():
    center = CenterGradient(0.25)
    center.follow(torch.zeros(3))
    center.follow(torch.ones(3, dtype=torch.float64))
    assert center.offsets.tolist() == [0.25] * 3
    assert center.offsets.dtype == torch.float64


@every_machine
def test_clipping_the_norm_shortens_and_keeps_the_direction(name):
    m = machine(name)
    v, u = both_phases(m)
    loss(m, v, u).backward()
    before = torch.cat([g.flatten() for g in gradients(m)])
    ClipGradNorm(0.1)(m, v, u)
    after = torch.cat([g.flatten() for g in gradients(m)])
    assert float(after.norm()) == pytest.approx(0.1, rel=1e-4)
    assert torch.allclose(after, before * 0.1 / before.norm(), rtol=1e-4)


@every_machine
def test_weight_costs_have_their_textbook_gradients(name):
    m = machine(name)
    v = m.sample_independent(20, generator=rng())
    for penalty, slope in ((L1(0.3), torch.sign), (L2(0.3), torch.clone)):
        m.zero_grad()
        penalty(m, v).backward()
        assert all(torch.allclose(weight.grad, 0.3 * slope(weight)) for weight in m.weights)
        assert all(leaf.bias.grad is None for leaf in row_of(m).components())


def test_sparsity_has_its_textbook_gradient():
    m = machine("bernoulli")
    v = m.sample_independent(20, generator=rng())
    SparsityPenalty(0.2, 0.5)(m, v).backward()
    h = m.hidden.mean(m.up(v))
    q = h.mean(0)
    slope = 0.5 * (q - 0.2) / (q * (1 - q))
    assert torch.allclose(m.hidden.bias.grad, slope * (h * (1 - h)).mean(0))


def test_sparsity_asks_every_hidden_layer_for_its_target():
    m = machine("three layers")
    v = m.infer(exact_states(m, 20)[:, :4])
    y = torch.sigmoid(v[:, :4] @ m.weights[0] + v[:, 4:] @ m.weights[1].T + m.layers[1].bias)
    q = torch.cat([y, torch.sigmoid(y @ m.weights[1] + m.layers[2].bias)], -1).mean(0)
    truth = -0.5 * (0.2 * q.log() + 0.8 * (1 - q).log()).sum()
    assert float(SparsityPenalty(0.2, 0.5)(m, v).detach()) == pytest.approx(float(truth.detach()), rel=1e-12)


@pytest.mark.parametrize("name", LABELED)
def test_the_discriminative_penalty_is_minus_the_log_probability_of_the_label(name):
    m = machine(name)
    s = row_of(m).states()
    data = exact_states(m, 6)
    first, last = m.visible.width - m.visible.labels, m.visible.width
    ours = torch.autograd.grad(HybridLoss(0.7)(m, data), list(m.parameters()), allow_unused=True)
    terms = []
    for row in data:
        alike = (s[:, :first] == row[:first]).all(-1)
        own = alike & (s[:, first:last] == row[first:last]).all(-1)
        terms.append(torch.logsumexp(-m.free_energy(s[alike]), 0) - torch.logsumexp(-m.free_energy(s[own]), 0))
    truth = torch.autograd.grad(0.7 * torch.stack(terms).mean(), list(m.parameters()))
    for a, b in zip(ours, truth, strict=True):
        assert torch.allclose(torch.zeros_like(b) if a is None else a, b, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("name", slow_but(MACHINES))
def test_with_exact_negatives_a_step_follows_the_likelihood(name):
    """The step of SGD is, within 5 standard errors in every entry, the learning rate times the exact gradient."""
    m = machine(name)
    data = exact_states(m, 4, seed=8)[:, : m.visible.width]
    old = copy.deepcopy(m)
    chains = 100_000
    rate = 0.01
    x = ExactSampler(chains)(m, data, generator=rng(4))
    spread = []
    for p in m.parameters():
        pieces = [torch.autograd.grad(m.free_energy(part).mean(), p)[0] for part in x.split(1000)]
        spread.append(torch.stack(pieces).std(0) / len(pieces) ** 0.5)
    optimizer = torch.optim.SGD(m.parameters(), lr=rate)
    positive = next(train(m, [data], ExactSampler(chains), optimizer, generator=rng(4))).positive
    assert torch.equal(positive, old.infer(data, generator=rng(4)))
    if name in LISTED:
        log_z = torch.logsumexp(-old.free_energy(row_of(old).states()), 0)
    else:
        y = old.odd.states()
        log_z = torch.logsumexp(old.even.cgf(old.down(y)) - old.odd.energy(y), 0)
    exact = torch.autograd.grad(old.free_energy(positive).mean() + log_z, list(old.parameters()))
    for before, p, truth, error in zip(old.parameters(), m.parameters(), exact, spread, strict=True):
        assert ((p - before + rate * truth).detach().abs() <= rate * 5.5 * error + 1e-12).all()


def learn(sampler, transforms, steps, rate=0.1):
    data = bars_and_stripes(3).double()
    m = RBM(Bernoulli(9), Bernoulli(16), generator=rng(1)).double()
    optimizer = torch.optim.SGD(m.parameters(), lr=rate)
    feed = batches(data, 14, generator=rng(2))
    loop = train(m, feed, sampler(m), optimizer, transforms=transforms, generator=rng(3))
    for _ in itertools.islice(loop, steps):
        pass
    return evaluation.log_likelihood(m, data, evaluation.log_partition(m)).value


SAMPLERS = {
    "cd": lambda m: CD(3),
    "pcd": lambda m: PCD(m.sample_independent(100, generator=rng())),
    "exact": lambda m: ExactSampler(100),
}


@pytest.mark.parametrize("sampler", slow_but(SAMPLERS, ["pcd"]))
def test_training_learns_bars_and_stripes(sampler):
    """From −9 log 2 = −6.24 to at least −3.6; the best possible is −log 14 = −2.64."""
    assert learn(SAMPLERS[sampler], [CenterGradient()], 1500) > -3.6


def test_one_seed_gives_the_same_bits():
    a, b = (learn(SAMPLERS["pcd"], [CenterGradient()], 50) for _ in range(2))
    assert a == b


def test_steps_are_numbered_and_hold_both_phases():
    m = machine("bernoulli")
    v = m.even.states()
    optimizer = torch.optim.Adam(m.parameters())
    steps = list(train(m, [v, v], CD(), optimizer, start=5, generator=rng()))
    assert [step.index for step in steps] == [5, 6]
    assert torch.equal(steps[0].positive, v)
    assert steps[0].negative.shape == v.shape
    assert not steps[0].loss.requires_grad


def test_a_card_is_looked_at_once_in_a_thousand_steps():
    """On a device whose values cannot be read, only the thousandth step reads one."""
    rbm, loss = RBM(4, 3), torch.empty((), device="meta")
    for index in range(999):
        check_finite(rbm, loss, index)
    with pytest.raises(RuntimeError, match="meta"):
        check_finite(rbm, loss, 999)


def test_divergence_names_the_step_and_the_cause():
    m = machine("bernoulli")
    v = m.even.states()
    loop = train(m, [v, v * math.nan], CD(), torch.optim.SGD(m.parameters(), 0.1), generator=rng())
    next(loop)
    kept = [p.detach().clone() for p in m.parameters()]
    with pytest.raises(DivergenceError, match=r"step 1.*largest weight.*learning rate"):
        next(loop)
    assert all(torch.equal(a, b) for a, b in zip(kept, m.parameters(), strict=True))


SCHEDULES = {
    "constant": [1, 1, 1, 1, 1],
    "linear": [1, 0.75, 0.5, 0.25, 0],
    "late": [1, 1, 1, 0.5, 0],
    "cosine": [1, 0.5 + 0.5**1.5, 0.5, 0.5 - 0.5**1.5, 0],
}


def test_schedules():
    for shape, expected in SCHEDULES.items():
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        scheduler = schedule(optimizer, shape, 4)
        rates = []
        for _ in range(5):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
        assert rates == pytest.approx(expected, abs=1e-12)
    with pytest.raises(ValueError, match="constant, linear, late, cosine"):
        schedule(optimizer, "steps", 2)


@pytest.mark.slow
def test_labels_are_learned_beside_pixels():
    """A label row inside the visible one is part of the same likelihood: the classes of a toy are told apart."""
    pixels = bars_and_stripes(3)
    bars = (pixels.view(-1, 3, 3).std(-1).sum(-1) == 0).long()
    data = torch.cat([pixels, torch.nn.functional.one_hot(bars, 2)], -1).double()
    m = RBM(Concat(Bernoulli(9), Potts(1, 2)), Bernoulli(12), generator=rng(1)).double()
    optimizer = torch.optim.Adam(m.parameters(), lr=0.03)
    feed = batches(data, 14, generator=rng(2))
    for _ in itertools.islice(train(m, feed, ExactSampler(200), optimizer, generator=rng(3)), 800):
        pass
    labels = torch.eye(2, dtype=torch.float64)
    scores = torch.stack([-m.free_energy(torch.cat([data[:, :9], label.expand(14, -1)], -1)) for label in labels])
    assert (scores.argmax(0) == bars).double().mean() > 0.9


def test_transforms_and_penalties_that_do_not_fit_say_so():
    general, v = machine("general"), torch.zeros(1, 7, dtype=torch.float64)
    with pytest.raises(TypeError, match=r"machine of layers, not a BoltzmannMachine"):
        CenterGradient()(general, v, v)
    with pytest.raises(TypeError, match=r"hidden row that is summed out, and a BoltzmannMachine has none"):
        SparsityPenalty(0.1)(general, v)
    for name, kind in (("spin", "Spin"), ("mixed hidden", "Gaussian"), ("four layers", "Spin")):
        m = machine(name)
        with pytest.raises(TypeError, match=rf"in 0…1, not {kind}"):
            SparsityPenalty(0.1)(m, m.sample_independent(1))
    with pytest.raises(InputError, match="no label units"):
        HybridLoss(0.1)(machine("bernoulli"), v[:, :4])

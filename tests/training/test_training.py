import itertools
import math

import pytest
import torch

from harmonium import (
    L1,
    L2,
    RBM,
    Bernoulli,
    Centre,
    ClipNorm,
    Contrastive,
    Diverged,
    Exact,
    Gaussian,
    Join,
    Persistent,
    Potts,
    Sparsity,
    Spin,
    evaluation,
    schedule,
    train,
)
from harmonium.data import batches
from harmonium.data.toys import bars_and_stripes
from harmonium.machines import Bipartite
from laws import MACHINES, exact_states, machine, randomised, rng


def gradients(m: Bipartite) -> list[torch.Tensor]:
    return [p.grad.clone() for p in m.parameters()]


def both_phases(m: Bipartite):
    return m.fields_sample(20, generator=rng(1)), m.fields_sample(30, generator=rng(2))


def loss(m: Bipartite, v, u):
    return m.free_energy(v).mean() - m.free_energy(u).mean()


CENTRED = ["bernoulli", "spin", "potts", "labelled", "gaussian hidden", "gaussian visible", "mixed visible"]


@pytest.mark.parametrize("name", CENTRED)
def test_centre_is_the_change_of_variables_that_it_claims(name):
    """The gradient in W, b + Wλ, c + Wᵀμ, carried back to plain parameters, is what Centre leaves behind."""
    m = machine(name)
    v, u = both_phases(m)
    loss(m, v, u).backward()
    mu, lam = v.mean(0), m.hidden.mean(m.up(v)).mean(0).detach()
    biases = [leaf.bias for leaf in m.visible.leaves()], [leaf.bias for leaf in m.hidden.leaves()]
    plain_b, plain_c = (torch.cat([b.grad for b in row]) for row in biases)
    w = m.weight.grad - torch.outer(plain_b, lam) - torch.outer(mu, plain_c)
    b, c = plain_b - w @ lam, plain_c - mu @ w
    Centre()(m, v, u)
    assert torch.allclose(m.weight.grad, w, rtol=1e-12)
    assert torch.allclose(torch.cat([x.grad for x in biases[0]]), b, rtol=1e-12, atol=1e-14)
    assert torch.allclose(torch.cat([x.grad for x in biases[1]]), c, rtol=1e-12, atol=1e-14)


def test_centre_gives_the_centred_covariances():
    m = machine("bernoulli")
    v, u = both_phases(m)
    loss(m, v, u).backward()
    Centre()(m, v, u)
    hv, hu = (m.hidden.mean(m.up(x)).detach() for x in (v, u))
    mu, lam = v.mean(0), hv.mean(0)
    assert torch.allclose(m.weight.grad, (u - mu).T @ (hu - lam) / 30 - (v - mu).T @ (hv - lam) / 20)


def test_centred_steps_do_not_depend_on_which_state_is_called_one():
    """Flipping every visible bit leaves centred learning as it was (Melchior et al., 2016), and plain learning not."""

    def learned(edits, flip):
        m = randomised(RBM(Bernoulli(4), Bernoulli(3)), seed=3)
        v, u = both_phases(m)
        if flip:  # the same density over flipped states
            with torch.no_grad():
                m.hidden.bias += m.weight.sum(0)
                m.visible.bias.neg_()
                m.weight.neg_()
            v, u = 1 - v, 1 - u
        loss(m, v, u).backward()
        for edit in edits:
            edit(m, v, u)
        return -m.weight.grad if flip else m.weight.grad

    assert torch.allclose(learned([Centre()], False), learned([Centre()], True), rtol=1e-10)
    assert not torch.allclose(learned([], False), learned([], True), rtol=1e-3)


def test_the_offsets_are_moving_averages():
    m, centre = machine("bernoulli"), Centre(rate=0.25)
    seen = []
    for seed in (1, 2):
        v = m.fields_sample(10, generator=rng(seed))
        m.zero_grad()
        loss(m, v, v.flip(0)).backward()
        centre(m, v, v)
        seen.append(v.mean(0))
    assert torch.allclose(centre.offsets[: m.visible.width], 0.75 * seen[0] + 0.25 * seen[1])
    assert set(centre.state_dict()) == {"offsets"}


def test_clip_norm_shortens_and_keeps_the_direction():
    m = machine("bernoulli")
    v, u = both_phases(m)
    loss(m, v, u).backward()
    before = torch.cat([g.flatten() for g in gradients(m)])
    ClipNorm(0.1)(m, v, u)
    after = torch.cat([g.flatten() for g in gradients(m)])
    assert float(after.norm()) == pytest.approx(0.1, rel=1e-4)
    assert torch.allclose(after, before * 0.1 / before.norm(), rtol=1e-4)


def test_penalties_have_their_textbook_gradients():
    m = machine("bernoulli")
    v = m.fields_sample(20, generator=rng())
    for penalty, truth in ((L1(0.3), 0.3 * m.weight.sign()), (L2(0.3), 0.3 * m.weight)):
        m.zero_grad()
        penalty(m, v).backward()
        assert torch.allclose(m.weight.grad, truth)
        assert m.visible.bias.grad is None
    m.zero_grad()
    Sparsity(0.2, 0.5)(m, v).backward()
    h = m.hidden.mean(m.up(v))
    q = h.mean(0)
    slope = 0.5 * (q - 0.2) / (q * (1 - q))
    assert torch.allclose(m.hidden.bias.grad, slope * (h * (1 - h)).mean(0))


@pytest.mark.parametrize("name", MACHINES)
def test_with_exact_negatives_a_step_follows_the_likelihood(name):
    """The step of SGD is, within 5 standard errors in every entry, the learning rate times the exact gradient."""
    m = machine(name)
    data = exact_states(m, 4, seed=8)
    before = [p.detach().clone() for p in m.parameters()]
    chains = 100_000
    rate = 0.01
    x = Exact(chains)(m, data, generator=rng(4))
    spread = []
    for p in m.parameters():
        pieces = [torch.autograd.grad(m.free_energy(part).mean(), p)[0] for part in x.split(1000)]
        spread.append(torch.stack(pieces).std(0) / len(pieces) ** 0.5)
    if m.even.count < math.inf:
        s = m.even.states()
        log_z = torch.logsumexp(-m.free_energy(s), 0)
    else:
        y = m.odd.states()
        log_z = torch.logsumexp(m.even.cgf(m.down(y)) - m.odd.energy(y), 0)
    exact = torch.autograd.grad(m.free_energy(data).mean() + log_z, list(m.parameters()))
    optimizer = torch.optim.SGD(m.parameters(), lr=rate)
    next(train(m, [data], Exact(chains), optimizer, generator=rng(4)))
    for old, p, truth, error in zip(before, m.parameters(), exact, spread, strict=True):
        assert ((p.detach() - old + rate * truth).abs() <= rate * 5.5 * error + 1e-12).all()


def learn(sampler, edits, steps, rate=0.1):
    data = bars_and_stripes(3).double()
    m = RBM(Bernoulli(9), Bernoulli(16), generator=rng(1)).double()
    optimizer = torch.optim.SGD(m.parameters(), lr=rate)
    feed = batches(data, 14, generator=rng(2))
    loop = train(m, feed, sampler(m), optimizer, edits=edits, generator=rng(3))
    for _ in itertools.islice(loop, steps):
        pass
    return evaluation.log_likelihood(m, data, evaluation.log_partition(m)).value


SAMPLERS = {
    "contrastive": lambda m: Contrastive(3),
    "persistent": lambda m: Persistent(m.fields_sample(100, generator=rng())),
    "exact": lambda m: Exact(100),
}


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_training_learns_bars_and_stripes(sampler):
    """From −9 log 2 = −6.24 to at least −3.6; the best possible is −log 14 = −2.64."""
    assert learn(SAMPLERS[sampler], [Centre()], 1500) > -3.6


def test_one_seed_gives_the_same_bits():
    a, b = (learn(SAMPLERS["persistent"], [Centre()], 50) for _ in range(2))
    assert a == b


def test_steps_are_numbered_and_hold_both_phases():
    m = machine("bernoulli")
    v = m.even.states()
    optimizer = torch.optim.Adam(m.parameters())
    steps = list(train(m, [v, v], Contrastive(), optimizer, start=5, generator=rng()))
    assert [step.index for step in steps] == [5, 6]
    assert torch.equal(steps[0].positive, v)
    assert steps[0].negative.shape == v.shape
    assert not steps[0].loss.requires_grad


def test_divergence_names_the_step_and_the_cause():
    m = machine("bernoulli")
    v = m.even.states()
    loop = train(m, [v, v * math.nan], Contrastive(), torch.optim.SGD(m.parameters(), 0.1), generator=rng())
    next(loop)
    kept = [p.detach().clone() for p in m.parameters()]
    with pytest.raises(Diverged, match=r"step 1.*largest weight.*learning rate"):
        next(loop)
    assert all(torch.equal(a, b) for a, b in zip(kept, m.parameters(), strict=True))


def test_schedules():
    for shape, expected in (("constant", [1, 1, 1]), ("linear", [1, 0.5, 0]), ("cosine", [1, 0.5, 0])):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        scheduler = schedule(optimizer, shape, 2)
        rates = []
        for _ in range(3):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
        assert rates == pytest.approx(expected, abs=1e-12)
    with pytest.raises(ValueError, match="constant, linear, cosine"):
        schedule(optimizer, "steps", 2)


def test_labels_are_learned_beside_pixels():
    """A label row inside the visible one is part of the same likelihood: the classes of a toy are told apart."""
    pixels = bars_and_stripes(3)
    bars = (pixels.view(-1, 3, 3).std(-1).sum(-1) == 0).long()
    data = torch.cat([pixels, torch.nn.functional.one_hot(bars, 2)], -1).double()
    m = RBM(Join(Bernoulli(9), Potts(1, 2)), Bernoulli(12), generator=rng(1)).double()
    optimizer = torch.optim.Adam(m.parameters(), lr=0.03)
    feed = batches(data, 14, generator=rng(2))
    for _ in itertools.islice(train(m, feed, Exact(200), optimizer, generator=rng(3)), 800):
        pass
    labels = torch.eye(2, dtype=torch.float64)
    scores = torch.stack([-m.free_energy(torch.cat([data[:, :9], label.expand(14, -1)], -1)) for label in labels])
    assert (scores.argmax(0) == bars).double().mean() > 0.9


def test_edits_and_penalties_that_do_not_fit_say_so():
    class Other(RBM):
        pass

    assert isinstance(Other(Spin(1), Gaussian(1)), RBM)
    with pytest.raises(TypeError, match="RBM"):
        Centre()(torch.nn.Linear(1, 1), torch.zeros(1, 1), torch.zeros(1, 1))
    with pytest.raises(TypeError, match="hidden row"):
        Sparsity(0.1)(torch.nn.Linear(1, 1), torch.zeros(1, 1))

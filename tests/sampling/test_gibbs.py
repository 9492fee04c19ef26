"""Chains of Gibbs steps, with and without a label, and what is put in for missing and flipped values, all exactly."""

import itertools

import pytest
import torch

from harmonium import (
    DBN,
    RBM,
    Bernoulli,
    Concat,
    Gaussian,
    InputError,
    Potts,
    SigmoidBeliefLayer,
    denoise,
    gibbs_sample,
    impute,
    sample,
)
from harmonium.sampling import flip_field, sample_chain
from laws import LISTED, MACHINES, machine, randomized, rng, row_of, same_distribution
from marks import slow_but

LABELED = [name for name in LISTED if MACHINES[name]().labels]
CHAINS = 20_000
every_labeled = pytest.mark.parametrize("name", slow_but(LABELED))


def last(steps):
    return list(steps)[-1]


def marginal(m, label=None):
    """Return every state of the pixels and its exact log probability given the label, or without one."""
    s, wide = row_of(m).states(), m.visible.width
    s = s if label is None else s[s[:, wide - m.labels + label] == 1]
    pixels, where = s[:, : wide - m.labels].unique(dim=0, return_inverse=True)
    p = torch.softmax(-m.free_energy(s), 0)
    return pixels, torch.zeros(len(pixels), dtype=p.dtype).index_add(0, where, p)


def net(*widths: int, labels: int = 3, visible=Bernoulli) -> DBN:
    rows = [visible(widths[0]), *map(Bernoulli, widths[1:])]
    layers = [SigmoidBeliefLayer(below, Bernoulli(above.width)) for below, above in itertools.pairwise(rows[:-1])]
    top = RBM(Concat(rows[-2], Potts(1, labels)) if labels else rows[-2], rows[-1])
    return randomized(DBN(*layers, top=top), 0.6).requires_grad_(False)


@pytest.mark.parametrize("name", MACHINES)
def test_so_many_gibbs_steps_are_taken(name):
    m = machine(name).requires_grad_(False)
    x = m.sample_independent(5, generator=rng())
    by_hand, g = x, rng(1)
    for _ in range(3):
        by_hand = m.gibbs(by_hand, generator=g)
    assert torch.equal(gibbs_sample(m, x, 3, generator=rng(1)), by_hand)
    assert torch.equal(gibbs_sample(m, x, 0), x)


@pytest.mark.slow
@every_labeled
def test_samples_of_a_label_have_their_distribution_given_it(name):
    m = machine(name).requires_grad_(False)
    for label in range(m.labels):
        drawn, mean = last(sample_chain(m, CHAINS, 50, label=label, generator=rng(label)))
        pixels, p = marginal(m, label)
        same_distribution(drawn, pixels, p)
        assert ((mean.mean(0) - p @ pixels).abs() < 5 * deviation(pixels, p) / CHAINS**0.5 + 1e-9).all()


def deviation(pixels, p):
    """Return the exact standard deviation of states: that of any conditional mean of them is no larger."""
    return (p @ pixels.square() - (p @ pixels).square()).clamp(min=0).sqrt()


@every_labeled
def test_chains_without_a_label_follow_the_machine(name):
    m = machine(name).requires_grad_(False)
    drawn, mean = last(sample_chain(m, CHAINS, 50, generator=rng()))
    pixels, p = marginal(m)
    same_distribution(drawn, pixels, p)
    assert ((mean.mean(0) - p @ pixels).abs() < 5 * deviation(pixels, p) / CHAINS**0.5 + 1e-9).all()


def test_a_network_is_sampled_in_its_top_and_shows_the_pass_down():
    dbn = net(5, 4, 3)
    label = torch.arange(3).repeat(4)
    shown = list(sample_chain(dbn, 12, 6, label=label, generator=rng()))
    assert len(shown) == 6
    x = dbn.top.sample_independent(len(label), generator=(g := rng()))
    x[:, 4:] = torch.eye(3, dtype=x.dtype)[label]
    for drawn, mean in shown:
        x = dbn.top.gibbs(x, torch.arange(7) >= 4, generator=g)
        below, means = dbn.draw_below(x[:, :4], generator=g)
        assert torch.equal(drawn, below)
        assert torch.equal(mean, means)
        assert torch.equal(mean, dbn.generate(x[:, :4])[0])
        assert set(drawn.unique().tolist()) <= {0, 1}


def test_the_samples_of_a_network_have_the_exact_means_given_the_label():
    dbn = net(5, 4, 3)
    codes, p = marginal(dbn.top, 1)
    truth = p @ dbn.generate(codes)[0]
    drawn, _ = last(sample_chain(dbn, CHAINS, 50, label=1, generator=rng()))
    assert ((drawn.mean(0) - truth).abs() < 5 * drawn.std(0) / CHAINS**0.5).all()


@pytest.mark.parametrize(
    ("model", "pixels"),
    [
        (lambda: net(5, 4, 3), 5),
        (lambda: net(6, 5, 4, 3), 6),
        (lambda: net(4, 3), 4),
        (lambda: net(5, 4, 3, visible=Gaussian), 5),
        (lambda: machine("labeled three layers"), 2),
        (lambda: machine("labeled"), 3),
        (lambda: machine("general, labeled"), 3),
    ],
)
def test_rows_are_pixels_without_labels(model, pixels):
    m, label = model(), torch.tensor([0, 2, 1, 1])
    for given in (label, None):
        shown = list(sample_chain(m, 4, 3, label=given, generator=rng()))
        assert len(shown) == 3
        assert all(drawn.shape == mean.shape == (4, pixels) for drawn, mean in shown)
        assert not any(x.requires_grad for pair in shown for x in pair)


@pytest.mark.parametrize("label", [None, 2, torch.tensor([0, 2, 1, 1])], ids=["none", "one", "one a row"])
@pytest.mark.parametrize("model", [lambda: machine("labeled"), lambda: net(5, 4, 3)], ids=["rbm", "dbn"])
def test_a_sample_is_where_its_chain_ends(model, label):
    m = model()
    drawn, mean = last(sample_chain(m, 4, 5, label=label, generator=rng(2)))
    assert torch.equal(sample(m, 4, 5, label=label, generator=rng(2)), drawn)
    assert torch.equal(sample(m, 4, 5, label=label, means=True, generator=rng(2)), mean)


def test_progress_sees_every_gibbs_step_and_a_seed_repeats():
    m, seen = machine("labeled"), []

    def progress(steps, what):
        for k in steps:
            seen.append((what, k))
            yield k

    label = torch.tensor([1, 0])
    a = last(sample_chain(m, 2, 5, label=label, progress=progress, generator=rng(2)))
    b = last(sample_chain(m, 2, 5, label=label, generator=rng(2)))
    assert seen == [("sampling", k) for k in range(5)]
    assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_a_machine_without_labels_cannot_be_asked_for_one():
    for model in (machine("bernoulli"), net(4, 3, 2, labels=0)):
        with pytest.raises(InputError, match="no label units to clamp"):
            sample(model, 1, label=0)
        assert sample(model, 3, 2, generator=rng()).shape == (3, 4)


@pytest.mark.parametrize("label", [3, -1, torch.tensor([0, 1, 5, 0]), torch.tensor([0, 1]), torch.zeros(4)], ids=str)
def test_labels_that_no_row_can_have_are_refused(label):
    with pytest.raises(InputError, match="a class number from 0 to 2, or one for each of 4 rows"):
        sample(machine("labeled"), 4, 1, label=label)


def missing(name):
    """Return a row whose first site is known, the mask of it, the states that agree with it, and their odds."""
    m = machine(name).requires_grad_(False)
    s, wide = row_of(m).states(), m.visible.width
    width = len(m.visible.sites()[0])
    row = s[len(s) // 3, :wide]
    agree = s[(s[:, :width] == row[:width]).all(-1)]
    return m, row, torch.arange(wide) < width, agree[:, :wide], torch.softmax(-m.free_energy(agree), 0)


@pytest.mark.parametrize("name", LISTED)
def test_what_is_missing_is_imputed_by_its_conditional_mean(name):
    m, row, known, agree, odds = missing(name)
    ours = impute(m, row[None], known, chains=4000, gibbs_steps=40, generator=rng())[0]
    assert torch.equal(ours[known], row[known])
    error = agree.std(0, correction=0) / 4000**0.5  # each chain counts at least once
    assert ((ours - odds @ agree).abs() <= 5 * error + 1e-9).all()


@pytest.mark.parametrize("name", LISTED)
def test_values_that_are_not_a_number_are_the_missing_ones(name):
    m, row, known, _, _ = missing(name)
    holes = torch.where(known, row, torch.nan)
    ours = impute(m, holes[None], chains=3, gibbs_steps=4, generator=rng())
    assert torch.equal(ours, impute(m, row[None], known, chains=3, gibbs_steps=4, generator=rng()))
    assert bool(ours.isfinite().all())


def test_a_network_imputes_too_and_keeps_what_is_known():
    dbn = net(5, 4, 3)
    v = torch.tensor([[1.0, torch.nan, 0.0, torch.nan, 1.0], [torch.nan, 1.0, 1.0, 0.0, 0.0]], dtype=torch.float64)
    known = ~v.isnan()
    ours = impute(dbn, v, gibbs_steps=20, generator=rng())
    assert torch.equal(ours[known], v[known])
    assert ((ours[~known] > 0) & (ours[~known] < 1)).all()


@pytest.mark.parametrize("name", ["bernoulli", "spin"])
def test_noise_is_taken_out_by_its_posterior_mean(name):
    m = machine(name).requires_grad_(False)
    low = float(m.even.states().min())
    s, p = m.even.states(), 0.2
    seen = s[5]
    flips = (s != seen).sum(-1)
    log_posterior = -m.free_energy(s) + flips * torch.log(torch.tensor(p / (1 - p), dtype=s.dtype))
    truth = torch.softmax(log_posterior, 0) @ s
    ours = denoise(m, seen[None], p, low, chains=4000, gibbs_steps=40, generator=rng())[0]
    assert ((ours - truth).abs() <= 5 * (1 - low) / 2 / 4000**0.5).all()
    odds = torch.exp(flip_field(seen[None], p, low)[0] * (1 - low))  # of 1 against the other value, by what was seen
    assert torch.allclose(odds, ((1 - p) / p) ** (2 * (seen == 1).double() - 1), rtol=1e-12)

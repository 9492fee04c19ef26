"""Chains under a clamped label, and chains under nothing, against enumeration."""

import itertools

import pytest
import torch

from harmonium import DBN, RBM, Bernoulli, Concat, Gaussian, InputError, Potts, SigmoidBeliefLayer, sample_label
from harmonium.sampling import sample_chain
from laws import LISTED, MACHINES, machine, randomized, rng, row_of, same_distribution

LABELLED = [name for name in LISTED if MACHINES[name]().labels]
CHAINS = 50_000
every_labelled = pytest.mark.parametrize("name", LABELLED)


def last(steps):
    return list(steps)[-1]


def marginal(m, label=None):
    """Return every state of the pixels and its exact log probability given the label, or without one."""
    s, wide = row_of(m).states(), m.visible.width
    s = s if label is None else s[s[:, wide - m.labels + label] == 1]
    pixels, where = s[:, : wide - m.labels].unique(dim=0, return_inverse=True)
    p = torch.softmax(-m.free_energy(s), 0)
    return pixels, torch.zeros(len(pixels), dtype=p.dtype).index_add(0, where, p)


@every_labelled
def test_dreams_of_a_label_have_their_distribution_given_it(name):
    m = machine(name).requires_grad_(False)
    for label in range(m.labels):
        drawn, mean = last(sample_label(m, torch.full((CHAINS,), label), 50, generator=rng(label)))
        pixels, p = marginal(m, label)
        same_distribution(drawn, pixels, p)
        assert ((mean.mean(0) - p @ pixels).abs() < 5 * mean.std(0) / CHAINS**0.5 + 1e-9).all()


@every_labelled
def test_chains_that_wander_follow_the_machine(name):
    m = machine(name).requires_grad_(False)
    drawn, mean = last(sample_chain(m, CHAINS, 100, generator=rng()))
    pixels, p = marginal(m)
    same_distribution(drawn, pixels, p)
    assert ((mean.mean(0) - p @ pixels).abs() < 5 * mean.std(0) / CHAINS**0.5 + 1e-9).all()


def net(*widths: int, labels: int = 3, visible=Bernoulli) -> DBN:
    rows = [visible(widths[0]), *map(Bernoulli, widths[1:])]
    layers = [SigmoidBeliefLayer(below, Bernoulli(above.width)) for below, above in itertools.pairwise(rows[:-1])]
    top = RBM(Concat(rows[-2], Potts(1, labels)) if labels else rows[-2], rows[-1])
    return randomized(DBN(*layers, top=top), 0.6).requires_grad_(False)


def test_a_network_dreams_in_its_top_and_shows_the_pass_down():
    dbn = net(5, 4, 3)
    label = torch.arange(3).repeat(4)
    shown = list(sample_label(dbn, label, 6, generator=rng()))
    assert len(shown) == 6
    x = dbn.top.sample_independent(len(label), generator=(g := rng()))
    x[:, 4:] = torch.eye(3, dtype=x.dtype)[label]
    for drawn, mean in shown:
        x = dbn.top.gibbs(x, torch.arange(7) >= 4, generator=g)
        below = dbn.generate(x[:, :4], generator=g)[0]
        assert torch.equal(drawn, below)
        assert torch.equal(mean, below)


def test_the_dreams_of_a_network_have_the_exact_means_given_the_label():
    dbn = net(5, 4, 3)
    codes, p = marginal(dbn.top, 1)
    truth = p @ dbn.generate(codes)[0]
    drawn, _ = last(sample_label(dbn, torch.ones(CHAINS, dtype=torch.long), 50, generator=rng()))
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
    for steps in (sample_label(m, label, 3, generator=rng()), sample_chain(m, 4, 3, generator=rng())):
        shown = list(steps)
        assert len(shown) == 3
        assert all(drawn.shape == mean.shape == (4, pixels) for drawn, mean in shown)
        assert not any(x.requires_grad for pair in shown for x in pair)


def test_a_watch_sees_every_sweep_and_a_seed_repeats():
    m, seen = machine("labeled"), []

    def progress(steps):
        for k in steps:
            seen.append(k)
            yield k

    a = last(sample_label(m, torch.tensor([1, 0]), 5, progress=progress, generator=rng(2)))
    b = last(sample_label(m, torch.tensor([1, 0]), 5, generator=rng(2)))
    assert seen == [0, 1, 2, 3, 4]
    assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_a_machine_without_labels_cannot_be_asked_for_one():
    for model in (machine("bernoulli"), net(4, 3, 2, labels=0)):
        with pytest.raises(InputError, match="no label units to clamp"):
            sample_label(model, torch.tensor([0]))
        assert last(sample_chain(model, 3, 2, generator=rng()))[0].shape == (3, 4)

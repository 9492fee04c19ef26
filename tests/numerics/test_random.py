"""Draws fire as often as they should, down to one in ten million, in both forms, and hang on nothing else."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import binom, binomtest, chisquare, kstest

from harmonium import numerics
from harmonium.numerics import random
from laws import LIMIT, chi_square, rng
from marks import slow_but

SHAPE = (2000, 2000)  # rows that fill the cache and no more
TRIES = 4_000_000
LOGITS = [-16.0, -12.0, -8.0, -4.0, -1.0, 0.0, 1.0, 4.0, 8.0, 12.0, 16.0]
FORMS = {"plain": math.inf, "compiled": 0}
TYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]


@pytest.fixture(params=FORMS)
def form(request, monkeypatch):
    """Draw in one form alone."""
    monkeypatch.setattr(random, "WARM", FORMS[request.param])
    if request.param == "compiled":
        pytest.importorskip("numba")
    return request.param


@pytest.mark.parametrize("kind", slow_but(TYPES, [torch.float32]), ids=str)
def test_bernoulli_fires_as_often_as_its_logit_says(form, kind):
    """Exact binomial test of 4 million draws a logit, for the probability of the logit as rounded."""
    for seed, logit in enumerate(LOGITS):
        drawn = numerics.bernoulli(torch.full(SHAPE, logit, dtype=kind), generator=rng(seed))
        assert drawn.dtype == kind
        assert binomtest(int(drawn.sum(dtype=torch.float64)), TRIES, 1 / (1 + math.exp(-logit))).pvalue > LIMIT


@pytest.mark.parametrize("kind", slow_but(TYPES, [torch.float32]), ids=str)
def test_categories_come_as_often_as_their_logits_say(kind):
    logits = torch.tensor([0.0, -2.0, -6.0, -14.0]).to(kind)
    odds = torch.softmax(logits.double(), 0)
    drawn = sum(
        numerics.one_hot(logits.expand(TRIES // 4, 4), generator=rng(seed)).double().sum(0) for seed in range(4)
    )
    for count, p in zip(drawn.tolist(), odds.tolist(), strict=True):
        assert binomtest(int(count), TRIES, p).pvalue > LIMIT


@pytest.mark.parametrize("kind", slow_but(TYPES, [torch.float32]), ids=str)
def test_what_is_certain_always_happens_and_what_is_impossible_never(form, kind):
    for seed in range(5):
        ends = torch.tensor([-math.inf, math.inf]).to(kind).expand(1_000_000, 2)
        drawn = numerics.bernoulli(ends, generator=rng(seed)).sum(0, dtype=torch.float64)
        assert drawn.tolist() == [0, 1_000_000]
        marks = numerics.one_hot(torch.tensor([0.0, -math.inf, 0.0]).to(kind).expand(100_000, 3), generator=rng(seed))
        assert float(marks[:, 1].sum()) == 0


@pytest.mark.parametrize("shape", [(512, 784), (61, 499), (1, 3), (3, 1), (2, 5, 7), (100_001,)], ids=str)
@pytest.mark.parametrize("scale", [0.0, 0.5, 5.0, 50.0])
def test_both_forms_draw_the_same_bits(shape, scale):
    pytest.importorskip("numba")
    from harmonium.numerics import kernels

    field, key = scale * torch.randn(shape, generator=rng(1)), random.key(torch.device("cpu"), rng(2))
    table, bias = field.view(-1, shape[-1]), min(scale, 1.0) * torch.randn(shape[-1], generator=rng(3))
    compiled = kernels.draw(table, bias, key)
    assert torch.equal(random.draw(table, bias, key), compiled)
    assert torch.equal(random.keyed_bernoulli(field, bias, key).view_as(table), compiled)


def test_a_row_draws_the_same_in_whatever_batch_it_runs(form):
    logits = torch.randn(1000, 37, generator=rng(0))
    whole = numerics.bernoulli(logits, generator=rng(1))
    for count in (1, 2, 500, 999):
        assert torch.equal(numerics.bernoulli(logits[:count], generator=rng(1)), whole[:count])
    assert not torch.equal(numerics.bernoulli(logits, generator=rng(2)), whole)


def test_a_table_that_is_no_block_of_memory_draws_as_its_copy(form):
    logits = torch.randn(50, 40, generator=rng(0))
    for view in (logits.T, logits[::2, 3:], logits.expand(3, 50, 40)):
        assert torch.equal(
            numerics.bernoulli(view, generator=rng(1)), numerics.bernoulli(view.contiguous(), generator=rng(1))
        )


def test_what_is_not_a_number_draws_none(form):
    logits = torch.tensor([[0.0, math.nan, 1.0], [math.nan, 5.0, -5.0]])
    assert torch.equal(numerics.bernoulli(logits, generator=rng(1)).isnan(), logits.isnan())


@pytest.mark.parametrize("trials", [1, 2, 30, 255])
@pytest.mark.parametrize("logit", [-40.0, -12.0, -5.0, -0.3, 0.0, 2.0, 6.0, 40.0])
def test_binomial_counts_have_the_exact_law(trials, logit):
    """Chi-square over all counts, for the probability of the logit."""
    drawn = numerics.binomial(torch.full((500, 400), logit), trials, generator=rng(trials))
    assert drawn.dtype == torch.float32
    law = binom.pmf(np.arange(trials + 1), trials, 1 / (1 + math.exp(-logit)))
    seen = torch.bincount(drawn.flatten().long(), minlength=trials + 1)
    assert len(seen) == trials + 1
    assert chi_square(seen, torch.tensor(law)) > LIMIT


@pytest.mark.parametrize("kind", TYPES, ids=str)
def test_binomial_ends_are_certain_and_what_is_not_a_number_draws_none(kind):
    logits = torch.tensor([-math.inf, math.inf, math.nan], dtype=kind).expand(1000, 3)
    drawn = numerics.binomial(logits, 9, generator=rng(1))
    assert drawn.dtype == kind
    assert (drawn[:, 0] == 0).all()
    assert (drawn[:, 1] == 9).all()
    assert drawn[:, 2].isnan().all()


def test_rare_binomial_successes_are_as_rare_as_they_should_be():
    """Exact test at one success in 16 million throws, where a uniform of 24 bits would have no fitting value."""
    drawn = numerics.binomial(torch.full((TRIES,), -16.6), 255, generator=rng(3))
    assert binomtest(int(drawn.sum()), 255 * TRIES, 1 / (1 + math.exp(16.6))).pvalue > LIMIT


def bits(count, key, units=256):
    """Return rows of raw words, (count, units), as the draws see them, in 0…1."""
    words = random.row_words(count, torch.tensor(key))
    x = torch.arange(units, dtype=torch.int32) * random._signed(random.WEYL, 32) + words[:, :1]
    x = random._mix(random._mix(x) + words[:, 1:])
    return ((x.long() & 0xFFFFFFFF).double() + 0.5) / 2**32


def test_uniforms_are_uniform_over_keys_rows_and_units():
    """Consecutive rows of a key, the first rows of consecutive keys, first units, consecutive units of a row."""
    keys = torch.cat([bits(1, key) for key in range(4096)])
    for u in (bits(4096, 7), keys, bits(4096, 7, units=1), bits(1, 3, 10**6)):
        flat = u.flatten().numpy()
        assert kstest(flat, "uniform").pvalue > LIMIT
        assert chisquare(np.bincount((flat * 1024).astype(int), minlength=1024)).pvalue > LIMIT
        for place in range(2, 33, 3):  # every few bits down to the last
            low = (flat * 2**place).astype(np.int64) & 3
            assert chisquare(np.bincount(low, minlength=4)).pvalue > LIMIT


def test_neighbors_in_a_row_in_a_draw_and_between_draws_are_independent():
    """Pairs fill a grid of 32 × 32 evenly at every distance in units, rows and keys, powers of two among them."""
    u, other = bits(2048, 11, 512), bits(2048, 12, 512)
    pairs = {f"units {k}": (u[:, k:], u[:, :-k]) for k in (1, 2, 3, 16, 64, 255)}
    pairs |= {f"rows {k}": (u[k:], u[:-k]) for k in (1, 2, 3, 16, 64, 1024)}
    pairs |= {"keys": (u, other), "keys and units": (u[:, 1:], other[:, :-1]), "keys and rows": (u[1:], other[:-1])}
    for name, (a, b) in pairs.items():
        cells = (a * 32).long() * 32 + (b * 32).long()
        assert chisquare(torch.bincount(cells.flatten(), minlength=1024).numpy()).pvalue > LIMIT, name
        size = a.numel() ** 0.5
        assert abs(float(((a - 0.5) * (b - 0.5)).mean()) * 12 * size) < 5, name


def test_runs_of_a_row_are_as_long_as_chance_makes_them():
    """The number of ones among 64 consecutive units is binomial."""
    u = bits(20_000, 5, 256)
    ones = (u < 0.5).view(-1, 64).sum(1).numpy()
    expected = np.array([math.comb(64, k) / 2**64 for k in range(65)]) * len(ones)
    keep = expected > 10
    found = np.bincount(ones, minlength=65)
    tail, rest = found[~keep].sum(), expected[~keep].sum()
    assert chisquare([*found[keep], tail], [*expected[keep], rest]).pvalue > LIMIT

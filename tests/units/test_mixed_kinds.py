"""Kinds for columns of tables: sites of different sizes, and numbers that are often zero."""

import math

import pytest
import torch

import harmonium as hm
from harmonium import Concat, Potts, ZeroInflated
from laws import DRAWS, LIMIT, chi_square, field, kind, randomized, rng

SIZES = [3, 2, 4]


def test_sites_of_different_sizes_are_sites_side_by_side():
    whole, parts = kind("potts of sizes"), Concat(*(Potts(1, size) for size in SIZES)).double()
    for part, columns in zip(parts.parts, whole.sites(), strict=True):
        part.bias.data = whole.bias.data[columns]
    f = field(whole, 7)
    assert torch.equal(whole.mean(f), parts.mean(f))
    assert torch.allclose(whole.cgf(f), parts.cgf(f), rtol=1e-14)
    assert torch.equal(whole.states(), parts.states())
    assert whole.select(torch.arange(3, 9)).sizes == (2, 4)


@pytest.mark.parametrize("sizes", [(3, None), ([3, 5], 2), ([], None), ([3, 1], None), (2, [3, 4, 5])])
def test_sizes_that_are_none_are_refused(sizes):
    with pytest.raises(hm.InputError, match="give"):
        Potts(*sizes)


def test_a_model_file_keeps_the_sizes(tmp_path):
    rbm = hm.RBM(Concat(Potts(SIZES), ZeroInflated(2)), 3, generator=0)
    again = hm.load(hm.save(rbm, tmp_path / "m.safetensors")).model
    assert again.visible.parts[0].n_states == (3, 2, 4)
    x = rbm.sample_independent(4, generator=0)
    assert torch.equal(again(x), rbm(x))


def slab(u: ZeroInflated, f: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return values, and the log-density of every site that is on at them, by the energy alone."""
    y = torch.linspace(-40, 40, 200_001, dtype=torch.float64)
    x = torch.stack([torch.ones_like(y), y], -1)
    one = [u.select(columns) for columns in u.sites()]
    return y, torch.stack([x @ f[i : i + 2] - row.energy(x) for i, row in zip((0, 2), one, strict=True)])


def test_the_cgf_of_zero_inflated_units_sums_the_point_and_the_slab():
    u = randomized(ZeroInflated(2)).requires_grad_(False)
    f = field(u)
    y, density = slab(u, f)
    mass = torch.logsumexp(density, -1) + math.log(float(y[1] - y[0]))
    assert torch.allclose(u.cgf(f), torch.nn.functional.softplus(mass).sum(), rtol=1e-8)
    assert not u.energy(torch.zeros(4, dtype=torch.float64)).any()


def test_zero_inflated_draws_are_zero_as_often_and_fall_evenly_between_quantiles():
    u = randomized(ZeroInflated(2)).requires_grad_(False)
    f = field(u)
    z, drawn = u.pairs(u.sample(f.expand(DRAWS, -1), generator=rng()))
    y, density = slab(u, f)
    odds = torch.softmax(density, -1)
    for i in range(2):
        share = float(torch.sigmoid(u.given(f)[0][i]))
        hits = float(z[:, i].sum())
        assert chi_square(torch.tensor([hits, DRAWS - hits]), torch.tensor([share, 1 - share])) > LIMIT
        edges = y[torch.searchsorted(odds[i].cumsum(0), torch.arange(1, 50, dtype=torch.float64) / 50)]
        below = odds[i].cumsum(0)[torch.searchsorted(y, edges)]
        seen = torch.bincount(torch.bucketize(drawn[z[:, i] > 0, i], edges), minlength=50)
        assert chi_square(seen, torch.diff(torch.cat([torch.zeros(1), below, torch.ones(1)]))) > LIMIT
    assert bool((drawn[z == 0] == 0).all())


def test_zero_inflated_units_begin_at_the_moments_of_the_data():
    u = ZeroInflated(1).double().requires_grad_(False)
    v = torch.tensor([[0.0, 0.0]] * 60 + [[1.0, 2.0]] * 20 + [[1.0, 4.0]] * 20, dtype=torch.float64)
    u.init_from_data(v)
    on, mean = u.given(u.zero_field())
    assert float(torch.sigmoid(on)) == pytest.approx(41 / 102)
    assert float(mean) == pytest.approx(3)
    assert float(u.log_precision.exp()) == pytest.approx(1)


@pytest.mark.parametrize("wrong", [[0.0, 1.0], [0.5, 1.0], [1.0, math.nan]])
def test_half_a_zero_is_no_state(wrong):
    assert not ZeroInflated(1).in_support(torch.tensor([wrong]))


def test_continuous_sites_on_both_sides_need_a_normalizer():
    rbm = hm.RBM(ZeroInflated(2), hm.Gaussian(2), generator=0)
    hm.machines.check_normalizable(rbm)
    rbm.weight.data.fill_(3.0)
    with pytest.raises(hm.InputError, match="no normalizer"):
        hm.machines.check_normalizable(rbm)


@pytest.mark.parametrize("sizes", [[20, 3, 2, 18, 18], [3, 17], [4, 4]])
def test_sites_laid_out_in_parts_are_those_of_one_block(sizes):
    """Wide sites lie by themselves: what is asked of them is what one padded block of all says."""
    row, g = Potts(sizes, dtype=torch.float64), rng(4)
    row.bias.data = torch.randn(row.width, generator=g, dtype=torch.float64)
    field = torch.randn(5, row.width, generator=g, dtype=torch.float64)
    blocks = row.blocks(row.bias + field)
    assert torch.allclose(row.mean(field), row.flat(blocks.softmax(-1)), atol=1e-14)
    assert torch.allclose(row.cgf(field), blocks.logsumexp(-1).sum(-1), atol=1e-12)
    drawn = row.sample(field[:1].expand(DRAWS, -1), generator=g)
    assert row.in_support(drawn)
    for site in row.sites():
        assert chi_square(drawn[:, site].sum(0), row.mean(field[0])[site].detach()) > LIMIT

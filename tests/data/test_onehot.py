"""Columns of bits that are levels of categories: where they are seen, and what is learned of them."""

import numpy as np
import pytest

import harmonium as hm
from harmonium import InputError, data
from harmonium.data import mostly_one_hot, one_hot_blocks

G = np.random.default_rng(0)
LEVELS = G.integers(0, [3, 4, 2], (600, 3))
WHOLE = np.concatenate([np.eye(size)[LEVELS[:, i]] for i, size in enumerate((3, 4, 2))], 1).astype(np.uint8)
BASED = np.delete(WHOLE, [2, 6], 1)  # of two categories the last level is left out
BITS = (G.random((600, 5)) < 0.4).astype(np.uint8)
QUICK = {"hidden": 4, "steps": 30, "seed": 1}


def blocks(rows):
    return one_hot_blocks(data.from_array(rows))


@pytest.mark.parametrize(
    ("rows", "sizes"),
    [
        (WHOLE, [3, 4, 2]),
        (BASED, [2, 3, 2]),
        (np.concatenate([BITS, WHOLE], 1), [1] * 5 + [3, 4, 2]),
        (BITS, [1] * 5),
        (WHOLE[:15, :2], [1, 1]),  # too few rows to tell by
        ((G.random((600, 6)) < 0.01).astype(np.uint8), [1] * 6),  # too seldom on
        (np.eye(4, dtype=np.uint8)[np.repeat([0, 1, 2, 3], [510, 30, 30, 30])][:, 1:], [1] * 3),  # apart by chance
        (np.eye(6, dtype=np.uint8)[np.zeros(600, int)], [1] * 6),  # which never vary
    ],
)
def test_blocks_are_seen_where_chance_leaves_no_other_reading(rows, sizes):
    assert blocks(rows) == sizes


def test_a_level_that_is_seldom_is_seen_in_a_whole_block():
    rows = np.eye(3, dtype=np.uint8)[np.r_[np.zeros(400, int), np.ones(300, int), 2]]
    assert blocks(rows) == [3]


def test_one_row_with_two_on_parts_a_block():
    spoiled = WHOLE.copy()
    spoiled[LEVELS[:, 0].argmin(), 1] = 1
    assert blocks(spoiled)[:2] == [1, 2]


def test_a_table_of_levels_is_learned_as_such_and_drawn_as_bits():
    run = hm.fit(WHOLE, **QUICK)
    assert run.config.visible == "one-hot:3,4,2"
    assert [int(run.sample(100, 5, seed=1)[:, part].sum(1).max()) for part in np.split(np.arange(9), [3, 7])] == [1] * 3
    assert hm.fit(BITS, **QUICK).config.visible == hm.fit(WHOLE, visible="bernoulli", **QUICK).config.visible
    assert [mostly_one_hot(sizes) for sizes in ([1, 1, 2], [1, 1, 1, 2])] == [True, False]


def test_a_model_file_holds_the_blocks(tmp_path):
    run = hm.fit(WHOLE, **QUICK)
    again = hm.load(run.save(tmp_path / "model.safetensors"))
    np.testing.assert_array_equal(again.score(WHOLE).free_energy, run.score(WHOLE).free_energy)
    assert again.sample(20, 5, given="column1=0, column2=0", seed=1).shape == (20, 9)


def test_holes_are_filled_so_that_one_is_on_at_most():
    run = hm.fit(WHOLE, **QUICK)
    rows = WHOLE[:20].astype(float)
    rows[:, :3] = np.nan
    found = run.impute(rows)
    assert (found[:, :3].sum(1) <= 1 + 1e-5).all()
    np.testing.assert_array_equal(found[:, 3:], rows[:, 3:])
    nats = run.surprise(WHOLE[:5])
    assert (nats[:, :1] == nats[:, :3]).all()  # that of the category


def test_a_likelihood_is_that_of_the_same_machine_of_one_hot_sites():
    """A level without a column is a Potts state whose bias and weights are 0."""
    bits = hm.RBM(hm.OneHot([2, 1]), 3, generator=0).double()
    sites = hm.RBM(hm.Potts([3, 2]), 3, generator=0).double().requires_grad_(False)
    bits.visible.bias.data = bits.visible.bias.new_tensor([0.3, -0.2, 0.7])
    kept, v = [1, 2, 4], bits.visible.states()
    for own, other in ((sites.visible.bias, bits.visible.bias), (sites.weight, bits.weight)):
        own.zero_()
        own[kept] = other.detach()
    whole = sites.visible.states()
    whole = whole[(whole[:, None, kept] == v).all(-1).double().argmax(0)]
    ours, theirs = (hm.evaluation.log_likelihood(m, x, hm.evaluation.log_partition(m)).value
                    for m, x in ((bits, v), (sites, whole)))  # fmt: skip
    assert ours == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"visible": "one-hot"}, "such as one-hot:3,3,2"),
        ({"visible": "one-hot:3,4"}, "for 7 columns of bits, and the rows has 9 columns"),
        ({"visible": "one-hot:4,5"}, "two columns of a block on"),
        ({"visible": "one-hot:3,4,2", "model": "boltzmann"}, "pass --visible bernoulli"),
        ({"hidden_kind": "one-hot:2,2"}, "potts:Q"),
    ],
)
def test_blocks_that_do_not_fit_are_refused(settings, told):
    with pytest.raises(InputError, match=told):
        hm.fit(WHOLE, **QUICK | settings)


def test_rows_with_two_levels_of_a_category_are_refused():
    with pytest.raises(InputError, match=r"two of the columns 4 to 7 on, .* --visible bernoulli"):
        hm.fit(WHOLE, **QUICK).score(np.array([[1, 0, 0, 1, 1, 0, 0, 0, 1]]))

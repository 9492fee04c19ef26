"""Rows become tensors: exact rules, and draws with their known law."""

from itertools import islice

import numpy as np
import pytest
import torch

from harmonium.data import Dataset, batches, steps_per_epoch, to_float
from harmonium.errors import InputError


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def numbered(count, width=3):
    """Rows that can be told apart: row i holds i in every column."""
    rows = np.repeat(np.arange(count, dtype=np.uint8)[:, None], width, axis=1)
    return Dataset("x", "train", rows, 255, (width,), None, "memory")


def test_none_divides_by_levels():
    x = to_float(np.array([[0, 51, 255]], np.uint8), 255, "none")
    assert x.dtype == torch.float32
    assert x.tolist() == torch.tensor([[0.0, 51 / 255, 1.0]]).tolist()


def test_none_leaves_real_values_as_they_are():
    rows = np.array([[-1.5, 2.0]], np.float32)
    assert to_float(rows, 0, "none").tolist() == rows.tolist()


@pytest.mark.parametrize(("levels", "last_off"), [(255, 127), (16, 8), (1, 0)])
def test_threshold_fires_above_half(levels, last_off):
    rows = np.arange(levels + 1, dtype=np.uint8)[None]
    expected = [[float(value > last_off) for value in range(levels + 1)]]
    assert to_float(rows, levels, "threshold").tolist() == expected


@pytest.mark.parametrize("levels", [1, 16, 255])
def test_sample_never_fires_at_zero_and_always_at_full(levels):
    rows = torch.tensor([0, levels], dtype=torch.uint8).repeat(200_000, 1)
    x = to_float(rows, levels, "sample", generator=seeded())
    assert x.dtype == torch.float32
    assert x.sum(0).tolist() == [0.0, 200_000.0]


def test_the_largest_uniform_still_fires_at_full_for_every_number_of_levels():
    levels = torch.arange(1, 65536)
    largest = torch.tensor(1 - 2**-24, dtype=torch.float32)
    assert bool((largest * levels < levels).all())


@pytest.mark.parametrize("uniform", [0.0, 1 - 2**-24])
def test_sample_is_right_at_both_ends_of_the_uniform(monkeypatch, uniform):
    monkeypatch.setattr(torch, "rand", lambda shape, **_: torch.full(shape, uniform))
    rows = np.array([[0, 1, 254, 255]], np.uint8)
    assert to_float(rows, 255, "sample").tolist() == [[0, float(uniform == 0), float(uniform == 0), 1]]


def test_sample_fires_as_often_as_the_grey_level_says():
    draws = 200_000
    rows = torch.tensor([[51, 128, 250]], dtype=torch.uint8).expand(draws, -1)
    p = torch.tensor([51, 128, 250], dtype=torch.float64) / 255
    rate = to_float(rows, 255, "sample", generator=seeded()).double().mean(0)
    # five standard errors: a correct sampler misses one of three with probability 2e-6
    assert bool(((rate - p).abs() < 5 * (p * (1 - p) / draws).sqrt()).all())


def test_sample_draws_anew_and_repeats_with_its_seed():
    rows = np.full((50, 20), 100, np.uint8)
    generator = seeded(3)
    first, second = (to_float(rows, 255, "sample", generator=generator) for _ in range(2))
    assert not torch.equal(first, second)
    assert torch.equal(first, to_float(rows, 255, "sample", generator=seeded(3)))


def test_drawing_leaves_the_global_stream_alone():
    before = torch.get_rng_state()
    next(batches(numbered(20), 5, binarize="sample", generator=seeded()))
    assert torch.equal(torch.get_rng_state(), before)


def test_read_only_rows_are_taken_and_not_shared():
    rows = np.zeros((2, 2), np.float32)
    rows.flags.writeable = False
    x = to_float(rows, 0, "none")
    x += 1
    assert rows.sum() == 0


@pytest.mark.parametrize("how", ["threshold", "sample"])
def test_real_values_cannot_be_binarised(how):
    with pytest.raises(InputError, match="real values"):
        to_float(np.ones((2, 2), np.float32), 0, how)
    with pytest.raises(InputError, match="real values"):
        batches(torch.ones(4, 2), 2, binarize=how)


def test_an_unknown_way_is_refused_with_the_nearest_word():
    with pytest.raises(InputError, match="did you mean 'threshold'"):
        to_float(np.ones((2, 2), np.uint8), 1, "treshold")


def test_tensor_and_binarized_are_prepare():
    dataset = numbered(256)
    assert torch.equal(dataset.tensor(), to_float(dataset.rows, 255, "none"))
    assert torch.equal(dataset.binarized(), to_float(dataset.rows, 255, "threshold"))
    sampled = dataset.binarized("sample", generator=seeded(1))
    assert torch.equal(sampled, dataset.tensor("sample", generator=seeded(1)))


@pytest.mark.parametrize(("count", "size", "steps"), [(10, 3, 3), (10, 10, 1), (10, 11, 1), (60000, 512, 117)])
def test_steps_per_epoch(count, size, steps):
    assert steps_per_epoch(count, size) == steps


def test_an_epoch_gives_no_row_twice_and_leaves_different_rows_over():
    stream = batches(numbered(10), 3, generator=seeded())
    left = set()
    for _ in range(20):
        seen = torch.cat(list(islice(stream, 3)))[:, 0].mul(255).round().int().tolist()
        assert len(set(seen)) == 9
        left |= set(range(10)) - set(seen)
    assert len(left) > 3


def test_an_epoch_of_an_even_split_gives_every_row_once():
    stream = batches(numbered(12), 4, generator=seeded())
    first, second = (list(islice(stream, 3)) for _ in range(2))
    for epoch in (first, second):
        assert sorted(torch.cat(epoch)[:, 0].mul(255).round().int().tolist()) == list(range(12))
    assert not torch.equal(torch.cat(first), torch.cat(second))


def test_a_size_beyond_the_data_gives_all_rows():
    for x in islice(batches(numbered(5), 99, generator=seeded()), 3):
        assert sorted(x[:, 0].mul(255).round().int().tolist()) == list(range(5))


def test_the_same_seed_gives_the_same_batches():
    streams = [batches(numbered(20), 6, binarize="sample", generator=seeded(5)) for _ in range(2)]
    for first, second in islice(zip(*streams, strict=True), 8):
        assert torch.equal(first, second)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_plain_tensor_is_shuffled_as_it_is(dtype):
    v = torch.arange(8, dtype=dtype)[:, None] - 3.5
    x = torch.cat(list(islice(batches(v, 4, generator=seeded()), 2)))
    assert x.dtype == dtype
    assert sorted(x[:, 0].tolist()) == v[:, 0].tolist()


@pytest.mark.parametrize("rows", [torch.ones(4, 2, dtype=torch.uint8), torch.ones(4), torch.ones(0, 2)])
def test_a_tensor_that_is_no_table_of_floats_is_refused(rows):
    with pytest.raises(InputError, match=r"where floats of shape \(rows, width\)"):
        batches(rows, 2)


def test_a_size_below_one_is_refused_at_once():
    with pytest.raises(InputError, match="batch size 0"):
        batches(numbered(5), 0)


def test_a_seed_stands_for_a_generator_that_begins_at_it():
    rows = torch.arange(12.0)[:, None]
    pair = batches(rows, 5, generator=3), batches(rows, 5, generator=seeded(3))
    assert all(torch.equal(next(pair[0]), next(pair[1])) for _ in range(6))
    with pytest.raises(InputError, match="the seed is -1"):
        batches(rows, 5, generator=-1)

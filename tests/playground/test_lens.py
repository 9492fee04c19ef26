"""The page sees rows as fractions of their range: there and back they are the same, for every kind of units."""

import json

import numpy as np
import pytest
import torch

import harmonium as hm
from harmonium import InputError
from harmonium.playground.lens import Lens
from harmonium.playground.subject import Subject, levels, quantized
from harmonium.registry import UNITS

BITS = np.random.default_rng(0).integers(0, 2, (60, 6))
ROWS = {
    "bits": (BITS, {}),
    "a picture of bits": (BITS.reshape(-1, 2, 3), {}),
    "gray": ((BITS * 200 + 30).reshape(-1, 2, 3).astype(np.uint8), {}),
    "gray as probabilities": ((BITS * 200 + 30).reshape(-1, 2, 3).astype(np.uint8), {"binarize": "none"}),
    "spins": (2 * BITS - 1, {}),
    "spins of bits": (BITS, {"visible": "spin"}),
    "gray spins": ((BITS * 200 + 30).reshape(-1, 2, 3).astype(np.uint8), {"visible": "spin"}),
    "counts": (BITS + BITS[:, ::-1] + 1, {"visible": "binomial:3"}),
    "states": (BITS + BITS[:, ::-1], {"visible": "potts:3"}),
    "measured": (np.random.default_rng(1).normal(50, [1, 2, 3, 4, 5, 6], (60, 6)), {}),
    "measured, as a picture": (np.random.default_rng(1).normal(50, 3, (60, 2, 3)), {}),
    "not below 0": (np.abs(np.random.default_rng(1).normal(0, 3, (60, 6))), {"visible": "relu"}),
}


@pytest.fixture(scope="module", params=ROWS)
def run(request):
    rows, settings = ROWS[request.param]
    return hm.fit(rows, hidden=3, steps=2, seed=1, **settings)


def test_a_row_comes_back_as_it_went(run):
    lens = Lens.of(run)
    x = run.encoder.rows(run.splits.train.take(20), sharp=True, generator=torch.Generator().manual_seed(0))
    seen = lens.fractions(x)
    assert seen.dtype == (np.uint8 if lens.picture else np.float32)
    assert seen.shape == (20, 6)
    back = torch.stack([lens.states((row / (255.0 if lens.picture else 1.0)).tolist()) for row in seen])
    coarse = lens.picture and not lens.steps
    reach = float((lens.high - lens.low).max() / run.encoder.deviation.min() / run.encoder.unit)
    torch.testing.assert_close(back, x, rtol=0, atol=reach / 510 + 1e-5 if coarse else 1e-4)


def test_values_between_those_that_there_are_go_to_the_nearest(run):
    lens = Lens.of(run)
    if lens.steps:
        assert bool((lens.states([0.4 / lens.steps] * 6) == lens.states([0.0] * 6)).all())
        assert bool((lens.states([7.0] * 6) == lens.states([1.0] * 6)).all())


def test_what_is_told_of_a_run_is_plain_and_finite(run):
    told = Subject(run).facts()
    assert "NaN" not in json.dumps(told, allow_nan=False)
    assert all(column["low"] < column["high"] for column in told["columns"])
    assert len(told["columns"]) == (1 if told["picture"] else 6)
    _, arrays = Subject(run).fields(0, run.model.sample_independent(4, generator=0))
    assert arrays["fields"].shape == (3, 6)
    assert all(np.isfinite(x).all() for x in arrays.values())


def test_a_pen_draws_dark_on_light_rows_and_light_on_dark_ones():
    lens = Lens.of(hm.Run.of(hm.RBM(4, 2), shape=(2, 2)))
    dark = torch.tensor([[0.0, 1, 0, 0]])
    assert [lens.ink(dark), lens.ink(1 - dark), lens.ink(dark[:0])] == [1, 0, 1]


def test_a_row_of_other_columns_is_refused(run):
    with pytest.raises(InputError, match="5 values were given where a row has 6"):
        Lens.of(run).states([0.5] * 5)


def test_bytes_of_weights_give_them_back():
    w = torch.tensor([[1.0, -2.0, 0.0], [0.0, 0.0, 0.0], [1e-3, 5e-4, -1e-3]])
    shown, scale = quantized(w)
    np.testing.assert_allclose((shown.astype(float) - 128) / 127 * scale[:, None], w, atol=float(scale.max()) / 250)


@pytest.mark.parametrize("kind", UNITS)
@torch.no_grad()
def test_levels_lie_between_off_and_on(kind):
    own = {"binomial": lambda: hm.Binomial(2, 3), "potts": lambda: hm.Potts(1, 2), "one-hot": lambda: UNITS[kind]([2])}
    units = own.get(kind, lambda: UNITS[kind](2))()
    means = units.mean(torch.tensor([[-3.0, 3.0], [0.0, 1.0]]))
    found = levels(units, means)
    assert float(found.min()) >= 0
    assert float(found.max()) <= 1

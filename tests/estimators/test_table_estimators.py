"""Estimators of tables: holes filled in, rows drawn under conditions, frames kept as they are."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch

from harmonium import InputError
from harmonium.estimators import RBMImputer, RBMSynthesizer
from laws import same_distribution

QUICK = {"hidden": 6, "epochs": 2, "random_state": 0}


def table(holes=0.2):
    """Return numbers, bits, counts and a constant, with holes."""
    draw = np.random.default_rng(0)
    X = np.stack([draw.normal(size=80), draw.integers(0, 2, 80), draw.integers(0, 4, 80), np.full(80, 7)], 1)
    X[draw.random(X.shape) < holes] = np.nan
    return X


def frame(library):
    X, draw = table(), np.random.default_rng(1)
    cells = {
        "age": X[:, 0].tolist(),
        "sex": [None if i % 7 == 0 else str(one) for i, one in enumerate(draw.choice(["female", "male"], 80))],
        "city": draw.choice(["a", "b", "c"], 80).tolist(),
    }
    return library.DataFrame(cells)


def test_holes_are_filled_and_nothing_else_is_touched():
    X = table()
    before = X.copy()
    fitted = RBMImputer(**QUICK, gibbs_steps=10).fit(X)
    found = fitted.transform(X)
    assert not np.isnan(found).any()
    assert np.array_equal(found[~np.isnan(before)], before[~np.isnan(before)])
    assert np.array_equal(X, before, equal_nan=True)
    assert set(np.unique(found[:, 1])) == {0, 1}
    assert (found[:, 3] == 7).all()
    assert np.array_equal(pickle.loads(pickle.dumps(fitted)).transform(X), found)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_frame_comes_back_as_it_came(library):
    given = frame(pytest.importorskip(library))
    found = RBMImputer(**QUICK, gibbs_steps=10).fit(given).transform(given)
    assert type(found) is type(given)
    assert list(found.columns) == list(given.columns)
    assert {str(one) for one in found["sex"]} == {"female", "male"}
    assert all(one == one and one is not None for one in found["age"])


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_new_rows_are_of_the_frame_that_was_learned(library):
    given = frame(pytest.importorskip(library))
    found = RBMSynthesizer(**QUICK).fit(given).sample(9, gibbs_steps=10)
    assert type(found) is type(given)
    assert list(found.columns) == list(given.columns)
    assert len(found) == 9
    assert set(found["city"]) <= {"a", "b", "c"}


def test_new_rows_of_an_array_are_an_array_with_its_constants():
    found = RBMSynthesizer(**QUICK).fit(table()).sample(5, gibbs_steps=10)
    assert found.shape == (5, 4)
    assert (found[:, 3] == 7).all()
    assert not np.isnan(found).any()


def test_kinds_may_be_said_and_no_rows_are_refused():
    fitted = RBMSynthesizer(**QUICK, columns={"column3": "real"}).fit(table())
    assert fitted.schema_["column3"].kind == "real"
    with pytest.raises(InputError, match="n_samples=0 was given"):
        fitted.sample(0)


def test_rows_under_conditions_are_those_of_the_exact_conditional_distribution():
    draw = np.random.default_rng(2)
    n = draw.integers(0, 4, 300)
    frame = pd.DataFrame({"n": n, "city": np.array(["a", "b", "c"])[(n + draw.integers(0, 2, 300)) % 3], "bit": n > 1})
    settings = {**QUICK, "hidden": 3, "epochs": 20}
    fitted = RBMSynthesizer(**settings, columns={"n": "discrete"}).fit(frame)
    found = fitted.sample(20_000, {"n": ">=1", "city": ["a", "c"]}, random_state=3, gibbs_steps=60)
    run = fitted.run_
    states = run.model.visible.states()
    codes = run.encoder.decode(states)
    words = run.encoder.columns_of(codes.numpy())
    met = torch.from_numpy((words["n"] >= 1) & (words["city"] != "b"))
    p = torch.softmax(-run.model.free_energy(states[met]).double(), 0).detach()
    drawn = torch.from_numpy(run.encoder.schema.codes({name: found[name].to_numpy() for name in found.columns}))
    same_distribution(drawn, codes[met], p)

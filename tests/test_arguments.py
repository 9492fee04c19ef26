"""Arguments of public functions that are not what they should be: told in one line by whatever takes them."""

import inspect
import math
import sys
from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any, Literal

import numpy as np
import pytest
import scipy.sparse
import torch

import harmonium as hm
from harmonium import evaluation as ev
from harmonium.arguments import Count, Natural, brief, checked
from laws import rng
from marks import slow_but

ROWS = torch.bernoulli(torch.full((12, 6), 0.4), generator=rng())
LABELED = hm.RBM(hm.Concat(4, hm.Potts(1, 2)), 3)


def small():
    return hm.RBM(6, 3, generator=0)


@cache
def run():
    return hm.fit(ROWS.numpy(), hidden=3, steps=2, seed=0)


def optimizer():
    return torch.optim.SGD(small().parameters(), lr=0.1)


CALLS = {  # every function and class that a user calls, with arguments that are right
    "Bernoulli": (hm.Bernoulli, {"width": 3}),
    "Spin": (hm.Spin, {"width": 3}),
    "Gaussian": (hm.Gaussian, {"width": 3}),
    "ReLU": (hm.ReLU, {"width": 3}),
    "Binomial": (hm.Binomial, {"width": 3, "trials": 2}),
    "Potts": (hm.Potts, {"n_sites": 3, "n_states": 2}),
    "ZeroInflated": (hm.ZeroInflated, {"n_sites": 3}),
    "Concat": (lambda part: hm.Concat(part, 2), {"part": 3}),
    "RBM": (hm.RBM, {"visible": 3, "hidden": 2, "generator": 0, "dtype": None}),
    "BoltzmannMachine": (hm.BoltzmannMachine, {"visible": 3, "hidden": 2, "mask": None, "infer_steps": 3}),
    "DBM": (lambda layer: hm.DBM(layer, 2, 2), {"layer": 3}),
    "DBN": (hm.DBN.stack, {"rbms": [hm.RBM(4, 3), hm.RBM(3, 2)]}),
    "DoubledRBM": (hm.DoubledRBM, {"visible": 3, "hidden": 2, "up_times": 2, "down_times": 1}),
    "from_tensors": (
        hm.RBM.from_tensors,
        {"weight": torch.zeros(3, 2), "visible_bias": torch.zeros(3), "hidden_bias": torch.zeros(2)},
    ),
    "CD": (hm.CD, {"k": 1}),
    "PCD": (hm.PCD, {"chains": ROWS, "k": 1}),
    "NaiveMCMC": (hm.NaiveMCMC, {"chains": 3, "k": 2}),
    "ExactSampler": (hm.ExactSampler, {"chains": 3}),
    "ParallelTempering": (
        hm.ParallelTempering,
        {"start": small().independent(), "betas": torch.linspace(0, 1, 4), "chains": 3, "k": 1},
    ),
    "contrastive_loss": (hm.contrastive_loss, {"machine": small(), "positive": ROWS, "negative": ROWS}),
    "denoise": (
        hm.denoise,
        {"model": small(), "v": ROWS, "probability": 0.1, "chains": 2, "gibbs_steps": 2, "generator": 0},
    ),
    "gibbs_sample": (hm.gibbs_sample, {"machine": small(), "x": ROWS, "gibbs_steps": 2, "generator": 0}),
    "impute": (hm.impute, {"model": small(), "v": ROWS, "chains": 2, "gibbs_steps": 2, "generator": 0}),
    "sample": (hm.sample, {"model": small(), "count": 3, "gibbs_steps": 2, "generator": 0}),
    "schedule": (hm.schedule, {"optimizer": optimizer(), "shape": "linear", "steps": 3}),
    "call": (small(), {"x": ROWS}),
    "free_energy": (small().free_energy, {"x": ROWS}),
    "gibbs": (small().gibbs, {"x": ROWS}),
    "hidden_means": (small().hidden_means, {"x": ROWS}),
    "reconstruct": (small().reconstruct, {"x": ROWS}),
    "init_from_data": (lambda v: small().init_from_data(v), {"v": ROWS}),
    "fit": (
        lambda rows, labels, weights: hm.fit(rows, labels, sample_weight=weights, steps=1),
        {"rows": ROWS.numpy(), "labels": None, "weights": None},
    ),
    "Trainer": (
        hm.Trainer,
        {"config": hm.TrainConfig(hidden=3, steps=3), "rows": ROWS.numpy(), "labels": None, "sample_weight": None},
    ),
    "data.load": (hm.data.load, {"name_or_path": "digits", "split": "train", "levels": None}),
    "data.check": (hm.data.check, {"name_or_path": "digits", "levels": None}),
    "data.load_rows": (hm.data.load_rows, {"path": "digits", "levels": None}),
    "from_array": (hm.data.from_array, {"array": ROWS.numpy(), "labels": None, "levels": None, "shape": None}),
    "score": (lambda rows: run().score(rows), {"rows": ROWS.numpy()}),
    "features": (lambda layer: run().features(layer=layer, split="train"), {"layer": 1}),
    "run.sample": (
        lambda **given: run().sample(**given),
        {"count": 2, "gibbs_steps": 2, "label": None, "seed": 0, "temperature": 1.0},
    ),
    "run.impute": (lambda **given: run().impute(**given), {"rows": ROWS.numpy(), "chains": 1, "gibbs_steps": 2}),
    "run.recover": (lambda **given: run().recover(**given), {"rows": ROWS.numpy(), "mask": "random:0.5", "count": 2}),
    "run.weights": (lambda **given: run().weights(**given), {"count": 2, "layer": 1}),
    "TrainConfig": (hm.TrainConfig, {"hidden": 3, "steps": 3, "seed": 0, "lr": 0.1, "model": "rbm"}),
    "log_partition": (ev.log_partition, {"machine": small()}),
    "log_likelihood": (ev.log_likelihood, {"machine": small(), "v": ROWS, "log_z": ev.log_partition(small())}),
    "pseudo_likelihood": (ev.pseudo_likelihood, {"machine": small(), "v": ROWS}),
    "condition": (hm.sampling.condition, {"machine": small(), "conditions": []}),
    "complete": (hm.sampling.complete, {"model": small(), "v": ROWS, "draws": 2, "gibbs_steps": 2}),
    "surprise": (ev.surprise, {"machine": small(), "v": ROWS, "cells": None}),
    "mutual_information": (ev.mutual_information, {"machine": small(), "v": ROWS, "cells": None}),
    "ais": (ev.ais, {"machine": small(), "data": ROWS, "chains": 3, "n_betas": 3, "generator": 0}),
    "reconstruction_error": (ev.reconstruction_error, {"machine": small(), "v": ROWS}),
    "class_log_probs": (ev.class_log_probs, {"model": LABELED, "v": ROWS[:, :4]}),
}
BAD = {
    "None": None, "a word": "word", "minus one": -1, "zero": 0, "a half": 1.5, "NaN": math.nan, "infinity": math.inf,
    "true": True, "an empty list": [], "a list": [1, 2], "one axis": np.ones(6), "too wide": np.ones((4, 7)),
    "NaN in rows": np.full((4, 6), np.nan), "words": np.array([["a"] * 6] * 3), "complex": np.ones((4, 6), complex),
    "objects": np.array([[None] * 6] * 3, dtype=object), "0 to 255": np.full((4, 6), 200.0),
    "sparse": scipy.sparse.eye(6).tocsr(), "a map": {"a": 1}, "a tensor of no axis": torch.tensor(1.0),
    "beyond 64 bits": 10**30,
}  # fmt: skip


@pytest.mark.parametrize("name", slow_but(CALLS, [name for name in CALLS if name != "fit"]))
def test_a_bad_argument_is_taken_or_told_in_one_line(name):
    """Of 21 values for each argument, whatever is not taken is told in one line."""
    function, good = CALLS[name]
    function(**good)
    for argument in good:
        for what, value in BAD.items():
            try:
                function(**{**good, argument: value})
            except (hm.InputError, hm.DivergenceError) as error:
                if "\n" in str(error):
                    pytest.fail(f"{argument} as {what}: {error}")
            except Exception as error:
                pytest.fail(f"{argument} as {what}: {type(error).__name__}: {error}")


def test_annotations_are_kept():
    @checked
    def function(
        count: Count, steps: Natural = 0, share: float = 0.5, shape: Literal["a", "b"] = "a", *parts: int | None,
        rows: Annotated[Sequence[str], "words"] = (), other: Any = None, **rest: Any,
    ) -> tuple:  # fmt: skip
        """Return all."""
        return count, steps, share, shape, parts, rows, other, rest

    assert function(np.int64(3), 0, 1, "b", 4, None, rows=["x"], other=..., more=1)[-1] == {"more": 1}
    assert function.__doc__ == "Return all."
    assert "count" in inspect.signature(function).parameters
    refused = {
        "count is 0 where a whole number of 1 or more": {"count": 0},
        "count is True": {"count": True},
        "count is 2.0": {"count": 2.0},
        "steps is -1 where a whole number of 0 or more": {"count": 1, "steps": -1},
        "share is nan where a number": {"count": 1, "share": math.nan},
        "shape is 'c' where a, b": {"count": 1, "shape": "c"},
        r"rows is \[1\] where words": {"count": 1, "rows": [1]},
    }
    for says, given in refused.items():
        with pytest.raises(hm.InputError, match=says):
            function(**given)
    with pytest.raises(hm.InputError, match="parts is 'x' where a whole number or None"):
        function(1, 0, 0.5, "a", "x")
    with pytest.raises(TypeError, match="missing a required argument"):
        function()


def test_a_value_is_told_in_a_few_words():
    assert brief(3) == "3"
    assert brief("x" * 100) == "a str"
    assert brief(np.zeros((2, 3))) == "a ndarray of shape (2, 3)"
    assert brief(sys.__dict__) == "a dict"

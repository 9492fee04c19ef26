"""The recipe ``dbm-2009``: its parts, and a tiny run from end to end."""

import json
from itertools import pairwise

import numpy as np
import pytest
import torch
from stand_ins import needs_mnist, toy

from harmonium import DBM, InputError, evaluation, load, plots
from harmonium.progress import silent
from harmonium.recipes import perform, plan
from harmonium.recipes.common.labeled import Rows
from harmonium.recipes.common.steps import one_thread
from harmonium.recipes.dbm_2009 import experiment, learning

TINY = {
    "layers": [12, 10], "batch": 20, "rows": 200, "test_rows": 100, "chains": 20, "mean_field": 4, "epochs": 2,
    "measured": [1], "measured_rows": 50, "bound_iterations": 8, "traced": [1, 8], "annealed": 20, "n_betas": 20,
    "most": 80, "samples": 16, "sample_steps": 3, "features": 8, "tuning_epochs": 2,
}  # fmt: skip


def settings(**more):
    return plan("dbm-2009", quick=True) | TINY | more


def learned(**more):
    rows, ways = toy(), settings(**{"layers": [10, 5], "epochs": 60, "rate": 1.0, "chain_steps": 2} | more)
    machine = learning.begin(rows.v, ways, silent)
    points = learning.learn(machine, rows.v, rows, ways, silent)
    return machine.requires_grad_(False), points


@pytest.fixture(scope="module")
def machine():
    with one_thread():
        return learned()[0]


def test_the_full_run_has_the_shape_of_the_paper():
    full = plan("dbm-2009")
    assert full["layers"] == [500, 1000]
    assert full["rows"] is None
    assert full["pretrain_epochs"] > 0
    assert full["centered"]
    assert full["traced"][-1] == full["bound_iterations"]


def test_gray_levels_become_zeros_and_ones_in_two_ways():
    gray, draw = torch.tensor([[0.0, 127 / 255, 128 / 255, 1.0]]), torch.Generator().manual_seed(0)
    assert learning.binarized(gray, settings(), draw).tolist() == [[0, 0, 1, 1]]
    drawn = learning.binarized(gray.expand(4000, 4), settings(binarize="sample"), draw).mean(0)
    assert torch.allclose(drawn, gray[0], atol=0.05)
    with pytest.raises(InputError, match="threshold or sample"):
        learning.binarized(gray, settings(binarize="none"), draw)


def test_drawn_rows_are_the_same_each_time_to_measure_on_and_new_each_time_to_learn_from():
    gray, ways = Rows(torch.full((20, 5), 0.5), torch.zeros(20).long()), settings(binarize="sample")
    assert torch.equal(experiment.fixed(gray, ways).v, experiment.fixed(gray, ways).v)
    batches = learning.feed(gray.v, ways, torch.Generator().manual_seed(0))
    assert not torch.equal(next(batches), next(batches))


@pytest.mark.slow
@pytest.mark.parametrize("pretrain_epochs", [0, 20])
def test_both_ways_learn_easy_rows_as_the_exact_likelihood_tells(pretrain_epochs):
    machine, points = learned(pretrain_epochs=pretrain_epochs)
    assert isinstance(machine, DBM)
    assert [layer.width for layer in machine.layers] == [20, 10, 5]
    assert [point["epoch"] for point in points] == [0, 1, 60]
    log_z = evaluation.log_partition(machine)
    bound = evaluation.log_likelihood(machine, toy().v, log_z).value
    alone = evaluation.baseline_log_likelihood(machine.visible, toy().v, toy().v)
    assert bound > alone + 0.5


def test_pairs_of_layers_are_doubled_where_a_layer_is_missing(monkeypatch):
    seen = []

    class Seen(learning.DoubledRBM):
        def __init__(self, below, above, up_times, down_times, **more):
            seen.append((below.width, above.width, up_times, down_times))
            super().__init__(below, above, up_times, down_times, **more)

    monkeypatch.setattr(learning, "DoubledRBM", Seen)
    learning.begin(toy().v, settings(layers=[6, 5, 4], pretrain_epochs=1), silent)
    assert seen == [(20, 6, 2, 1), (6, 5, 2, 2), (5, 4, 1, 2)]


def test_centering_changes_what_is_learned():
    centered, plain = (learned(epochs=1, centered=centered)[0] for centered in (True, False))
    assert not torch.equal(centered.weights[0], plain.weights[0])


@pytest.mark.slow
def test_mean_field_gets_its_own_number_of_iterations_back(machine):
    assert machine.infer_steps == 4
    with learning.iterating(machine, 9):
        assert machine.infer_steps == 9
    with pytest.raises(RuntimeError), learning.iterating(machine, 9):
        raise RuntimeError
    assert machine.infer_steps == 4


def test_every_iteration_raises_the_bound_or_leaves_it(machine):
    ways = settings(traced=[1, 2, 4, 8, 16])
    points = experiment.trace(machine, toy().v, evaluation.Estimate.exact(0.0), ways)
    values = [point["bound"] for point in points]
    assert all(b >= a - 1e-4 for a, b in pairwise(values))
    assert points[-1]["change"] < points[0]["change"]


def test_a_machine_becomes_a_classifier(machine):
    rows, ways = toy(), settings(tuning_epochs=60, tuning_rate=0.1, dropout=0.0)
    inputs = learning.prepared(machine, rows, silent, "toy", size=64)
    assert inputs.v.shape == (200, 25)
    assert torch.equal(inputs.v[:, :20], rows.v)
    curve = learning.tune(machine, inputs, inputs, ways, silent)
    assert [point["epoch"] for point in curve] == list(range(1, 61))
    assert curve[-1]["test"] == curve[-1]["train"] < 0.05


@pytest.mark.parametrize(("left", "words"), [(0.01, ">over 8<"), (5e-5, ">7<")])
def test_iterations_beyond_the_limit_are_told_as_such(tmp_path, monkeypatch, left, words):
    """The page is a function of its figures: change one and see its words change."""
    point = {"epoch": 0, "change": 0.5, "iterations": 7, "left": left, "reconstruction": 0.1}
    estimate = {
        "value": -90.0,
        "error": 0.1,
        "verdict": "consistent",
        "n_betas": 5,
        "ess": 9.5,
        "reverse": 1.0,
        "reason": "r",
    }
    figures = {
        "rows": 5, "epochs": [point], "log_z": [estimate], "bound": estimate, "train_bound": -89.0,
        "independent": -206.0, "trace": [], "tuning": [{"epoch": 1, "test": 0.5, "train": 0.5}],
        "seconds": {"learning": 60.0},
    }  # fmt: skip
    monkeypatch.setattr(experiment, "carry_out", lambda settings, out, *, progress: figures)
    for name in ("mean-field", "samples", "real", "fields-1", "fields-2", "errors"):
        plots.save_picture(tmp_path / f"{name}.png", np.zeros((2, 2), np.uint8))
    assert words in perform("dbm-2009", settings(), tmp_path).read_text()


@pytest.mark.slow
@needs_mnist
@pytest.mark.parametrize(
    "more", [{"pretrain_epochs": 0}, {"binarize": "sample", "pretrain_epochs": 1}], ids=["centered", "stacked"]
)
def test_the_recipe_from_end_to_end(tmp_path, more):
    labels = set()

    def progress(steps, label):
        labels.add(label)
        return steps

    found = perform("dbm-2009", settings(**more), tmp_path, progress=progress)
    held = json.loads((tmp_path / "figures.json").read_text())["figures"]
    assert [point["epoch"] for point in held["epochs"]] == [0, 1, 2]
    assert [point["epoch"] for point in held["tuning"]] == [1, 2]
    assert held["independent"] < 0
    assert ({"layer 1", "layer 2"} <= labels) == bool(more["pretrain_epochs"])
    assert {"training", "annealing", "samples", "features, training rows", "fine-tuning"} <= labels
    names = {path.stem for path in tmp_path.glob("*.png")}
    assert names == {"mean-field", "samples", "real", "fields-1", "fields-2", "errors"}
    machine = load(tmp_path / "machine.safetensors").model
    assert [layer.width for layer in machine.layers] == [784, 12, 10]
    text = found.read_text()
    for words in ("200 of the 60,000 training rows", "−84.62", "Where we differ", "Receptive fields"):
        assert words in text

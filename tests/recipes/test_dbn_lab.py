"""The recipe ``dbn-lab``: its parts, and a tiny run from end to end."""

import json

import pytest
import torch
from stand_ins import needs_mnist, toy

from harmonium import recipes
from harmonium.progress import silent
from harmonium.recipes import perform, plan
from harmonium.recipes.common.labeled import by_chain, exact, tuned
from harmonium.recipes.common.steps import counted
from harmonium.recipes.dbn_lab import layers, tuning

TINY = {
    "layers": [12, 10, 20], "rows": 400, "test_rows": 100, "points": 3, "widths": [4, 8], "alone_updates": 12,
    "far": [1, 3], "layer_rows": 100, "layer_updates": 30, "shown": [5, 30], "counts": [100, 400],
    "iterations": [5, 20], "curve_rows": 50, "start_updates": 20, "epochs": 2, "measured": [1, 2], "seeds": 2,
    "drawn": 3, "drawn_steps": 4, "classifier_updates": 20,
}  # fmt: skip


def settings(**more):
    return plan("dbn-lab", quick=True) | TINY | more


def test_steps_are_counted_from_one_and_no_more_are_taken():
    endless = iter(range(100))
    assert list(counted(endless, 3, silent, "")) == [(1, 0), (2, 1), (3, 2)]
    assert next(endless) == 3


def test_layers_grow_one_by_one_and_the_last_has_the_labels():
    grown = layers.grow(toy(60), 2, 0, settings(), silent, "")
    seen = [(number, update, tuple(v.shape)) for number, update, _, v in grown]
    assert seen == [(number, update, (60, width)) for number, width in ((1, 20), (2, 12), (3, 20)) for update in (1, 2)]
    network = layers.greedy(toy(60), 2, 0, settings(), silent, "")
    assert (network.code, network.labels, len(network.layers)) == (10, 10, 2)


@pytest.mark.slow
def test_a_network_learns_easy_labels_and_both_read_outs_see_it():
    rows = toy(200)
    network = layers.greedy(rows, 600, 0, settings(rate=0.2, top_rate=0.2, layers=[30, 60]), silent, "")
    assert exact(network, rows).accuracy > 0.9
    assert by_chain(network, rows, 15, 0).accuracy > 0.6


@pytest.mark.slow
def test_rows_cost_less_given_their_own_code_than_given_no_code():
    rows = toy(200)
    network = layers.greedy(rows, 600, 0, settings(rate=0.2), silent, "")
    found = tuning.costs(network, rows, 0)
    mean = rows.v.mean(0)
    alone_cost = float(-(rows.v * mean.log() + (1 - rows.v) * (1 - mean).log()).sum(-1).mean())
    assert 0 < found["cost"] < found["deep_cost"]
    assert found["cost"] < alone_cost
    assert found == tuning.costs(network, rows, 0)


def test_a_step_of_zero_leaves_recognition_as_it_was():
    rows = toy(100)
    network = layers.greedy(rows, 20, 0, settings(), silent, "")
    before = [p.clone() for layer in network.arrows() for p in (layer.recognition, layer.above.bias)]
    generated = network.arrows()[0].generation.clone()
    way = {"generation": 0.2, "recognition": 0.0, "top": 0.2, "top_steps": [1, 2], "step": "linear"}
    draw = torch.Generator().manual_seed(8)
    done = [epoch for epoch, _ in tuned(network, rows, way, settings(), draw, silent, "")]
    after = [p for layer in network.arrows() for p in (layer.recognition, layer.above.bias)]
    assert done == [1, 2]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert not torch.equal(generated, network.arrows()[0].generation)


def test_the_curves_of_one_machine():
    found = layers.alone(toy(60), toy(60), 8, settings(alone_updates=600), silent)
    assert found["updates"][0] == 0
    assert found["updates"][-1] == 600
    assert len(found["errors"]) == len(found["updates"]) == len(found["resting"]) + 1
    assert found["errors"][-1] < found["errors"][0]
    assert all(0 <= share <= 1 for share in found["resting"])


def test_weights_are_kept_at_the_updates_that_are_shown():
    found, features = layers.losses(toy(60), settings(), silent)
    assert list(features) == [5, 30]
    assert features[5].shape == (20, 12)
    assert list(found["errors"]) == [1, 2, 3]
    assert not torch.equal(features[5], features[30])


@pytest.mark.slow
@needs_mnist
def test_the_recipe_from_end_to_end(tmp_path):
    labels = set()

    def progress(steps, label):
        labels.add(label)
        return steps

    page = perform("dbn-lab", settings(), tmp_path, progress=progress)
    held = json.loads((tmp_path / "figures.json").read_text())["figures"]
    ways = list(recipes.plan("dbn-lab")["ways"])
    assert list(held["wake"]) == [tuning.START, *ways]
    assert tuning.PROPER in ways
    assert all(len(held["wake"][way]["seeds"]) == 2 for way in held["wake"])
    assert [point["epoch"] for point in held["wake"][tuning.PROPER]["curve"]] == [0, 1, 2]
    assert list(held["accuracy"]) == ["100", "400"]
    assert f"seed 1, {tuning.PROPER}" in labels
    names = {path.stem for path in tmp_path.glob("*.png")}
    assert {"reconstruction", "resting", "features-5", "features-30", "accuracy", "exact", "cost", "drawn-0"} <= names
    text = page.read_text()
    for words in ("the first 100 test rows", "The puzzle", "15 steps"):
        assert words in text
    chance, advice = "Nothing that this run could not have shown by chance", "Give recognition a step of its own"
    for seeds, gain, concludes in ((1, 0.5, False), (2, 0.0, False), (2, 0.5, True)):
        assert (advice in concluded(tmp_path, seeds, gain)) == concludes
        assert (chance in concluded(tmp_path, seeds, gain)) != concludes


def concluded(place, seeds, gain):
    """Return the page of figures by which the proper algorithm gains so much over the large step, in so many seeds."""
    held = json.loads((place / "figures.json").read_text())
    held["settings"]["seeds"] = seeds
    held["figures"]["wake"][tuning.PROPER]["mean"]["gibbs"] = 0.9
    held["figures"]["wake"]["generation-specialized"]["mean"]["gibbs"] = 0.9 - gain
    (place / "figures.json").write_text(json.dumps(held))
    return recipes.write_page("dbn-lab", place).read_text()

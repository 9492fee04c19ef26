import json
import math

import pytest
from stand_ins import needs_mnist

from harmonium import recipes
from harmonium.recipes.algorithms import experiment

SMALL = {
    "side": 2, "hidden": 3, "updates": 20, "points": 3, "seeds": 2, "naive": [2], "cd": [1],
    "bias_states": 50, "bias_points": 2, "mnist_rows": 500, "mnist_test_rows": 100, "mnist_hidden": 3,
    "mnist_updates": 12, "mnist_points": 2, "mnist_naive": [2], "mnist_contrastive": [1],
    "pace_rounds": 1, "pace_block": 2,
}  # fmt: skip


def test_bars_and_stripes_are_measured_against_the_best_possible():
    found = experiment.bars({**recipes.plan("algorithms"), **SMALL}, recipes.silent)
    assert found["patterns"] == 6
    assert found["batch"] == 24
    assert found["best"] == pytest.approx(-math.log(6))
    assert found["independent_pixels"] == pytest.approx(-4 * math.log(2))
    assert all(len(r["finals"]) == 2 and r["values"][-1] == r["final"] for r in found["runners"].values())


@pytest.mark.slow
@needs_mnist
def test_a_small_run_writes_its_page_and_every_figure(tmp_path):
    labels = []

    def progress(steps, label):
        labels.append((label, len(steps)))
        return steps

    page = recipes.perform(
        "algorithms", {**recipes.plan("algorithms", quick=True), **SMALL}, tmp_path, progress=progress
    )
    held = json.loads((tmp_path / "figures.json").read_text())
    assert held["settings"]["mnist_rows"] == 500
    assert list(held["figures"]) == ["source", "gradient", "bars", "bias", "mnist"]
    assert list(held["figures"]["mnist"]["runners"]) == ["naive MCMC, k = 2", "CD-1", "PCD-1"]
    assert ("MNIST, PCD-1, seed 0", 12) in labels
    assert {path.name for path in tmp_path.glob("*.png")} - {"bars-near.png"} == {
        "bars-updates.png", "bars-seconds.png", "bias.png", "mnist-updates.png", "mnist-seconds.png"
    }  # fmt: skip
    text = page.read_text()
    assert text.count("<section") == 7
    assert "PCD-1 with 240 chains reach" not in text
    assert "240 chains reach" in text

"""The recipe ``dbn-2006``: its parts, and a tiny run from end to end."""

import json

import pytest
import torch
from stand_ins import needs_mnist, toy

from harmonium import load
from harmonium.progress import silent
from harmonium.recipes import perform, plan
from harmonium.recipes.common import labeled
from harmonium.recipes.common.labeled import Rows, agreement, by_chain, classifier, exact, to_order, tuned
from harmonium.recipes.dbn_2006 import experiment, learning

TINY = {
    "layers": [12, 10, 20], "batch": 10, "rows": 200, "test_rows": 100, "layer_epochs": 2, "top_epochs": 2,
    "slow_epochs": 1, "epochs": 3, "measured": [1, 3], "drawn": 2, "shown": 2, "drawn_steps": 3,
    "classifier_updates": 20,
}  # fmt: skip


def settings(**more):
    return plan("dbn-2006", quick=True) | TINY | more


def learned():
    ways = settings(layers=[30, 60], layer_epochs=30, top_epochs=60, layer_rate=0.2, top_rate=0.2, slow_epochs=5)
    return learning.greedy(toy(), ways, silent)


def test_the_full_run_has_the_shape_of_the_paper():
    full = plan("dbn-2006")
    assert full["layers"] == [500, 500, 2000]
    assert full["top_steps"][:3] == [3, 6, 10]
    assert full["rows"] is None
    assert full["recognition"] <= full["generation"] / 10


def test_layers_are_stacked_and_the_labels_join_the_highest_code():
    network = learning.greedy(toy(), settings(), silent)
    assert (network.visible.width, network.code, network.labels) == (20, 10, 10)
    assert [layer.above.width for layer in network.arrows()] == [12, 10]
    assert network.top.hidden.width == 20


def test_momentum_changes_after_the_first_epochs():
    def run(slow_epochs, momentum):
        ways = settings(slow_epochs=slow_epochs, momentum=momentum)
        return learning.greedy(toy(), ways, silent).top.weight

    assert torch.equal(run(9, [0.5, 0.9]), run(1, [0.5, 0.5]))
    assert torch.equal(run(0, [0.5, 0.9]), run(1, [0.9, 0.9]))
    assert not torch.equal(run(1, [0.5, 0.9]), run(1, [0.5, 0.5]))
    assert not torch.equal(run(1, [0.5, 0.9]), run(1, [0.9, 0.9]))


@pytest.mark.slow
def test_easy_labels_are_learned_read_and_drawn():
    network, rows, ways = learned(), toy(), settings(drawn=5, drawn_steps=30)
    assert exact(network, rows).error < 0.1
    assert by_chain(network, rows, 15, 0).accuracy > 0.6
    drawn = to_order(network, ways, 0)
    assert drawn.label.tolist() == list(range(10)) * 5
    net = classifier(rows, settings(classifier_updates=300), silent)
    assert agreement(net, rows) > 0.95
    assert agreement(net, drawn) > 0.6
    shares = experiment.by_digit(net, drawn)
    assert sum(shares) / 10 == pytest.approx(agreement(net, drawn))


def test_up_down_runs_its_epochs_and_takes_more_gibbs_steps_as_it_goes(monkeypatch):
    asked = []

    def updown(network, feed, optimizer, *, gibbs_steps, **more):
        asked.extend(gibbs_steps(at) for at in range(60))
        return real(network, feed, optimizer, gibbs_steps=gibbs_steps, **more)

    real = labeled.updown
    monkeypatch.setattr(labeled, "updown", updown)
    network = learning.greedy(toy(), settings(), silent)
    draw, ways = torch.Generator().manual_seed(1), settings()
    done = [epoch for epoch, _ in tuned(network, toy(), ways, ways, draw, silent, "")]
    assert done == [1, 2, 3]
    assert asked == [3] * 15 + [6] * 15 + [10] * 15 + [25] * 15


@pytest.mark.slow
def test_mistakes_are_the_rows_that_the_read_out_misses_surest_first():
    network, rows = learned(), toy()
    lies = Rows(rows.v, (rows.label + (torch.arange(len(rows)) < 30)) % 10)
    wrong, given = experiment.mistakes(network, lies)
    assert len(wrong) == len(given) == round(exact(network, lies).error * len(lies))
    assert not (wrong.label == given).any()
    scores = experiment.evaluation.class_log_probs(network, wrong.v)
    lost = scores.gather(1, given[:, None]) - scores.gather(1, wrong.label[:, None])
    assert (lost[:-1] >= lost[1:] - 1e-5).all()


def test_the_most_frequent_confusions_are_told():
    found = experiment.confusions([[5, 1, 0], [4, 5, 2], [0, 0, 9]], 2)
    assert found == [{"label": 1, "given": 0, "count": 4}, {"label": 1, "given": 2, "count": 2}]


@pytest.mark.slow
@needs_mnist
def test_the_recipe_from_end_to_end(tmp_path):
    labels = set()

    def progress(steps, label):
        labels.add(label)
        return steps

    found = perform("dbn-2006", settings(), tmp_path, progress=progress)
    held = json.loads((tmp_path / "figures.json").read_text())["figures"]
    assert [point["epoch"] for point in held["curve"]] == [0, 1, 3]
    assert held["curve"][-1]["exact"] == held["after"]["exact"]
    assert sum(map(sum, held["after"]["confusion"])) == 100
    assert labels == {"layer 1", "layer 2", "the top", "up-down", "digits to order", "the classifier"}
    assert {path.stem for path in tmp_path.glob("*.png")} == {"errors", "drawn-before", "drawn-after", "mistakes"}
    assert load(tmp_path / "network.safetensors").model.code == 10
    text = found.read_text()
    for words in ("200 of the 60,000 training rows", "2.49 %", "Where we differ", "CD-1"):
        assert words in text

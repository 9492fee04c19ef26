"""Defaults that learn, each beside the simple thing that a user would try; and what is said where they do not."""

from itertools import pairwise

import numpy as np
import pytest
import torch
import yaml

from harmonium import Trainer, data, evaluation, fit
from harmonium.encoding import FAR, Encoder
from harmonium.evaluation import mean_activation
from harmonium.fitting import FinetuneConfig, TrainConfig, checkpoints
from harmonium.fitting.defaults import resolve, steps
from harmonium.fitting.splits import Splits


def trained(rows, **settings) -> Trainer:
    trainer = Trainer(TrainConfig(**{"seed": 1, **settings}), rows)
    for _ in trainer:
        pass
    return trainer


def test_two_patterns_of_four_bits_are_learned_evenly():
    rows = np.repeat([[0, 0, 0, 0], [1, 1, 1, 1]], 500, 0).astype(np.uint8)
    run = fit(rows, steps=1000, hidden=8, seed=1)
    v = torch.tensor([[0.0] * 4, [1.0] * 4])
    log_z = evaluation.log_partition(run.model).value
    assert (-run.model.free_energy(v) - log_z).exp().tolist() == pytest.approx([0.5, 0.5], abs=0.05)
    drawn = run.sample(4000, gibbs_steps=50, seed=1)  # chains stick: they begin where the mass is
    share = float((drawn.mean(1) > 0.5).mean())
    assert share == pytest.approx(0.5, abs=0.05 + 5 * (0.25 / 4000) ** 0.5)


def test_states_are_listed_unasked_where_they_are_few_and_of_bits_alone():
    bits = np.random.default_rng(0).integers(0, 2, (40, 10)).astype(np.uint8)
    real = np.random.default_rng(0).normal(size=(40, 4))

    def chosen(rows, **settings):
        config = TrainConfig(**settings)
        return resolve(config, Splits(rows, config).train).sampler

    assert chosen(bits) == chosen(bits[:, :4], model="dbm", hidden="8,3") == "exact"
    assert chosen(np.tile(bits, 2)) == chosen(real) == chosen(bits, gibbs_steps=2) == "pcd"
    assert chosen(bits, model="boltzmann", hidden=4) == "pcd"  # all units would have to be listed
    assert chosen(bits, model="dbn") == "cd"


@pytest.mark.slow
@pytest.mark.parametrize("target", [0.05, 0.2])
def test_a_target_of_sparsity_is_reached(target):
    run = fit("digits", sparsity=target, steps=3000, seed=1)
    v = run.encoder.rows(run.splits.train.take(1000), sharp=True)
    assert float(mean_activation(run.model, v).mean()) == pytest.approx(target, abs=0.02)


@pytest.mark.slow
def test_a_fine_tuned_classifier_beats_logistic_regression_on_the_same_bits():
    from sklearn.linear_model import LogisticRegression

    run = fit("digits", steps=3000, seed=1)
    train, test = (run.rows(None, split) for split in ("train", "test"))
    simple = LogisticRegression(max_iter=3000).fit(run.encoder.rows(train), train.labels)
    wrong = 1 - simple.score(run.encoder.rows(test), test.labels)
    assert run.finetune("classifier").classify().error < wrong  # 4.7 % and 6.4 %


@pytest.mark.whole
def test_labels_of_digits_are_read_better_than_by_logistic_regression_on_the_same_gray():
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    run = fit("digits", labels=True, steps=3000, seed=1)
    train, test = (run.rows(None, split) for split in ("train", "test"))
    simple = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000)).fit(train.rows, train.labels)
    assert run.classify(split="test").error <= 1 - simple.score(test.rows, test.labels)  # 1.7 % and 1.9 %


@pytest.mark.parametrize(
    ("settings", "strength", "binarize"),
    [
        ({"labels": True}, 20, "none"),
        ({"labels": True, "discriminative": 0}, 0, "threshold"),
        ({"labels": True, "binarize": "threshold"}, 20, "threshold"),
        ({"labels": True, "visible": "spin"}, 20, "threshold"),
        ({"labels": True, "model": "dbn", "hidden": "8,4"}, None, "threshold"),
        ({}, None, "threshold"),
    ],
)
def test_an_rbm_with_labels_tells_them_apart_by_gray_values_as_they_are(settings, strength, binarize):
    config = TrainConfig(**settings)
    settled = resolve(config, Splits("digits", config).train)
    assert (settled.discriminative, settled.binarize) == (strength, binarize)
    assert resolve(settled, Splits("digits", config).train) == settled


def test_the_length_of_a_fine_tuning_is_in_steps_and_of_twenty_passes_at_least():
    rows = data.from_array(np.zeros((1000, 2), dtype=np.uint8))
    assert steps(FinetuneConfig(), rows, 100) == 3000
    assert steps(FinetuneConfig(), rows, 2) == 10_000
    assert steps(FinetuneConfig(epochs=3), rows, 100) == 30
    assert steps(FinetuneConfig(steps=7), rows, 100) == 7


def test_layers_learn_at_the_rate_of_the_row_below_them():
    rows = np.random.default_rng(0).normal(size=(60, 6))
    trainer = Trainer(TrainConfig(model="dbn", hidden="5,4"), rows)
    assert [trainer.plan.rate(stage) for stage in range(2)] == pytest.approx([0.005, 0.05])
    given = Trainer(TrainConfig(model="dbn", hidden="5,4", lr=0.01), rows)
    assert [given.plan.rate(stage) for stage in range(2)] == [0.01, 0.01]
    whole = Trainer(TrainConfig(model="dbm", hidden="5,4", pretrain=True), rows)
    assert [whole.plan.rate(stage) for stage in range(3)] == pytest.approx([0.005, 0.05, 0.005])


@pytest.mark.slow
def test_a_layer_whose_weights_never_grew_is_told():
    trainer = trained("digits", model="dbn", hidden="12,8", upper_lr=1e-6, steps=300)
    (said,) = trainer.remarks
    assert said.startswith("layer 2 has hardly learned")
    assert trainer.run.facts["remarks"] == [said]


def test_a_network_on_one_measured_column_says_why_it_does_not_learn():
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 5, 200)
    column = data.from_array((classes + rng.normal(0, 0.15, 200))[:, None], labels=classes)
    said = trained(column, model="dbn", hidden="8,4", labels=True, steps=100).remarks
    assert said[0].startswith("layer 1 has hardly learned")
    assert said[0].endswith("small weights learn from correlations alone")


@pytest.mark.slow
def test_a_run_that_ends_below_its_start_is_told():
    assert any("below the" in said for said in trained("digits", hidden=20, lr=50, steps=60).remarks)
    assert not trained("digits", hidden=20, steps=300).remarks


def test_a_broken_checkpoint_is_gone_behind():
    """After a second divergence from one checkpoint the training begins again."""
    trainer = Trainer(TrainConfig(hidden=8, steps=40, lr=1e9, seed=1), "digits", save_every=0)
    list(trainer.steps())
    gone = [event["back_to"] for event in trainer.events]
    assert len(gone) > 2
    assert all(a != b or b == 0 for a, b in pairwise(gone))
    assert any("-fold" in said for said in trainer.remarks)


def test_no_standardized_value_lies_far_out_and_the_columns_are_counted():
    rows = np.random.default_rng(0).normal(size=(2000, 3)).astype(np.float32)
    rows[:, 2] = 0
    rows[7, 2] = 50  # once in 2,000 rows: 45 deviations
    encoder = Encoder.fit("gaussian", "none", data.from_array(rows))
    states = encoder.encode(torch.from_numpy(rows))
    assert encoder.raised == 1
    assert float(states.abs().max()) <= FAR * (1 + 1e-5)
    assert torch.allclose(encoder.decode(states), torch.from_numpy(rows), atol=1e-4)


def test_the_first_rows_some_snapshots_and_biases_of_zero():
    settings = {"rows": 60, "snapshots": "0,2,5", "match": False, "epochs": 6, "hidden": 4, "batch_size": 20}
    trainer = Trainer(TrainConfig(seed=1, **settings), "digits")
    assert not trainer.stage.machine.visible.bias.any()
    assert len(trainer.rows) == 60
    for _ in trainer:
        pass
    assert list(trainer.snapshots) == [0, 2, 5]
    assert [epoch.epoch for epoch in trainer.history] == [1, 2, 3, 4, 5, 6]
    assert len(trainer.snapshots[0]["data"]) == 32


def test_a_run_goes_on_on_another_kind_of_device(tmp_path):
    trainer = Trainer(TrainConfig(hidden=4, steps=60, seed=1), "digits", out=tmp_path / "a", save_every=1e9)
    for _, _ in zip(range(30), trainer.steps(), strict=False):
        pass
    home = tmp_path / "a"
    text = (home / "config.yaml").read_text().replace("device: auto", "device: cuda")
    (home / "config.yaml").write_text(text)
    _, tensors, facts, _ = checkpoints.latest(home)
    facts = {name: facts[name] for name in ("step", "stage", "lapsed", "ended")}
    elsewhere = {name: torch.zeros(16, dtype=torch.uint8) for name in ("order", "chance")}  # as long as CUDA's
    checkpoints.put(home, facts.pop("step"), tensors | elsewhere, facts)
    resumed = Trainer.resume(home, device="cpu")
    assert resumed.step == 30
    for _ in resumed:
        pass
    assert resumed.finished
    assert yaml.safe_load((home / "config.yaml").read_text())["device"] == "cpu"

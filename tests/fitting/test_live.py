"""A training that is changed goes on with what it has learned; one in memory that is kept is a run like others."""

import doctest
import json
import shutil

import numpy as np
import pytest
import torch

import harmonium as hm
from harmonium.fitting import live
from harmonium.fitting.live import LIVE, change, keep

SMALL = {"hidden": 5, "steps": 40, "seed": 3, "batch_size": 50}


def begun(steps=10, **settings):
    """Return a training after some updates."""
    trainer = hm.Trainer(hm.TrainConfig(**{**SMALL, **settings}), "digits")
    go_on(trainer, steps)
    return trainer


def go_on(trainer, steps):
    updates = trainer.steps()
    for _ in range(steps):
        next(updates)
    updates.close()


VALUES = {
    "lr": 0.02, "gibbs_steps": 2, "sampler": "cd", "chains": 30, "batch_size": 20, "center": False, "l1": 0.01,
    "l2": 0.01, "sparsity": 0.1, "sparsity_strength": 0.5, "clip": 1.0, "momentum": 0.1, "hidden": "5",
}  # fmt: skip


def test_every_setting_that_may_change_is_tried():
    assert set(VALUES) == set(LIVE)


@pytest.mark.parametrize("name", LIVE)
def test_a_change_keeps_the_weights_and_what_comes_after_has_it(name):
    trainer = begun()
    before = {key: value.clone() for key, value in trainer.model.state_dict().items()}
    moments = [s["momentum_buffer"].clone() for s in trainer.stage.optimizer.state_dict()["state"].values()]
    change(trainer, **{name: VALUES[name]})
    assert getattr(trainer.config, name) == VALUES[name]
    assert all(bool((trainer.model.state_dict()[key] == value).all()) for key, value in before.items())
    after = [s["momentum_buffer"] for s in trainer.stage.optimizer.state_dict()["state"].values()]
    assert all(bool((a == b).all()) for a, b in zip(moments, after, strict=True))
    assert trainer.step == 10
    for _ in trainer:
        pass
    assert trainer.step == trainer.total_steps == 40
    assert "settings were changed while it ran, at step 10" in trainer.remarks[0]


def test_chains_go_on_where_the_sampler_stays_and_begin_anew_where_it_does_not():
    trainer = begun(sampler="pcd")
    chains = trainer.stage.chains().clone()
    change(trainer, lr=0.01)
    assert bool((trainer.stage.chains() == chains).all())
    change(trainer, chains=7)
    assert trainer.stage.chains().shape == (7, 64)
    change(trainer, sampler="cd")
    assert trainer.stage.chains() is None


def test_a_rate_of_next_to_nothing_holds_the_weights_still():
    """Each update moves a weight by less than rate × (1 + momentum + …) × 4, of differences of states of at most 1."""
    trainer = begun()
    change(trainer, lr=1e-12, momentum=0.0, clip=1.0)
    go_on(trainer, 1)
    before = trainer.model.weight.detach().clone()
    go_on(trainer, 10)
    assert float((trainer.model.weight.detach() - before).abs().max()) < 1e-10


@pytest.mark.parametrize(
    ("model", "before", "after"), [("rbm", 5, 8), ("rbm", 5, 2), ("boltzmann", 4, 6), ("dbm", "4,3", "5,2")]
)
def test_hidden_units_are_added_and_taken_away_at_the_end(model, before, after):
    trainer = begun(model=model, hidden=before)
    held, old = trainer.model.state_dict(), {name: x.clone() for name, x in trainer.model.state_dict().items()}
    change(trainer, hidden=after)
    new = trainer.model.state_dict()
    assert trainer.config.hidden == str(after)
    assert held.keys() == new.keys()
    for name, value in new.items():
        part = tuple(slice(min(a, b)) for a, b in zip(value.shape, old[name].shape, strict=True))
        assert bool((value[part] == old[name][part]).all()), name
    assert any(value.shape != old[name].shape for name, value in new.items())
    for _ in trainer:
        pass
    assert trainer.finished


def test_layers_are_made_once():
    for model, hidden, other in (("dbm", "4,3", "4,3,2"), ("dbn", "4,3", "5,3")):
        trainer = begun(model=model, hidden=hidden)
        with pytest.raises(hm.InputError, match="layers are made once"):
            change(trainer, hidden=other)
        assert trainer.config.hidden == trainer.plan.config.hidden == hidden


@pytest.mark.parametrize("settings", [{"model": "dbm"}, {"seed": 1}, {"nonsense": 1}, {"lr": -1}, {"sampler": "none"}])
def test_what_cannot_change_is_told_in_one_line_and_nothing_changes(settings):
    trainer = begun()
    config = trainer.config
    with pytest.raises(hm.InputError) as told:
        change(trainer, **settings)
    assert "\n" not in str(told.value)
    assert trainer.config is config
    assert trainer.events == []


def test_a_kept_training_has_the_files_of_one_that_began_in_the_directory(tmp_path):
    for name, kept_at in (("early", 7), ("late", 40)):
        trainer = hm.Trainer(hm.TrainConfig(**SMALL), "digits")
        for count, _ in enumerate(trainer.steps(), 1):
            if count == kept_at:
                keep(trainer, tmp_path / name)
        keep(trainer, tmp_path / name)
    hm.fit("digits", out=tmp_path / "plain", **SMALL)
    for name in ("config.yaml", "env.json", "model.safetensors", "snapshots/00000.npz"):
        held = {(tmp_path / run / name).read_bytes() for run in ("early", "late", "plain")}
        assert len(held) == 1, name


def test_a_changed_and_kept_training_tells_what_was_changed_and_goes_on_bit_for_bit(tmp_path):
    trainer = begun()
    change(trainer, gibbs_steps=3, lr=0.02)
    go_on(trainer, 5)
    keep(trainer, tmp_path / "a")
    trainer.home.release()
    events = (tmp_path / "a/events.jsonl").read_text().splitlines()
    assert json.loads(events[0]) == {"event": "changed", "step": 10, "settings": {"gibbs_steps": 3, "lr": 0.02}}
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    again = hm.Trainer.resume(tmp_path / "b")
    assert again.step == 15
    for one in (trainer, again):
        go_on(one, 10)
        one.home.release()
    assert again.model.state_dict().keys() == trainer.model.state_dict().keys()
    for name, value in trainer.model.state_dict().items():
        assert torch.equal(value, again.model.state_dict()[name])


def test_a_divergence_after_a_change_goes_back(monkeypatch):
    from harmonium.fitting import state

    trainer = begun()
    change(trainer, l2=0.1)
    state.go_back(trainer, hm.DivergenceError("planted"))
    assert [event["event"] for event in trainer.events] == ["changed", "diverged"]
    assert trainer.step == 10
    assert np.isclose(state.rates(trainer.stage)[0], 0.025)


def test_examples_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = doctest.testmod(live)
    assert done.attempted >= 6
    assert done.failed == 0

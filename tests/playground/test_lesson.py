"""A training in the playground is that of `harmonium train`: the same bytes, whatever is done with it between."""

import json
import threading
import time

import numpy as np
import pytest
from inside import harmonium
from test_same_bytes import figures, files

import harmonium as hm
from harmonium import InputError
from harmonium.playground.asks import Set, Watch
from harmonium.playground.dream import Dream
from harmonium.playground.lesson import Lesson
from harmonium.playground.subject import Subject, still
from harmonium.playground.wire import plain
from harmonium.registry import MODELS, SAMPLERS

SETTINGS = {"hidden": 6, "steps": 120, "seed": 2, "labels": True}


def watched(lesson, **fields):
    return lesson.ask(lambda: lesson.watch(Watch(type="watch", **fields)))


def until(lesson, state, seconds=60):
    deadline = time.monotonic() + seconds
    while lesson.state != state and time.monotonic() < deadline:
        time.sleep(0.01)
    assert lesson.state == state, lesson.text


@pytest.fixture
def lesson(flags, tmp_path, monkeypatch):
    """Return a function that begins a training on the small file; it is ended after the test."""
    monkeypatch.chdir(tmp_path)
    begun = []

    def begin(settings=SETTINGS, against=None, pace=None):
        begun.append(Lesson(str(flags / "flags.npz"), settings, against, pace))
        return begun[-1]

    yield begin
    for one in begun:
        one.end()
    assert not any(thread.name == "training" for thread in threading.enumerate())


def test_paused_watched_resumed_and_saved_it_gives_the_bytes_of_the_command(flags, tmp_path, lesson):
    words = ["--hidden", 6, "--steps", 120, "--seed", 2, "--labels", "--no-report", "--out", "plain"]
    assert harmonium("train", flags / "flags.npz", *words, cwd=tmp_path).returncode == 0
    made = lesson(pace=400)
    for _ in range(3):
        _, arrays = watched(made, samples=8, fields=3)
        assert arrays["samples_a"].shape == (8, 9)
        assert arrays["fields_a"].shape == (3, 9)
        made.ask(made.pause)
        step = made.pupils[0].trainer.step
        time.sleep(0.02)
        assert watched(made)[0]["models"][0]["step"] == step
        made.ask(made.resume)
    assert made.ask(made.save) == ["runs/flags"]
    until(made, "finished")
    assert made.ask(made.save) == ["runs/flags"]
    assert files(tmp_path / "runs/flags") == files(tmp_path / "plain")
    assert figures(tmp_path / "runs/flags") == figures(tmp_path / "plain")


def test_what_was_saved_on_the_way_goes_on_to_the_same_bytes(flags, tmp_path, lesson):
    made = lesson()
    made.ask(made.pause)
    assert 0 < made.pupils[0].trainer.step < 120
    made.ask(made.save)
    made.end()
    run = hm.Trainer.resume(tmp_path / "runs/flags")
    for _ in run:
        pass
    hm.fit(str(flags / "flags.npz"), out=tmp_path / "plain", **SETTINGS)
    assert (tmp_path / "runs/flags/model.safetensors").read_bytes() == (
        tmp_path / "plain/model.safetensors"
    ).read_bytes()


def test_a_pause_takes_no_time_of_the_training(lesson):
    began = time.perf_counter()
    made = lesson()
    made.ask(made.pause)
    time.sleep(0.3)
    made.ask(made.resume)
    until(made, "finished")
    assert 0 < made.pupils[0].trainer.seconds <= time.perf_counter() - began - 0.3


def test_two_trainings_start_alike_and_differ_where_they_are_told_to(lesson):
    made = lesson({**SETTINGS, "sampler": "pcd", "steps": 60}, {"sampler": "cd"})
    head, _ = watched(made)
    assert [model["which"] for model in head["models"]] == ["a", "b"]
    assert [model["settings"]["sampler"] for model in head["models"]] == ["pcd", "cd"]
    a, b = (pupil.trainer for pupil in made.pupils)
    assert (a.snapshots[0]["reconstruction"] == b.snapshots[0]["reconstruction"]).all()
    until(made, "finished")
    assert {model["step"] for model in watched(made)[0]["models"]} == {60}
    assert not np.array_equal(a.model.weight.detach(), b.model.weight.detach())


def test_settings_change_while_it_runs(lesson):
    made = lesson({**SETTINGS, "steps": 10**6}, {"sampler": "cd"})
    made.ask(lambda: made.set("b", {"lr": 0.001, "gibbs_steps": 3}, None))
    head, _ = watched(made)
    assert [model["settings"]["gibbs_steps"] for model in head["models"]] == [1, 3]
    assert head["models"][1]["lr"] <= 0.001
    step = head["models"][1]["step"]
    assert watched(made)[0]["models"][1]["step"] > step - 1
    for beyond in ({"hidden": 10**9}, {"chains": 10**9}, {"hidden": "1,1,1,1,1,1,1,1,1"}):
        with pytest.raises(InputError, match="at most: give fewer"):
            made.ask(lambda beyond=beyond: made.set(None, beyond, None))
    with pytest.raises(InputError, match="seed was given and is made once"):
        made.ask(lambda: made.set(None, {"seed": 3}, None))


def test_the_pace_is_kept(lesson):
    made = lesson({**SETTINGS, "steps": 10**6}, pace=50)
    steps, began = [watched(made)[0]["models"][0]["step"]], time.monotonic()
    time.sleep(0.5)
    steps.append(watched(made)[0]["models"][0]["step"])
    assert steps[1] - steps[0] <= 50 * (time.monotonic() - began) + 2


def test_a_divergence_is_told_and_the_thread_lives(lesson, monkeypatch):
    made = lesson({**SETTINGS, "steps": 10**6})

    def diverge():
        made.pupils[0].rest()
        made.pupils[0].updates = failing()

    def failing():
        raise hm.DivergenceError("planted")
        yield

    made.ask(diverge)
    until(made, "failed")
    assert watched(made)[0]["text"] == "planted"
    with pytest.raises(InputError, match="the training has failed"):
        made.ask(lambda: made.set(None, {"lr": 0.1}, None))


def test_settings_that_do_not_fit_begin_nothing(lesson):
    for settings in ({"hidden": 0}, {"nonsense": 1}, {"valid": "x"}, {"visible": "potts:1"}, {"steps": -1}):
        with pytest.raises(InputError) as told:
            lesson(settings)
        assert "\n" not in str(told.value)


WALKS = [
    *({"model": model} for model in MODELS),
    {"model": "dbm", "hidden": "4,3", "pretrain": True},
    {"model": "dbn", "hidden": "4,3", "labels": True},
    *({"sampler": sampler} for sampler in SAMPLERS),
    {"visible": "spin", "hidden_kind": "spin"},
    {"visible": "gaussian"},
    {"visible": "potts:2", "hidden_kind": "potts:2"},
    {"visible": "binomial:1", "optimizer": "adam", "center": True},
]


@pytest.mark.parametrize("settings", WALKS, ids=lambda settings: ",".join(map(str, settings.values())))
def test_every_kind_of_training_is_watched_changed_played_with_and_saved(settings, lesson):
    made = lesson({"hidden": "3", "steps": 12, "seed": 1, **settings}, {"lr": 0.01})
    change = {"lr": 0.02, "gibbs_steps": 2, "batch_size": 30}
    for _ in range(3):
        head, arrays = watched(made, samples=4, fields=3)
        assert arrays["samples_a"].shape == arrays["samples_b"].shape == (4, 9)
        assert arrays["fields_b"].shape == (3, 9)
        json.dumps(plain(head), allow_nan=False)
        made.ask(lambda: made.set("a", change, None) if made.state in ("running", "paused") else None)
    until(made, "finished")
    for pupil in made.pupils:
        chains = Dream(Subject(still(pupil.trainer)), Set(type="set"))
        chains.move()
        assert chains.frame()[1]["visible"].shape == (1, 9)
    assert made.ask(made.save) == ["runs/flags", "runs/flags-2"]

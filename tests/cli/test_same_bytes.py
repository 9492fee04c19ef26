"""Every command beside its library call: the same bytes."""

import inspect
import json
import shutil
from contextlib import chdir
from dataclasses import replace

import numpy as np
import pytest
from inside import harmonium

import harmonium as hm
from harmonium import recipes
from harmonium.cli.app import COMMANDS
from harmonium.fitting import effort
from harmonium.registry import DATASETS
from marks import slow_but

TIMES = ("seconds",)  # figures that no two runs share


def settled(text: str) -> dict:
    """Return a JSON object without its times."""
    return {name: value for name, value in json.loads(text).items() if name not in TIMES}


def files(run) -> dict[str, bytes]:
    """Return the files of a run that its settings and seed alone decide."""
    kept = (
        "config.yaml",
        "finetune.yaml",
        "origin.safetensors",
        "model.safetensors",
        "env.json",
        "snapshots/*",
        "pictures/*",
    )
    return {str(file.relative_to(run)): file.read_bytes() for name in kept for file in sorted(run.glob(name))}


def figures(run) -> list[list[str]]:
    """Return the lines of metrics.csv without the seconds."""
    head, *lines = [line.split(",") for line in (run / "metrics.csv").read_text().splitlines()]
    return [[cell for name, cell in zip(head, line, strict=True) if name not in TIMES] for line in [head, *lines]]


@pytest.fixture
def two(network, tmp_path):
    """Two copies of the same runs, in directories of their own: one for the command, one for the library."""
    for name in ("command", "library"):
        shutil.copytree(network / "runs", tmp_path / name / "runs")
    return tmp_path / "command", tmp_path / "library"


def said(place, *words) -> str:
    """Return what a command prints."""
    done = harmonium(*words, cwd=place)
    assert done.returncode == 0, done.stderr
    return done.stdout


TRAININGS = {
    "rbm": (["--hidden", 9, "--steps", 60], {"hidden": 9, "steps": 60}),
    "tempered dbm": (
        ["--model", "dbm", "--hidden", "6,4", "--sampler", "pt", "--n-replicas", 3, "--steps", 24, "-k", 2],
        {"model": "dbm", "hidden": "6,4", "sampler": "pt", "n_replicas": 3, "steps": 24, "gibbs_steps": 2},
    ),
    "labels": (
        ["--labels", "--hidden", 5, "--epochs", 2, "--batch-size", 50, "--no-center", "--hidden-kind", "spin"],
        {"labels": True, "hidden": 5, "epochs": 2, "batch_size": 50, "center": False, "hidden_kind": "spin"},
    ),
}


@pytest.mark.parametrize("what", TRAININGS)
def test_train(what, tmp_path):
    words, settings = TRAININGS[what]
    said(tmp_path, "train", "digits", *words, "--seed", 5, "--no-report", "--out", "a")
    run = hm.fit("digits", seed=5, out=tmp_path / "b", **settings)
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert len(files(tmp_path / "a")) >= 5
    assert figures(tmp_path / "a") == figures(tmp_path / "b")
    assert run.save(tmp_path / "c").read_bytes() == (tmp_path / "a" / "model.safetensors").read_bytes()


TUNINGS = {
    "updown": {"epochs": 1, "lr": 0.02, "gibbs_steps": "1,2"},
    "classifier": {"epochs": 1, "dropout": 0.1, "seed": 3},
}


@pytest.mark.parametrize("method", TUNINGS)
def test_finetune(method, two):
    words = [word for name, value in TUNINGS[method].items() for word in (f"--{name.replace('_', '-')}", value)]
    said(two[0], "finetune", "runs/d", "--method", method, *words, "--no-report", "--out", "tuned")
    with chdir(two[1]):
        hm.load("runs/d").finetune(method, out="tuned", **TUNINGS[method])
    assert files(two[0] / "tuned") == files(two[1] / "tuned")
    assert {"finetune.yaml", "origin.safetensors"} < files(two[0] / "tuned").keys()
    assert figures(two[0] / "tuned") == figures(two[1] / "tuned")


@pytest.mark.slow
def test_evaluate(home, two):
    for place in two:
        shutil.copytree(home[0] / "runs/a", place / "a")
    for words, ask in (
        ([], {}),
        (["--split", "valid", "--method", "exact"], {"split": "valid", "method": "exact"}),
        (["--method", "ais", "--chains", 20, "--n-betas", 60, "--certify"],
         {"method": "ais", "chains": 20, "n_betas": 60, "certify": True}),
        (["--data", "digits"], {"rows": "digits"}),
    ):  # fmt: skip
        text = said(two[0], "evaluate", "a", *words, "--json").removesuffix("\n")
        with chdir(two[1]):
            found = hm.load("a").evaluate(**ask).to_json()
        assert text.partition('"seconds": ')[0] == found.partition('"seconds": ')[0]
        assert settled(text) == settled(found)
        assert list(json.loads(text)) == list(json.loads(found))
    assert files(two[0] / "a") == files(two[1] / "a")  # with what the passport says


@pytest.mark.parametrize("name", ["s.png", "s.gif", "s.npy"])
@pytest.mark.parametrize("label", [None, "7", "all"])
def test_sample(name, label, two):
    words = [] if label is None else ["--label", label]
    said(two[0], "sample", "runs/d", "--count", 3, "--gibbs-steps", 7, *words, "--seed", 4, "--out", name)
    with chdir(two[1]):
        hm.load("runs/d").sample(3, 7, label=label, seed=4, out=name)
    assert (two[0] / name).read_bytes() == (two[1] / name).read_bytes()


@pytest.mark.parametrize("mask", ["bottom", "random:0.3", "noise:0.1"])
def test_recover(mask, two):
    words = ["--mask", mask, "--count", 4, "--chains", 3, "--gibbs-steps", 6, "--split", "valid", "--out", "r.png"]
    text = said(two[0], "recover", "runs/d", *words, "--json")
    with chdir(two[1]):
        found = hm.load("runs/d").recover(mask=mask, count=4, chains=3, gibbs_steps=6, split="valid")
        found.save("r.png")
    assert text == json.dumps(found.figures) + "\n"
    assert (two[0] / "r.png").read_bytes() == (two[1] / "r.png").read_bytes()


@pytest.mark.parametrize(
    ("run", "words", "ask"),
    [
        ("runs/d", [], {}),
        ("runs/d", ["--readout", "gibbs", "--gibbs-steps", 3], {"readout": "gibbs", "gibbs_steps": 3}),
        ("runs/d-classifier", ["--split", "valid"], {"split": "valid"}),
        ("runs/d-updown/model.safetensors", ["--data", "digits"], {"rows": "digits"}),
    ],
)
def test_classify(run, words, ask, two):
    text = said(two[0], "classify", run, *words, "--json")
    with chdir(two[1]):
        assert text == json.dumps(hm.load(run).classify(**ask).to_dict()) + "\n"


ROWS = {  # commands that answer for every row, with options and what the library is asked
    "classify": (["--split", "valid"], {"split": "valid"}),
    "score": (["--split", "valid"], {"split": "valid"}),
    "features": (["--layer", 1, "--split", "valid"], {"layer": 1, "split": "valid"}),
    "reconstruct": (["--split", "valid"], {"split": "valid"}),
    "impute": (["holes.npy", "--chains", 2, "--gibbs-steps", 4, "--seed", 3], {}),
}


@pytest.mark.parametrize("ending", slow_but(["csv", "json", "npy"], ["csv"]))
@pytest.mark.parametrize("what", slow_but(ROWS, ["classify", "features"]))
def test_rows(what, ending, two):
    words, ask = ROWS[what]
    holes = np.where(np.arange(64) < 9, np.nan, hm.data.load("digits", "test").rows[:5])
    for place in two:
        np.save(place / "holes.npy", holes)
    said(two[0], what, "runs/d", *words, "--out", f"rows.{ending}")
    with chdir(two[1]):
        ask = ask or {"rows": "holes.npy", "chains": 2, "gibbs_steps": 4, "seed": 3}
        getattr(hm.load("runs/d"), what)(**ask, out=f"rows.{ending}")
    assert (two[0] / f"rows.{ending}").read_bytes() == (two[1] / f"rows.{ending}").read_bytes()
    if what != "classify" and ending == "csv":
        printed = said(two[0], what, "runs/d", *words)
        columns = [line.partition(",")[2] for line in (two[0] / "rows.csv").read_text().splitlines()]
        assert printed.splitlines() == columns


@pytest.mark.parametrize("layer", [1, 2])
def test_weights(layer, two):
    said(two[0], "weights", "runs/d", "--count", 10, "--layer", layer, "--out", "w.png")
    with chdir(two[1]):
        hm.load("runs/d").weights(10, layer, out="w.png")
    assert (two[0] / "w.png").read_bytes() == (two[1] / "w.png").read_bytes()


def test_export(home, two):
    for place in two:
        shutil.copytree(home[0] / "runs/a", place / "a")
    said(two[0], "export", "a", "page.html")
    with chdir(two[1]):
        hm.load("a").export("page.html")
    assert (two[0] / "page.html").read_bytes() == (two[1] / "page.html").read_bytes()


def test_compare(home, tmp_path):
    words = ("--count", 60, "--gibbs-steps", 5, "--seed", 3, "--json")
    found = hm.load(home[0] / "runs/a").compare(count=60, gibbs_steps=5, seed=3)
    assert said(tmp_path, "compare", home[0] / "runs/a", *words) == json.dumps(found.to_dict()) + "\n"


GIVEN = "sex=female, age>=60"
STEPS = ["--gibbs-steps", 4, "--seed", 3], {"gibbs_steps": 4, "seed": 3}
TABLES = {  # what is asked of a table alone: options, and the call of the library
    "sample": (["--count", 9, "--given", GIVEN, *STEPS[0]], "sample", {"count": 9, "given": GIVEN, **STEPS[1]}),
    "score": (["people.csv", "--cells"], "score", {"rows": "people.csv", "cells": True}),
    "impute": (
        ["people.csv", "--draws", 3, "--uncertainty", "sure.csv", *STEPS[0]], "imputation",
        {"rows": "people.csv", "draws": 3, "uncertainty": "sure.csv", **STEPS[1]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", TABLES)
def test_tables(what, people, tmp_path):
    words, call, ask = TABLES[what]
    places = tmp_path / "command", tmp_path / "library"
    for place in places:
        shutil.copytree(people, place)
    said(places[0], what, "run", *words, "--out", "x.csv")
    with chdir(places[1]):
        getattr(hm.load("run"), call)(**ask, out="x.csv")
    made = [{file.name: file.read_bytes() for file in place.glob("*.csv")} for place in places]
    assert made[0] == made[1]
    assert len(made[0]) == 2 + (what == "impute")


@pytest.mark.slow
def test_report(home, tmp_path, monkeypatch):
    monkeypatch.setattr(effort, "FULL", replace(effort.FULL, gibbs_steps=256))
    for name in ("command", "library"):
        shutil.copytree(home[0] / "runs/a", tmp_path / name / "a")
        (tmp_path / name / "a" / "report.html").unlink()
        shutil.rmtree(tmp_path / name / "a" / "pictures")
    said(tmp_path / "command", "report", "a")
    with chdir(tmp_path / "library"):
        assert str(hm.load("a").report()) == "a/report.html"
    pages = [(tmp_path / name / "a" / "report.html").read_text() for name in ("command", "library")]
    assert undated(pages[0]) == undated(pages[1])
    assert files(tmp_path / "command" / "a") == files(tmp_path / "library" / "a")
    assert len(list((tmp_path / "command/a/pictures").iterdir())) >= 6


def undated(page: str) -> str:
    """Return a page without the day that it was made."""
    first, _, last = page.rpartition(f"made by harmonium {hm.__version__} on ")
    assert first
    return first + last[len("2000-01-01") :]


@pytest.mark.parametrize("run", ["runs/d", "runs/d-classifier", "runs/d-updown/model.safetensors"])
def test_info(run, two):
    assert said(two[0], "info", run, "--json") == json.dumps(hm.load(two[1] / run).info()) + "\n"


def test_data(tmp_path):
    found = hm.data.check("digits")
    assert said(tmp_path, "data", "check", "digits", "--json") == json.dumps(vars(found)) + "\n"
    known = {name: one.about for name, one in DATASETS.items()}
    assert said(tmp_path, "data", "list", "--json") == json.dumps(known) + "\n"


def test_reproduce(tmp_path):
    _, *lines = said(tmp_path, "reproduce", "list").splitlines()
    assert [line.split()[0] for line in lines] == list(recipes.NAMES)
    for name, line in zip(recipes.NAMES, lines, strict=True):
        assert " ".join(line.split()) == f"{name} {recipes.recipe(name).title}"


def test_no_command_is_left_out():
    tested = {name.removeprefix("test_") for name, found in globals().items() if inspect.isfunction(found)}
    assert set(COMMANDS) - tested - set(ROWS) == {"doctor", "play"}  # which tell of the machine, and serve a page

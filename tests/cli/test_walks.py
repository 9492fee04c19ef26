"""Every value of every option of train, and every pair that goes together, through all that is done with a run."""

import itertools
import json
import random
import shutil
from functools import cache

import numpy as np
import pytest

import harmonium as hm
from harmonium.cli import main
from harmonium.fitting.config import TrainConfig
from harmonium.registry import MODELS, SAMPLERS, UNITS

pytestmark = pytest.mark.slow
VALUES = {
    "model": list(MODELS),
    "hidden": ["3", "4,3"],
    "hidden_kind": ["bernoulli", "spin", "binomial:2", "potts:2", "gaussian", "relu"],
    "labels": [False, True],
    "discriminative": [None, 0.5],
    "pretrain": [False, True],
    "visible": ["auto", "bernoulli", "spin", "binomial:1", "potts:2", "gaussian", "relu"],
    "sampler": ["auto", *SAMPLERS],
    "gibbs_steps": [1, 2],
    "chains": [None, 7],
    "n_replicas": [3, 2],
    "batch_size": [20, 1000],
    "epochs": [2, None],
    "steps": [None, 3],
    "patience": [None, 1],
    "figures_every": [None, 2],
    "max_time": [None, 100.0],
    "lr": [None, 0.02],
    "upper_lr": [None, 0.03],
    "schedule": ["linear", "constant", "late", "cosine"],
    "optimizer": ["sgd", "adam"],
    "momentum": [None, 0.4],
    "center": [None, True, False],
    "l1": [0.0, 0.001],
    "l2": [0.0, 0.001],
    "sparsity": [None, 0.2],
    "sparsity_strength": [1.0, 0.1],
    "clip": [None, 1.0],
    "binarize": ["auto", "threshold", "sample", "none"],
    "levels": [None, 1],
    "shape": [None, "2x3"],
    "column": [None],  # is for tables of columns of their own kinds: see tests/fitting/test_mixed_rows.py
    "label_column": [None],  # is for tables with names: see tests/data/test_labels.py
    "seed": [0, 5],
    "device": ["auto", "cpu"],
    "precision": ["auto", "float32", "bfloat16"],
    "products": ["auto", "sparse", "dense"],
    "threads": [None, 1, 2],
    "rows": [None, 40],
    "snapshots": [None, "0,1"],
    "match": [True, False],
    "valid": [None, "more.npz"],
    "test": [None, "more.npz"],
    "init": [None],  # needs a run of the same make: see tests/fitting
    "data_dir": [None],  # is for named sets
}
SMOOTH, WHOLE = ("gaussian", "relu"), ("binomial:1", "potts:2")


def summed(c: dict) -> bool:
    """Say whether products may be sums of rows."""
    bits = c["model"] == "rbm" and {c["visible"], c["hidden_kind"]} <= {"auto", "bernoulli", "spin"}
    return bits and c["precision"] != "bfloat16"


def fits(c: dict) -> bool:
    """Say whether settings go together; what does not is refused, which other tests look at."""
    deep, layers = c["model"] in ("dbm", "dbn"), c["hidden"].count(",") + 1
    return (
        (deep or layers == 1)
        and (c["labels"] or c["discriminative"] is None)
        and (c["model"] == "dbm" or not c["pretrain"])
        and not (c["visible"] in SMOOTH and c["hidden_kind"] in SMOOTH)
        and not (c["model"] == "boltzmann" and (c["center"] or c["sparsity"]))
        and (c["sparsity"] is None or c["hidden_kind"] in ("bernoulli", "potts:2"))
        and (c["upper_lr"] is None or c["model"] == "dbn" or c["pretrain"])
        and not (c["sampler"] in ("pt", "ptt", "exact") and c["precision"] == "bfloat16")
        and not (c["products"] == "sparse" and not summed(c))
        and not (c["sampler"] == "exact" and (c["hidden_kind"] in SMOOTH or c["visible"] in SMOOTH))
        and (c["epochs"] is None) != (c["steps"] is None)
        and not (c["visible"] in WHOLE and (c["levels"] or c["binarize"] in ("threshold", "sample")))
        and not (deep and c["hidden_kind"] in SMOOTH)  # layers of two rows of such units have no normalizer
        and not ((c["model"] == "dbn" or c["pretrain"]) and c["hidden_kind"] != "bernoulli")
        and not (c["model"] == "boltzmann" and (c["hidden_kind"] in SMOOTH or c["visible"] in SMOOTH) and c["patience"])
        and not (c["model"] == "boltzmann" and c["visible"] in SMOOTH)  # which couple to each other
    )


@cache
def walks() -> list[dict]:
    """Return settings that hold every pair of values that go together, found greedily."""
    chance = random.Random(0)
    names = list(VALUES)

    def pairs(c: dict) -> set:
        return {(a, c[a], b, c[b]) for a, b in itertools.combinations(names, 2)}

    class Draw(dict):
        """Settings each of which is drawn when it is first asked for: most are found not to fit by the first few."""

        def __missing__(self, name: str) -> object:
            value = self[name] = chance.choice(VALUES[name])
            return value

    def drawn(fixed: dict) -> dict | None:
        for _ in range(300):
            c = Draw(fixed)
            if "steps" not in fixed and c["epochs"] is not None:
                c["steps"] = None
            if "hidden" not in fixed and c["model"] not in ("dbm", "dbn"):
                c["hidden"] = "3"
            if fits(c):
                return {name: c[name] for name in names}
        return None

    left = {(a, x, b, y) for a, b in itertools.combinations(names, 2) for x in VALUES[a] for y in VALUES[b]}
    found: list[dict] = []
    while left:
        a, x, b, y = min(left, key=str)
        one = drawn({a: x, b: y})
        if one is None:
            left.discard((a, x, b, y))  # a pair that does not go together
            continue
        tried = [one, *(c for c in (drawn({a: x, b: y}) for _ in range(47)) if c is not None)]
        best = max(tried, key=lambda c: len(pairs(c) & left))
        found.append(best)
        left -= pairs(best)
    return found


WALKS = 66  # so many there are: they are found when the first is walked


def test_every_option_of_a_training_is_walked():
    assert set(VALUES) == set(TrainConfig.model_fields)
    assert set(VALUES["visible"]) - {"auto"} >= {*UNITS} - {
        "potts",
        "binomial",
        "one-hot",
    }
    for name, values in VALUES.items():
        assert {repr(c[name]) for c in walks()} == {repr(value) for value in values}, name


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("walks")
    g = np.random.default_rng(0)
    for name, count in (("bits", 60), ("more", 12)):
        rows = (g.random((count, 6)) < np.linspace(0.3, 0.7, 6)).astype(np.uint8)
        rows[:3], rows[3:6] = 0, 1
        labels = np.concatenate([[0, 1], g.integers(0, 2, count - 2)])
        np.savez(folder / f"{name}.npz", data=rows, labels=labels)
        np.save(folder / f"{name}.npy", rows)
    return folder


def words_of(settings: dict) -> list[str]:
    words = []
    for name, value in settings.items():
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            words.append(option if value else option.replace("--", "--no-", 1))
        elif value is not None:
            words += [option, str(value)]
    return words


@pytest.mark.parametrize("number", range(WALKS))
def test_a_walk(number, place, short, monkeypatch, capsys):
    settings = walks()[number]
    monkeypatch.chdir(place)
    out, quick = f"run{number}", ["--gibbs-steps", "3"]
    main(["train", "bits.npz", *words_of(settings), "--out", out])
    for command in (
        ["evaluate", out, "--json"],
        ["sample", out, *quick, "--count", "4", "--out", f"{out}.npy"],
        ["recover", out, *quick, "--mask", "random:0.5", "--count", "3", "--chains", "2", "--json"],
        ["weights", out, "--out", f"{out}.png"],
        *(
            [["classify", out, "--json"], ["sample", out, *quick, "--label", "1", "--out", "l.png"]]
            * settings["labels"]
        ),
    ):
        capsys.readouterr()
        main(command)
        if "--json" in command:
            assert json.loads(capsys.readouterr().out)
    assert (place / out / "report.html").stat().st_size > 10_000
    assert (
        set(np.unique(np.load(f"{out}.npy"))) <= {0, 1} or settings["visible"] in SMOOTH or settings["model"] == "dbn"
    )
    assert hm.load(out).passport["evaluation"]
    shutil.rmtree(place / out)


def test_the_number_of_walks_is_told(capsys):
    assert len(walks()) == WALKS
    with capsys.disabled():
        print(f"\n{WALKS} walks over {sum(map(len, VALUES.values()))} values of {len(VALUES)} options")

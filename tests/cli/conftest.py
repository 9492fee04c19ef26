"""Runs that several tests look at: trained once, by commands in this process, and left as they are."""

import numpy as np
import pytest
from inside import harmonium


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """A small run on digits with its report, runs/a, and what training it printed."""
    place = tmp_path_factory.mktemp("cli")
    done = harmonium("train", "digits", "--hidden", 12, "--epochs", 30, "--seed", 1, "--out", "runs/a", cwd=place)
    assert done.returncode == 0, done.stderr
    return place, done


@pytest.fixture(scope="session")
def network(tmp_path_factory):
    """A small network that knows labels, runs/d, and its two fine-tunings."""
    place = tmp_path_factory.mktemp("deep")
    learn = ["--lr", 0.1, "--momentum", 0.8, "--epochs", 40, "--no-report"]
    train = ["train", "digits", "--model", "dbn", "--labels", "--hidden", "40,60", *learn]
    done = [harmonium(*train, "--out", "runs/d", cwd=place)]
    for method in ("updown", "classifier"):
        tune = ["finetune", "runs/d", "--method", method, "--epochs", 2, "--no-report"]
        done.append(harmonium(*tune, cwd=place))
    assert [one.returncode for one in done] == [0, 0, 0], [one.stderr for one in done]
    return place


@pytest.fixture(scope="session")
def people(tmp_path_factory):
    """A directory with a table of people, some of whose cells are empty, and a run on it."""
    place, draw = tmp_path_factory.mktemp("people"), np.random.default_rng(1)
    rows = [f"{draw.integers(18, 90)},{draw.choice(['female', 'male', ''])},{draw.normal():.2f}" for _ in range(80)]
    (place / "people.csv").write_text("\n".join(["age,sex,height", *rows]) + "\n")
    done = harmonium("train", "people.csv", "--hidden", 4, "--steps", 30, "--no-report", "--out", "run", cwd=place)
    assert done.returncode == 0, done.stderr
    return place

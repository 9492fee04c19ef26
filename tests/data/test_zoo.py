"""A file zoo: every file is read rightly by all commands, or refused in one line, and check says what train says."""

import json
import re
import time

import numpy as np
import pytest
from zoo import zoo

from cli.inside import harmonium
from harmonium import data

ANIMALS = zoo()
QUICK = ("--steps", "20", "--batch-size", "2", "--hidden", "4", "--no-report", "--out", "run")


def reading(options):
    """Return the options that say how a file is read, which `data check` takes too."""
    return [word for word in options if word != "--labels"]


def words(options):
    keys = [word[2:].replace("-", "_") for word in reading(options)[::2]]
    found = dict(zip(keys, reading(options)[1::2], strict=True))
    return found | ({"levels": int(found["levels"])} if "levels" in found else {})


def one_line(done):
    line = done.stderr.strip()
    assert done.returncode == 2, done
    assert "\n" not in line and "Traceback" not in line, line  # noqa: PT018
    return line.removeprefix("harmonium: ")


@pytest.fixture
def animal(request, tmp_path):
    """A file of the zoo, and where it lies."""
    (tmp_path / "file").mkdir()
    return ANIMALS[request.param], ANIMALS[request.param].write(tmp_path / "file")


TAKEN = pytest.mark.parametrize("animal", [name for name, one in ANIMALS.items() if not one.refused], indirect=True)
REFUSED = pytest.mark.parametrize("animal", [name for name, one in ANIMALS.items() if one.refused], indirect=True)


@TAKEN
def test_it_is_read_rightly_and_check_says_so(animal):
    animal, path = animal
    told = json.loads(harmonium("data", "check", path, "--json", *reading(animal.options)).stdout)
    assert (told["kind"], tuple(told["shape"]), told["problems"]) == (animal.kind, animal.shape, [])
    assert tuple(told["classes"] or ()) == animal.labels
    dataset = data.load(path, **words(animal.options))
    assert (dataset.kind, dataset.shape, dataset.label_names) == (animal.kind, animal.shape, animal.labels)
    assert set(dataset.notes) <= set(told["notes"])
    if animal.names is not None:
        assert dataset.names == animal.names


@pytest.mark.slow
@TAKEN
def test_it_goes_through_every_command(animal, tmp_path):
    animal, path = animal
    dataset, labels = data.load_rows(path, **words(animal.options)), ["--labels"] if animal.labels else []
    done = harmonium("train", path, *QUICK, *animal.options, *labels, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [line[6:] for line in done.stderr.splitlines() if line.startswith("note: ")] == [*dataset.notes]
    if animal.kind == "table":  # whose words go through the commands in tests/fitting/test_mixed_rows.py
        return
    sampled = harmonium("sample", "run", "--count", 5, "--gibbs-steps", 3, "--out", "s.npy", cwd=tmp_path)
    assert sampled.returncode == 0, sampled.stderr
    drawn = np.load(tmp_path / "s.npy")
    assert drawn.shape == (5, int(np.prod(animal.shape)))
    assert np.isfinite(drawn).all()
    if animal.kind != "real":
        assert set(np.unique(drawn)) <= ({-1, 1} if animal.kind == "spin" else {0, dataset.levels})
    scored = harmonium("score", "run", "--data", path, "--out", "scores.npy", cwd=tmp_path)
    assert scored.returncode == 0, scored.stderr
    assert len(np.load(tmp_path / "scores.npy")) == len(dataset)
    given = ["--data", path, "--chains", 1, "--gibbs-steps", 2, "--out", "whole.npy"]
    imputed = harmonium("impute", "run", *given, cwd=tmp_path)
    assert imputed.returncode == 0, imputed.stderr
    np.testing.assert_allclose(np.load(tmp_path / "whole.npy"), dataset.rows, rtol=1e-6)  # nothing was missing
    if animal.labels:
        read = json.loads(harmonium("classify", "run", "--data", path, "--json", cwd=tmp_path).stdout)
        assert np.sum(read["confusion"], 1).tolist() == np.bincount(dataset.labels).tolist()
        of = ["--label", animal.labels[-1], "--gibbs-steps", 2, "--out", "l.npy"]
        assert harmonium("sample", "run", *of, cwd=tmp_path).returncode == 0


@REFUSED
def test_it_is_refused_in_one_line_and_leaves_nothing_behind(animal, tmp_path):
    animal, path = animal
    began = time.monotonic()
    line = one_line(harmonium("train", path, *QUICK, *animal.options, cwd=tmp_path))
    assert time.monotonic() - began < 2
    assert re.search(animal.refused, line), line
    assert not (tmp_path / "run").exists()
    checked = harmonium("data", "check", path, *reading(animal.options), cwd=tmp_path)
    if "--labels" in animal.options:  # which check is not asked about
        assert checked.returncode == 0
    else:
        assert one_line(checked) == line


def test_there_are_as_many_files_as_promised():
    print(f"{len(ANIMALS)} files, of which {sum(bool(one.refused) for one in ANIMALS.values())} are refused")
    assert len(ANIMALS) >= 120

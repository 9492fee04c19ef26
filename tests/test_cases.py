"""What people do with files, end to end, where a law of one room would not see that it goes wrong."""

import csv
import time

import numpy as np
import pytest

import harmonium as hm
from cli.inside import harmonium
from harmonium import Trainer
from harmonium.fitting import TrainConfig


def said(*words, cwd):
    done = harmonium(*words, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.slow
def test_samples_of_a_chain_of_spins_are_spins_whose_neighbors_agree_as_they_do(tmp_path):
    rng, coupling = np.random.default_rng(0), 0.45  # the mean product of neighbors
    turns = np.where(rng.random((2000, 10)) < (1 + coupling) / 2, 1, -1)
    turns[:, 0] = rng.choice([-1, 1], 2000)
    np.save(tmp_path / "spins.npy", turns.cumprod(1))
    said("train", "spins.npy", "--hidden", 16, "--steps", 1500, "--no-report", "--out", "run", cwd=tmp_path)
    said("sample", "run", "--count", 2000, "--out", "s.npy", cwd=tmp_path)
    drawn = np.load(tmp_path / "s.npy")
    assert set(np.unique(drawn)) == {-1, 1}
    products = (drawn[:, 1:] * drawn[:, :-1]).mean()
    error = np.sqrt((1 - coupling**2) / (2000 * 9))  # of the rows, and of as many that are drawn
    assert abs(products - coupling) < 5 * np.sqrt(2) * error


@pytest.mark.parametrize("words", [["--labels"], ["--model", "dbn"]], ids=" ".join)
def test_a_run_whose_data_are_gone_is_sampled_drawn_and_reported(tmp_path, words):
    rows = np.random.default_rng(0).normal(5, 2, (60, 4))
    rows[:, 3] = np.arange(60) % 2
    np.savetxt(tmp_path / "rows.csv", rows, delimiter=",", header="a,b,c,label", comments="")
    said("train", "rows.csv", "--hidden", "3", *words, "--steps", 10, "--out", "run", cwd=tmp_path)
    (tmp_path / "rows.csv").unlink()
    (tmp_path / "run/report.html").unlink()
    said("sample", "run", "--count", 5, "--gibbs-steps", 2, "--out", "s.csv", cwd=tmp_path)
    said("weights", "run", "--out", "w.png", cwd=tmp_path)
    said("report", "run", cwd=tmp_path)
    assert all((tmp_path / name).is_file() for name in ("s.csv", "w.png"))
    page = (tmp_path / "run/report.html").read_text()
    assert "What looks at rows is left out: there is no file or data set" in page
    assert "How good is it?" in page
    assert "Are all hidden units in use?" not in page


def test_a_report_says_that_the_learning_rate_had_to_be_cut(tmp_path):
    trainer = Trainer(TrainConfig(hidden=4, steps=30, lr=1e9, seed=1), "digits", save_every=0)
    list(trainer.steps())
    (said,) = (one for one in trainer.remarks if "-fold" in one)
    page = trainer.run.report(tmp_path / "r.html").read_text()
    assert said.partition(",")[0].removeprefix("the") in page


def kaggle(path, count, labels):
    """Write rows of 64 pixels with names, with labels before them or none; what is bright tells the class."""
    rng = np.random.default_rng(count)
    given = np.arange(count) % 2
    rows = rng.integers(0, 60, (count, 64)) + 190 * ((np.arange(64) // 8 < 4) == given[:, None])
    names = ["label"] * labels + [f"pixel{i}" for i in range(64)]
    table = np.column_stack([given, rows]) if labels else rows
    np.savetxt(path, table, "%d", ",", header=",".join(names), comments="")
    return [str(label) for label in given]


def test_labels_of_a_competition_s_test_rows_are_written_and_its_digits_are_pictures(tmp_path):
    kaggle(tmp_path / "train.csv", 60, True)
    truth = kaggle(tmp_path / "test.csv", 15, False)
    words = ("--hidden", 8, "--steps", 150, "--no-report", "--out", "run")
    told = said("train", "train.csv", "--labels", *words, cwd=tmp_path).stderr
    assert "column 1 (label) is taken as the labels" in told
    assert "are taken as pictures of 8×8" in told
    said("classify", "run", "--data", "test.csv", "--out", "answers.csv", cwd=tmp_path)
    with (tmp_path / "answers.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["label"] for row in rows] == truth
    said("recover", "run", "--mask", "bottom", "--count", 2, "--gibbs-steps", 2, cwd=tmp_path)


def test_a_judging_is_announced_with_its_budget_and_can_be_left_out(tmp_path):
    words = ("train", "digits", "--hidden", 4, "--steps", 10, "--replace", "--out", "run")
    announced = "judging, by about as many Gibbs steps as the training took"
    assert announced in said(*words, cwd=tmp_path).stderr
    for rest in (("--judge", "none"), ("--no-report",)):
        assert "judging" not in said(*words, *rest, cwd=tmp_path).stderr
        assert not (tmp_path / "run/report.html").exists()


@pytest.mark.slow
def test_a_labeled_machine_of_100_units_has_a_figure_within_seconds():
    run = hm.fit("digits", labels=True, hidden=100, steps=60, seed=1)
    began = time.process_time()
    first = run.evaluate(judge="quick")
    assert time.process_time() - began < 30
    assert np.isfinite(first.log_likelihood)

"""Files as people have them, one command each: does the model beat what one would try first?

    python benchmarks/zoo.py [NAME ...]

`make zoo` writes the files (MNIST and the Titanic's passengers come from the directory that HARMONIUM_DATA names),
trains on each by one command's settings, and prints a table: the log-likelihood of held-out rows beside that of
independent units, and where there are labels (or planted outliers) the error (or ROC AUC) beside a simple baseline.

One split of a small file says nothing, so that each is parted several times: of split k all rows are put in an order of
seed k and parted by the rule of files without splits (a tenth is for tests), and the training has seed k too.  Error
and ROC AUC are means over splits; behind the difference from the baseline, which learns and is tested on the same rows,
stands its standard error over splits (whose test rows may overlap, so that it is a little too small).  The
log-likelihood is that of the first split.  It exits with 1 where a model does not beat independent units.
"""

import csv
import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from sklearn import datasets
from sklearn.covariance import EmpiricalCovariance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import harmonium as hm
from harmonium.fitting import Evaluation


@dataclass(frozen=True)
class Case:
    """A file, the words of the command that trains on it, and what is asked of the model."""

    write: Callable[[Path], None]
    splits: int
    labels: bool = True


def table(path: Path, names: list[str], rows: np.ndarray, labels: list | np.ndarray, label: str = "class") -> None:
    """Write rows with their labels as a CSV file."""
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([*names, label])
        writer.writerows([*row, mark] for row, mark in zip(rows.tolist(), labels, strict=True))


def of_sklearn(load: Callable[[], object]) -> Callable[[Path], None]:
    """Return what writes a data set of scikit-learn with the names of its classes."""

    def write(path: Path) -> None:
        bunch = load()
        names = [name.replace(" ", "_") for name in bunch.feature_names]
        table(path, names, bunch.data, bunch.target_names[bunch.target])

    return write


def titanic(path: Path) -> None:
    """The passengers whose age is known, coded in numbers: class, sex, age, kin, fare; from tables/titanic.csv."""
    source = Path(os.environ.get("HARMONIUM_DATA", "."), "tables", "titanic.csv")
    with source.open(newline="") as stream:
        known = [one for one in csv.DictReader(stream) if one["age"]]
    rows = [[float(one[name]) for name in ("pclass", "age", "sibsp", "parch", "fare")] for one in known]
    female = [float(one["sex"] == "female") for one in known]
    names = ["pclass", "age", "sibsp", "parch", "fare", "female"]
    table(path, names, np.column_stack([rows, female]), [one["survived"] for one in known], "survived")


def kaggle(path: Path) -> None:
    """MNIST as Kaggle's competition has it: the label first, 784 columns called pixel0 to pixel783; 6000 rows."""
    digits = hm.data.load("mnist", "train")
    rows = np.column_stack([digits.labels[:6000], digits.rows[:6000]])
    names = ["label", *(f"pixel{i}" for i in range(784))]
    np.savetxt(path, rows, "%d", ",", header=",".join(names), comments="")


def folders(path: Path) -> None:
    """Pictures of digits, a folder for each class."""
    digits = datasets.load_digits()
    for i, (picture, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        place = path / f"digit-{label}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray((picture * 15.9375).astype(np.uint8)).save(place / f"{i:04}.png")


def payments(path: Path) -> None:
    """Payments like those of credit cards: 28 correlated columns and an amount, and 2 % that do not fit in."""
    rng = np.random.default_rng(0)
    mixed = rng.normal(size=(28, 28)) / 5 + np.eye(28)
    rows = rng.normal(size=(4000, 28)) @ mixed
    odd = rng.random(4000) < 0.02
    rows[odd] = rng.normal(size=(int(odd.sum()), 28)) * rows.std(0)  # each column as ever, but not together
    amount = rng.lognormal(3, 0.5, (4000, 1))
    names = [*(f"V{i + 1}" for i in range(28)), "amount"]
    table(path, names, np.hstack([rows, amount]).round(4), odd.astype(int))


CASES = {
    "iris.csv": Case(of_sklearn(datasets.load_iris), 5),
    "wine.csv": Case(of_sklearn(datasets.load_wine), 5),
    "breast-cancer.csv": Case(of_sklearn(datasets.load_breast_cancer), 5),
    "titanic.csv": Case(titanic, 5),
    "payments.csv": Case(payments, 3, labels=False),
    "digits": Case(lambda path: None, 2),
    "pictures": Case(folders, 2),
    "kaggle-train.csv": Case(kaggle, 2),
}


class Split(NamedTuple):
    """What is told of the test rows of one split, by the model and by the baseline; the likelihood of the first."""

    model: float
    baseline: float
    seconds: float
    likelihood: Evaluation | None


def all_rows(source: str) -> hm.data.Dataset:
    """Return the rows of a file, or of all splits of a data set with a name."""
    if Path(source).exists():
        return hm.data.load_rows(source)
    parts = [hm.data.load(source, split) for split in hm.data.SPLITS]
    rows, labels = (np.concatenate([getattr(part, what) for part in parts]) for what in ("rows", "labels"))
    return replace(hm.data.from_array(rows, labels, name=source, levels=parts[0].levels), shape=parts[0].shape)


def on_split(source: str, labels: bool, seed: int) -> Split:
    """Train on a split and return what is told of its test rows."""
    rows = all_rows(source)
    rows = rows.select(np.random.default_rng(1000 + seed).permutation(len(rows)))
    began = time.process_time()
    run = hm.fit(rows, labels=labels, seed=seed, threads=1)
    seconds, parts = time.process_time() - began, hm.data.split_rows(rows)
    likelihood = None if seed else run.evaluate(judge="quick")
    told = errors if labels else areas
    return Split(*told(run, parts["train"], parts["test"]), seconds, likelihood)


def errors(run: hm.Run, train: hm.data.Dataset, test: hm.data.Dataset) -> tuple[float, float]:
    """Return the shares of test rows whose label is missed, by the model and by logistic regression."""
    simple = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000)).fit(train.rows, train.labels)
    return run.classify(split="test").error, 1 - simple.score(test.rows, test.labels)


def areas(run: hm.Run, train: hm.data.Dataset, test: hm.data.Dataset) -> tuple[float, float]:
    """Return the areas under the ROC curve of what is far out, by free energy and by the Mahalanobis distance."""
    simple = EmpiricalCovariance().fit(train.rows)
    energy = run.model.free_energy(run.encoder.rows(test)).detach()  # −log p but for log Z, which is one for all rows
    return roc_auc_score(test.labels, energy), roc_auc_score(test.labels, simple.mahalanobis(test.rows))


def line(name: str, case: Case, found: list[Split]) -> str:
    """Return the line of the table for a file."""
    ours, theirs, seconds, _ = zip(*found, strict=True)
    apart, told = np.subtract(ours, theirs), found[0].likelihood
    what = "error, logistic regression" if case.labels else "ROC AUC, Mahalanobis"
    figures = f"{told.log_likelihood:.2f} ({told.verdict}) | {told.baseline:.2f}"
    beside = f"{np.mean(ours):.3f} | {np.mean(theirs):.3f}"
    difference = f"{apart.mean():+.3f} ± {apart.std(ddof=1) / len(apart) ** 0.5:.3f}"
    setting = f"{len(found)} of {told.rows} | {np.mean(seconds):.0f}"
    words = f"harmonium train {name}{' --labels' * case.labels}"
    return f"| `{words}` | {setting} | {figures} | {what} | {beside} | {difference} |"


def main(chosen: list[str]) -> int:
    """Go through the files and print the table; return the exit code."""
    print(
        "| command | splits, test rows | CPU s | log-likelihood | independent units | | model | baseline | difference |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    behind, cases = 0, {name: case for name, case in CASES.items() if not chosen or name in chosen}
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(mp_context=get_context("spawn")) as workers:
        for name, case in cases.items():
            path = Path(folder, name)
            case.write(path)
            train = partial(on_split, str(path) if path.exists() else name, case.labels)
            found = [*workers.map(train, range(case.splits))]
            print(line(name, case, found), flush=True)
            behind += found[0].likelihood.lower <= found[0].likelihood.baseline
    return int(behind > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

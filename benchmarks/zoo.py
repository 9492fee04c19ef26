"""Files as people have them, one command each: does the model beat what one would try first?

`make zoo` writes the files (MNIST and the Titanic's passengers come from the directory that HARMONIUM_DATA names),
trains on each by one command, and prints a table: the log-likelihood of held-out rows beside that of independent units,
and where there are labels (or planted outliers) the error (or ROC AUC) beside a simple baseline on the same rows.  It
exits with 1 where a model does not beat independent units.
"""

import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn import datasets
from sklearn.covariance import EmpiricalCovariance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import harmonium as hm


@dataclass(frozen=True)
class Case:
    """A file, the words of the command that trains on it, and what is asked of the model."""

    write: Callable[[Path], None]
    words: str
    asked: str = "labels"


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
    "iris.csv": Case(of_sklearn(datasets.load_iris), "--labels"),
    "wine.csv": Case(of_sklearn(datasets.load_wine), "--labels"),
    "breast-cancer.csv": Case(of_sklearn(datasets.load_breast_cancer), "--labels"),
    "digits": Case(lambda path: None, "--labels"),
    "titanic.csv": Case(titanic, "--labels"),
    "kaggle-train.csv": Case(kaggle, "--labels"),
    "pictures": Case(folders, "--labels"),
    "payments.csv": Case(payments, "", "outliers"),
}


def harmonium(*words: str) -> str:
    """Run a command and return what it prints."""
    done = subprocess.run([sys.executable, "-m", "harmonium", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


def beside(source: str, run: str, asked: str) -> tuple[str, float, float]:
    """Return what is told of held-out rows, by the model and by the baseline."""
    train, test = (hm.data.load(source, split) for split in ("train", "test"))
    if asked == "labels":
        found = json.loads(harmonium("classify", run, "--json"))["error"]
        simple = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000))
        return (
            "error, logistic regression",
            found,
            1 - simple.fit(train.rows, train.labels).score(test.rows, test.labels),
        )
    scores = hm.load(run).score(split="test").log_likelihood
    simple = EmpiricalCovariance().fit(train.rows)
    return "ROC AUC, Mahalanobis", *(
        roc_auc_score(test.labels, far) for far in (-scores, simple.mahalanobis(test.rows))
    )


def main(chosen: list[str]) -> int:
    """Go through the files and print the table; return the exit code."""
    print("| command | rows | seconds | log-likelihood | independent units | | model | baseline |")
    print("|---|---|---|---|---|---|---|---|")
    behind = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, case in CASES.items():
            if chosen and name not in chosen:
                continue
            path = Path(folder, name)
            case.write(path)
            source, run = str(path) if path.exists() else name, str(Path(folder, f"run-{name}"))
            began = time.perf_counter()
            harmonium("train", source, *case.words.split(), "--seed", "1", "--no-report", "--out", run)
            spent = time.perf_counter() - began
            told = json.loads(harmonium("evaluate", run, "--json"))
            what, ours, theirs = beside(source, run, case.asked)
            words = f"harmonium train {name} {case.words}".strip()
            figures = f"{told['log_likelihood']:.2f} ({told['verdict']}) | {told['baseline']:.2f}"
            print(
                f"| `{words}` | {told['rows']} | {spent:.0f} | {figures} | {what} | {ours:.3f} | {theirs:.3f} |",
                flush=True,
            )
            behind += told["lower"] <= told["baseline"]
    return int(behind > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Missing cells of tables: a quarter of the test cells is hidden, and a quarter of the training cells too.

    python benchmarks/tables.py [NAME ...] [--seeds 3] [--set steps=3000 ...]

Each figure is the mean over seeds, each with a split of its own (80 % of the rows are learned from). *accuracy* is the
share of hidden cells of binary and categorical columns that are filled with their own level; *NRMSE* the root mean
squared error over hidden cells of numbers, each column in units of its deviation over the training rows. Beside it
stand scikit-learn's imputers, on numbers standardized and on levels one-hot, of which the likeliest is taken.
The tables are read from the directory that HARMONIUM_DATA names.
"""

import argparse
import os
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

import harmonium as hm
from harmonium import data
from harmonium.data.schema import LEVELED
from harmonium.fitting.splits import Splits

TABLES = {
    "penguins": "penguins.csv",
    "titanic": "titanic.csv",
    "horse-colic": "horse-colic.csv",
    "adult": "adult-train.csv.gz",
}
SHARE = 0.25  # of the cells, hidden
KNN_ROWS = 2000  # of training that neighbors are looked for among, where there are more


def parts(rows: data.Dataset, seed: int) -> tuple[data.Dataset, data.Dataset, np.ndarray]:
    """Return training rows and test rows with their holes, and the test rows as they were."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(rows))
    train, test = (rows.gather(part).copy() for part in np.split(order, [int(0.8 * len(rows))]))
    truth = test.copy()
    for table in (train, test):
        table[rng.random(table.shape) < SHARE] = np.nan
    plain = {"index": None, "labels": None, "label_names": (), "ids": None}
    return replace(rows, table=train, **plain), replace(rows, table=test, **plain), truth


def figures(schema: data.Schema, filled: np.ndarray, test: np.ndarray, truth: np.ndarray, train: np.ndarray) -> tuple:
    """Return accuracy and NRMSE over the cells that were hidden and are known."""
    hidden, right, squares = np.isnan(test) & np.isfinite(truth), [], []
    for i, column in enumerate(schema.modeled):
        here = hidden[:, i]
        if column.kind in LEVELED:
            right.append(np.rint(filled[here, i]) == truth[here, i])
        else:
            squares.append(((filled[here, i] - truth[here, i]) / (np.nanstd(train[:, i]) or 1.0)) ** 2)
    return float(np.concatenate(right).mean()), float(np.sqrt(np.concatenate(squares).mean()))


def ours(train: data.Dataset, test: data.Dataset, seed: int, settings: dict[str, Any]) -> np.ndarray:
    """Return test rows filled by a model of the training rows."""
    splits = Splits(train, hm.TrainConfig(seed=seed, **settings))
    splits.__dict__["_parts"] = {"train": train, "valid": train.take(50), "test": test}  # all rows are learned from
    trainer = hm.Trainer(splits.config, splits)
    for _ in trainer:
        pass
    return trainer.run.impute(test)


class Numbers:
    """Rows of codes as scikit-learn takes them: numbers standardized, levels one-hot."""

    def __init__(self, schema: data.Schema, train: np.ndarray):
        self.columns, self.mean, self.scale = schema.modeled, np.nanmean(train, 0), np.nanstd(train, 0)
        self.scale[self.scale == 0] = 1

    def rows(self, codes: np.ndarray) -> np.ndarray:
        """Return the rows, (rows, numbers and levels)."""
        pieces = []
        for i, column in enumerate(self.columns):
            own = codes[:, i : i + 1]
            if column.kind in LEVELED:
                pieces.append(np.where(np.isnan(own), np.nan, own == np.arange(len(column.levels))))
            else:
                pieces.append((own - self.mean[i]) / self.scale[i])
        return np.concatenate(pieces, 1)

    def codes(self, rows: np.ndarray) -> np.ndarray:
        """Return the rows as codes again."""
        found, first = np.empty((len(rows), len(self.columns))), 0
        for i, column in enumerate(self.columns):
            wide = len(column.levels) if column.kind in LEVELED else 1
            piece = rows[:, first : first + wide]
            found[:, i] = piece.argmax(1) if column.kind in LEVELED else piece[:, 0] * self.scale[i] + self.mean[i]
            first += wide
        return found


def theirs(imputer: Any, train: data.Dataset, test: data.Dataset) -> np.ndarray:
    """Return test rows filled by an imputer of scikit-learn."""
    numbers = Numbers(train.schema, train.table)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        imputer.set_params(keep_empty_features=True).fit(numbers.rows(train.table))
        return numbers.codes(imputer.transform(numbers.rows(test.table)))


def rivals(rows: int) -> dict[str, Any]:
    """Return scikit-learn's imputers."""
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401
    from sklearn.impute import IterativeImputer, KNNImputer

    return {"KNN": KNNImputer(), "Iterative": IterativeImputer(random_state=0, max_iter=10)}


def measure(name: str, seeds: int, settings: dict[str, Any], alone: bool = False) -> dict[str, list[float]]:
    """Return accuracy, NRMSE and seconds of every method on a table, means over seeds."""
    rows = data.load_rows(Path(os.environ["HARMONIUM_DATA"]) / "tables" / TABLES[name], label_column="none")
    found: dict[str, list[tuple[float, ...]]] = {}
    for seed in range(seeds):
        train, test, truth = parts(rows, seed)
        few = train.take(KNN_ROWS)
        for method in ["harmonium"] if alone else ["harmonium", *rivals(len(train))]:
            began = time.perf_counter()
            if method == "harmonium":
                filled = ours(train, test, seed, settings)
            else:
                filled = theirs(rivals(len(train))[method], few, test)
            told = figures(rows.schema, filled, test.table, truth, train.table)
            found.setdefault(method, []).append((*told, time.perf_counter() - began))
    return {method: np.mean(told, 0).tolist() for method, told in found.items()}


def main() -> None:
    """Print a table of figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", default=[*TABLES])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--set", nargs="*", default=[], help="settings of harmonium, such as steps=3000")
    parser.add_argument("--alone", action="store_true", help="harmonium alone")
    asked = parser.parse_args()
    settings = {word.partition("=")[0]: yaml.safe_load(word.partition("=")[2]) for word in asked.set}
    torch.set_num_threads(1)
    print(f"{'table':12} {'method':10} {'accuracy':>8} {'NRMSE':>6} {'seconds':>8}")
    for name in asked.names:
        for method, (accuracy, error, seconds) in measure(name, asked.seeds, settings, asked.alone).items():
            print(f"{name:12} {method:10} {accuracy:8.3f} {error:6.3f} {seconds:8.1f}", flush=True)


if __name__ == "__main__":
    main()

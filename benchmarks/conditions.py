"""Planted cells, rare conditions and two-sample figures on the adult table.

`python benchmarks/conditions.py RUN [COLUMN=LEVEL]`: RUN is a run on `adult-train.csv.gz` (`harmonium train`); its test
split is what nothing was trained on.
"""

import sys
import time

import numpy as np
import torch
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

import harmonium as hm

PLANTED = 200
ROWS = 10_000


def planted(codes: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of which `PLANTED` cells have the value of another row's, one that differs, and where they are."""
    g, found = np.random.default_rng(seed), codes.copy()
    wrong = np.zeros(codes.shape, bool)
    for row in g.permutation(len(codes))[: 4 * PLANTED]:
        column, other = g.integers(codes.shape[1]), g.integers(len(codes))
        differs = codes[row, column] != codes[other, column]
        if wrong.sum() < PLANTED and differs and not np.isnan(codes[[row, other], column]).any():
            found[row, column], wrong[row, column] = codes[other, column], True
    return found, wrong


def mahalanobis(x: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Return the squared distance of rows from the mean in the metric of the covariance, without its null space."""
    z = x - train.mean(0)
    return np.einsum("ij,jk,ik->i", z, np.linalg.pinv(np.cov(train.T), rcond=1e-6), z)


def surprise(run: hm.Run) -> None:
    """Print how well planted cells, and the rows that hold them, are found."""
    test, train = run.splits.test, run.splits.train
    codes, wrong = planted(test.rows[:ROWS], 0)
    dataset = hm.data.Dataset(**{**vars(test.take(len(codes))), "table": codes, "index": None})
    began = time.perf_counter()
    nats = run.surprise(dataset)
    took = time.perf_counter() - began
    rest = ~np.isnan(nats)
    print(f"surprise of {len(codes):,} rows x {codes.shape[1]} columns: {took:.1f} s")
    print(f"planted cells among all cells, ROC AUC: {roc_auc_score(wrong[rest], nats[rest]):.3f}")
    rows = wrong.any(1)
    x, fitted = (one.numpy() for one in (run.encoder.rows(d, whole=True) for d in (dataset, train.take(ROWS))))
    forest = IsolationForest(random_state=0).fit(fitted)
    told = {
        "largest surprise of a cell": np.nanmax(nats, 1),
        "free energy": run.model.free_energy(torch.from_numpy(x)).detach().numpy(),
        "isolation forest": -forest.score_samples(x),
        "Mahalanobis distance": mahalanobis(x.astype(float), fitted.astype(float)),
    }
    for name, score in told.items():
        print(f"rows with a planted cell, ROC AUC, {name}: {roc_auc_score(rows, score):.3f}")


def conditions(run: hm.Run, given: str) -> None:
    """Print how long a thousand rows of a rare kind take."""
    x = run.splits.train
    began = time.perf_counter()
    drawn = run.sample(1000, given=given, seed=1)
    took = time.perf_counter() - began
    words = x.schema.words(drawn)
    name, level = given.split("=")
    share = (x.schema.words(x.rows)[name] == level).mean()
    right = (words[name] == level).mean()
    print(f"1,000 rows given {given}, {share:.1%} of the training rows: {took:.1f} s, {right:.0%} meet it")


if __name__ == "__main__":
    run = hm.load(sys.argv[1])
    surprise(run)
    conditions(run, *sys.argv[2:3] or ["column9=Amer-Indian-Eskimo"])
    began = time.perf_counter()
    print(run.compare(), f"in {time.perf_counter() - began:.0f} s")

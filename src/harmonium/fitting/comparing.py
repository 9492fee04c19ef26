"""Rows that a model drew beside rows that it has not seen: columns, pairs, a classifier, and near copies."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..arguments import Count
from ..errors import InputError
from ..numerics import integers, permutation, stream
from ..progress import Progress, silent

if TYPE_CHECKING:
    from ..data import Dataset
    from ..encoding import Encoder
    from .run import Run

ROWS = 10_000  # rows of each kind that are compared at most
FOLDS = 5  # of the cross-validation of the classifier
BINS = 255  # levels of a column that the classifier takes as a category
QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5)  # of the nearest-row distances that are told


class Table(NamedTuple):
    """Rows as numbers, (rows, columns), NaN for what is missing, and the levels of each column, 0 of a number."""

    rows: np.ndarray
    levels: tuple[int, ...]

    def with_holes_of(self, other: "Table", seed: int) -> "Table":
        """Return the same rows where each misses what some row of another table misses."""
        place = integers(len(other.rows), len(self.rows), generator=stream(seed)).numpy()
        return self._replace(rows=np.where(np.isnan(other.rows[place]), np.nan, self.rows))


@dataclass(frozen=True)
class Comparison:
    """How samples differ from held-out rows, and what the training rows themselves differ by.

    ``distance`` of each column is the total variation distance of its levels, or the largest difference of its
    distribution functions (Kolmogorov & Smirnov); ``chance`` is that between training and held-out rows.
    ``association`` is the root mean square difference of the associations of pairs, ``apart`` the pair that differs
    most.  ``auc`` is the area under the curve of a classifier between samples and held-out rows, 0.5 where nothing
    tells them apart (Lopez-Paz & Oquab, 2017).  ``nearest`` and ``nearest_held_out`` are quantiles of the distance to
    the nearest training row, and ``closer`` the share of samples that lie closer than all but 5 % of the held-out rows:
    more than that are copies.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    distance: np.ndarray = field(repr=False)
    chance: np.ndarray = field(repr=False)
    association: float
    association_chance: float
    apart: tuple[str, str, float, float]
    auc: float
    nearest: dict[str, float]
    nearest_held_out: dict[str, float]
    closer: float
    rows: int
    held_out: int

    def __str__(self) -> str:
        """Return what was found as one plain sentence."""
        return (
            f"two-sample AUC {self.auc:.3f} (0.5: samples cannot be told from held-out rows), columns differ by "
            f"{self.distance.mean():.3f} (training rows by {self.chance.mean():.3f}), pairs by {self.association:.3f} "
            f"({self.association_chance:.3f}); {self.rows} samples, {self.held_out} held-out rows"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON holds them."""
        found = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in ("distance", "chance")}
        columns = zip(self.names, self.kinds, self.distance.tolist(), self.chance.tolist(), strict=True)
        told = [{"column": name, "by": kind, "distance": one, "chance": two} for name, kind, one, two in columns]
        return {name: value for name, value in found.items() if name not in ("names", "kinds")} | {"columns": told}


def compare(
    run: "Run",
    synthetic: Any = None,
    *,
    split: str = "test",
    count: Count | None = None,
    gibbs_steps: Count = 1000,
    seed: int | None = None,
    progress: Progress = silent,
) -> Comparison:
    """Return how ``synthetic`` rows, or as many samples of the run as it has held-out rows, differ from these.

    At most `ROWS` rows of each kind are taken.  Where held-out rows miss cells, samples are compared with as many
    missing: each without those of some such row.
    """
    seed = run.seed if seed is None else seed
    splits, encoder = run.splits_needed("a comparison"), run.encoder
    train, held_out = table_of(splits.train, seed), table_of(run.rows(None, split), seed)
    if synthetic is None:
        drawn = run.sample(count or min(ROWS, len(held_out.rows)), gibbs_steps, seed=seed, progress=progress)
        samples = Table(written(encoder, drawn), train.levels)
    else:
        samples = table_of(encoder.read(synthetic), seed)
    if min(len(samples.rows), len(held_out.rows)) < 2 * FOLDS:
        given = f"{len(samples.rows)} samples and {len(held_out.rows)} held-out rows"
        raise InputError(f"{given} were given where {2 * FOLDS} of each were expected: give more")
    samples = samples.with_holes_of(held_out, seed)
    names = encoder.names or tuple(f"column{i + 1}" for i in range(encoder.columns))
    return compared(samples, held_out, train, names, seed)


def table_of(dataset: "Dataset", seed: int) -> Table:
    """Return some rows of a data set, at most `ROWS`, and the levels of its columns."""
    some = permutation(len(dataset), generator=stream(seed))[:ROWS].numpy() if len(dataset) > ROWS else slice(None)
    schema = dataset.schema
    columns = [] if schema is None else schema.modeled
    levels = tuple(len(one.levels) * one.leveled for one in columns) or (0,) * dataset.width
    return Table(dataset.gather(some).astype(np.float64), levels)


def written(encoder: "Encoder", rows: np.ndarray) -> np.ndarray:
    """Return drawn rows as they are written: numbers of a table with no more decimals than it has."""
    schema = getattr(encoder, "schema", None)
    return np.asarray(rows if schema is None else schema.codes(schema.words(rows)), np.float64)


def compared(samples: Table, held_out: Table, train: Table, names: tuple[str, ...], seed: int) -> Comparison:
    """Return how samples differ from held-out rows; the classifier's folds follow from the seed."""
    tables = samples, held_out, train
    pairs = [associations(table) for table in tables]
    above = np.triu_indices(len(names), 1)
    gap = np.abs(pairs[0] - pairs[1])[above]
    worst = int(gap.argmax()) if len(gap) else None
    i, j = (0, 0) if worst is None else (int(above[0][worst]), int(above[1][worst]))
    near = [nearest(table, train) for table in tables[:2]]
    told = [{f"{q:.0%}": float(np.quantile(x, q)) for q in QUANTILES} for x in near]
    return Comparison(
        names=names,
        kinds=tuple("total variation" if size else "Kolmogorov–Smirnov" for size in train.levels),
        distance=distances(samples, held_out),
        chance=distances(train, held_out),
        association=_rms(gap),
        association_chance=_rms((pairs[2] - pairs[1])[above]),
        apart=(names[i], names[j], float(pairs[0][i, j]), float(pairs[1][i, j])),
        auc=two_sample_auc(samples, held_out, seed),
        nearest=told[0],
        nearest_held_out=told[1],
        closer=float((near[0] < np.quantile(near[1], 0.05)).mean()),
        rows=len(samples.rows),
        held_out=len(held_out.rows),
    )


def distances(a: Table, b: Table) -> np.ndarray:
    """Return the distance of the distributions of every column, (columns,)."""
    pairs = zip(a.rows.T, b.rows.T, a.levels, strict=True)
    return np.array([_distance(one[~np.isnan(one)], two[~np.isnan(two)], size) for one, two, size in pairs])


def _distance(a: np.ndarray, b: np.ndarray, levels: int) -> float:
    from scipy.stats import ks_2samp

    if not len(a) or not len(b):
        return 0.0
    if not levels:
        return float(ks_2samp(a, b, method="asymp").statistic)
    shares = [np.bincount(x.astype(int), minlength=levels) / len(x) for x in (a, b)]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


def associations(table: Table) -> np.ndarray:
    """Return the association of every pair of columns, (columns, columns).

    Of two numbers the correlation, of a number and levels the correlation ratio η, of levels Cramér's V: each is the
    norm of the covariance of the two columns, whitened, over the root of the smaller number of dimensions.  What is
    missing counts as the mean.
    """
    z, first = _whitened(table)
    dimensions = np.array([max(1, size - 1) for size in table.levels])
    matrix = z.T @ z / len(z)
    squares = np.add.reduceat(np.add.reduceat(matrix**2, first, 0), first, 1)
    found = np.sqrt(squares / np.minimum.outer(dimensions, dimensions))
    plain = np.array(table.levels) == 0
    signs = np.where(np.outer(plain, plain), np.sign(matrix[np.ix_(first, first)]), 1.0)
    return found * signs


def _whitened(table: Table) -> tuple[np.ndarray, np.ndarray]:
    """Return the columns with mean 0 and covariance 1, a level each, and where each column begins."""
    parts = []
    for x, size in zip(table.rows.T, table.levels, strict=True):
        there = ~np.isnan(x)
        wide = x[:, None] == np.arange(size) if size else x[:, None]
        mean = wide[there].mean(0) if there.any() else np.zeros(wide.shape[1])
        spread = np.sqrt(mean) if size else wide[there].std(0) if there.any() else np.ones(1)
        parts.append(np.where(there[:, None], (wide - mean) / np.where(spread > 0, spread, 1), 0.0))
    return np.concatenate(parts, 1), np.cumsum([0, *(part.shape[1] for part in parts[:-1])])


def two_sample_auc(a: Table, b: Table, seed: int) -> float:
    """Return the area under the curve of a cross-validated classifier between two tables, as many rows of each."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    count = min(len(a.rows), len(b.rows))
    generator = stream(seed)
    rows = np.concatenate(
        [table.rows[permutation(len(table.rows), generator=generator)[:count].numpy()] for table in (a, b)]
    )
    truth = np.repeat([0, 1], count)
    categories = [0 < size <= BINS for size in a.levels]
    model = HistGradientBoostingClassifier(categorical_features=categories, random_state=seed)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    odds = cross_val_predict(model, rows, truth, cv=folds, method="predict_proba")[:, 1]
    return float(roc_auc_score(truth, odds))


def nearest(table: Table, train: Table) -> np.ndarray:
    """Return the distance of every row to the nearest training row, (rows,).

    Numbers count in deviations of the training rows, a level that differs as 1, and what is missing as the mean; the
    distance is Euclidean.
    """
    from sklearn.neighbors import NearestNeighbors

    mean, spread = np.nanmean(train.rows, 0), np.nanstd(train.rows, 0)
    placed = [_placed(one, mean, np.where(spread > 0, spread, 1)) for one in (table, train)]
    found = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(placed[1]).kneighbors(placed[0])[0]
    return np.asarray(found[:, 0], np.float64)


def _placed(table: Table, mean: np.ndarray, spread: np.ndarray) -> np.ndarray:
    parts = []
    for i, size in enumerate(table.levels):
        x = table.rows[:, i]
        parts.append(
            (x[:, None] == np.arange(size)) / np.sqrt(2)
            if size
            else np.where(np.isnan(x), 0.0, (x - mean[i]) / spread[i])[:, None]
        )
    return np.concatenate(parts, 1).astype(np.float32)


def _rms(x: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(x)))) if x.size else 0.0

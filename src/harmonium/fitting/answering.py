"""What a run answers about rows: its own, or those of another file."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from .. import data
from ..arguments import Count, Natural, checked
from ..progress import Progress, silent
from .effort import Judge

if TYPE_CHECKING:
    from ..evaluation import Mixing
    from .comparing import Comparison
    from .imputing import Imputation
    from .labels import LabelReport
    from .likelihood import Evaluation
    from .restoring import Recovery
    from .run import Run
    from .scoring import Scores

Out = str | Path | None


class Answering:
    """The part of a `Run` that takes rows: a path, a name, an array or a frame; or a split of the run's own data.

    What answers for each row writes to ``out`` too: .csv and .json with the file's own ids and names, or .npy.
    """

    @property
    def _run(self) -> "Run":
        return cast("Run", self)

    @checked
    def evaluate(self, rows: Any = None, split: str = "test", **settings: Any) -> "Evaluation":
        """Return the mean log-likelihood of rows in nats a row, with its error, verdict, bracket and baseline.

        Args:
            rows: a path, a name or an array; None for a split of the run's own data.
            split: "train", "valid" or "test".
            settings: method, chains, n_betas, max_time, certify, judge, progress: see `likelihood.evaluations`.

        Raises `InputError` where no rows are at hand, or they have other columns.
        """
        from .likelihood import evaluate

        return evaluate(self._run, rows, split, **settings)

    @checked
    def mixing(self, *, judge: Judge = "full", progress: Progress = silent) -> "Mixing":
        """Return whether the chains of the run stand for its model, see `evaluation.mixing`."""
        from .mixing import mixing

        return mixing(self._run, judge=judge, progress=progress)

    @checked
    def score(self, rows: Any = None, split: str = "test", *, out: Out = None, **settings: Any) -> "Scores":
        """Return log p of every row with its bracket, and its free energy, in nats; `scoring.score`.

        Example:
            >>> import harmonium as hm
            >>> run = hm.fit("digits", hidden=8, epochs=1, seed=1)
            >>> run.score(run.splits.test.rows[:5]).log_likelihood.shape
            (5,)
        """
        from . import scoring

        dataset = self._run.rows(rows, split)
        found = scoring.score(self._run, dataset, **settings)
        scoring.write(out, found.columns, scoring.ids_of(dataset))
        return found

    @checked
    def surprise(self, rows: Any = None, split: str = "test", *, out: Out = None, **settings: Any) -> np.ndarray:
        """Return −log p(cell | rest of its row) of every cell in nats, (rows, columns): which entry does not fit.

        Exact for whole rows, `surprising.surprise` tells how empty cells are summed out; an empty cell has none (NaN).

        Example:
            >>> import harmonium as hm
            >>> run = hm.fit("digits", hidden=8, epochs=1, seed=1)
            >>> run.surprise(run.splits.test.rows[:5]).shape
            (5, 64)
        """
        from . import scoring, surprising

        dataset = self._run.rows(rows, split)
        found = surprising.surprise(self._run, dataset, **settings)
        scoring.write(out, surprising.by_column(self._run, found), scoring.ids_of(dataset))
        return found

    @checked
    def compare(self, synthetic: Any = None, split: str = "test", **settings: Any) -> "Comparison":
        """Return how samples, or ``synthetic`` rows, differ from rows of a split: `comparing.compare`.

        Columns, associations of pairs, a classifier between the two, and distances to the nearest training row.

        Example:
            >>> import harmonium as hm
            >>> run = hm.fit("digits", hidden=8, epochs=1, seed=1)
            >>> run.compare(count=50, gibbs_steps=5).rows
            50
        """
        from .comparing import compare

        return compare(self._run, synthetic, split=split, **settings)

    @checked
    def features(self, rows: Any = None, split: str = "test", *, out: Out = None, **settings: Any) -> np.ndarray:
        """Return the means of the highest hidden layer, or of ``layer``, given every row, (rows, units).

        Example:
            >>> import harmonium as hm
            >>> run = hm.fit("digits", hidden=8, epochs=1, seed=1)
            >>> run.features(run.splits.test.rows[:5]).shape
            (5, 8)
        """
        from . import scoring

        dataset = self._run.rows(rows, split)
        found = scoring.features(self._run, dataset, **settings)
        scoring.write(out, data.by_name(found, what="unit"), scoring.ids_of(dataset))
        return found

    @checked
    def reconstruct(
        self, rows: Any = None, split: str = "test", *, out: Out = None, progress: Progress = silent
    ) -> np.ndarray:
        """Return the means of every row after a pass up and down, (rows, columns), in the scale of the rows.

        Example:
            >>> import harmonium as hm
            >>> run = hm.fit("digits", hidden=8, epochs=1, seed=1)
            >>> run.reconstruct(run.splits.test.rows[:5]).shape
            (5, 64)
        """
        from . import scoring

        dataset = self._run.rows(rows, split)
        found = scoring.reconstruct(self._run, dataset, progress=progress)
        scoring.write(out, self._run.encoder.columns_of(found), scoring.ids_of(dataset))
        return found

    @checked
    def impute(
        self, rows: Any, *, chains: Count = 16, gibbs_steps: Count = 200, out: Out = None, **settings: Any
    ) -> np.ndarray:
        """Return rows, (rows, columns), with what is missing (NaN) filled in by its posterior mean.

        See `sampling.impute`; ``chains`` chains a row, of ``gibbs_steps`` Gibbs steps.

        Example:
            >>> import harmonium as hm, numpy as np
            >>> run = hm.fit("digits", hidden=8, epochs=1, seed=1)
            >>> run.impute(np.full((2, 64), np.nan), gibbs_steps=10).shape
            (2, 64)
        """
        from . import restoring, scoring

        given, ids = restoring.with_holes(self._run, rows)
        found = restoring.impute(self._run, given, chains=chains, gibbs_steps=gibbs_steps, **settings)
        scoring.write(out, self._run.encoder.columns_of(found), ids)
        return found

    @checked
    def imputation(
        self, rows: Any, *, draws: Natural = 5, out: Out = None, uncertainty: Out = None, **settings: Any
    ) -> "Imputation":
        """Return rows of a table with their empty cells filled in ``draws`` times, and how sure the model is of each.

        Multiple imputation (Rubin, 1987), see `imputing.imputed`.  ``out`` takes the draws below each other, numbered,
        or without any what is expected; ``uncertainty`` the deviation of each number that was filled in, and the
        probability of each level.
        """
        from . import imputing, restoring, scoring

        given, ids = restoring.with_holes(self._run, rows)
        found, encoder = imputing.imputed(self._run, given, draws=draws, **settings), self._run.encoder
        scoring.write(out, found.columns(encoder), np.tile(ids, max(draws, 1)))
        scoring.write(uncertainty, data.by_name(found.uncertainty, encoder.names), ids)
        return found

    @checked
    def recover(self, rows: Any = None, mask: str = "bottom", count: Count = 32, **settings: Any) -> "Recovery":
        """Return rows that were hidden or spoiled on purpose and restored, with how far from the truth they come.

        See `fitting.restoring.recover` for masks and settings.
        """
        from .restoring import recover

        return recover(self._run, rows, mask, count, **settings)

    @checked
    def classify(
        self, rows: Any = None, labels: Any = None, split: str = "test", *, out: Out = None, **settings: Any
    ) -> "LabelReport":
        """Return the labels that the model reads from rows, and how many are right where known; `labels.classify`."""
        from . import scoring
        from .labels import classify

        dataset = self._run.rows(rows, split, labels)
        found = classify(self._run, dataset, split if rows is None else dataset.name, **settings)
        scoring.write(out, found.columns, scoring.ids_of(dataset))
        return found

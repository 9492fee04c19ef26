"""A training in one line."""

from pathlib import Path
from typing import Any

from ..errors import InputError
from .config import TrainConfig
from .run import Run
from .trainer import Trainer


def fit(rows: Any, labels: Any = None, *, out: str | Path | None = None, replace: bool = False, **settings: Any) -> Run:
    """Train a model on rows and return the run.

    Args:
        rows: "digits", "mnist", "fashion-mnist", a path, an array or tensor (rows, columns), a frame, or a `Dataset`.
        labels: class numbers (rows,) that go with an array; with ``labels=True`` those of the data set are learned.
        out: a directory for the run; without it the run is in memory alone.
        replace: start anew where a run lies already.
        settings: those of `TrainConfig`: model, hidden, sampler, epochs, lr, seed, ...

    Raises:
        InputError: for settings that are not known or do not fit the data, in one line that says what does.
        DivergenceError: when the training leaves the finite numbers, whatever the learning rate.

    Example:
        >>> import harmonium as hm
        >>> run = hm.fit("digits", hidden=8, epochs=2, seed=1)
        >>> print(run.evaluate().verdict)
        exact
    """
    if isinstance(labels, bool):
        settings["labels"], labels = labels, None
    elif labels is not None:
        settings["labels"] = True
    if rows is None:
        raise InputError("no data were given: pass a name such as 'digits', a path, or an array")
    trainer = Trainer(TrainConfig(**settings), rows, labels, out=out, replace=replace)
    for _ in trainer:
        pass
    return trainer.run

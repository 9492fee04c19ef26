"""What takes one line: a training, and a model to and from a file."""

from pathlib import Path
from typing import Any

from ..arguments import checked
from ..errors import InputError
from ..machines import DBN, Machine
from .config import TrainConfig
from .run import Run
from .trainer import Trainer


@checked
def fit(
    rows: Any,
    labels: Any = None,
    *,
    sample_weight: Any = None,
    out: str | Path | None = None,
    replace: bool = False,
    **settings: Any,
) -> Run:
    """Train a model on rows and return the run.

    Args:
        rows: "digits", "mnist", "fashion-mnist", a path, an array or tensor (rows, columns), a frame, or a `Dataset`.
        labels: numbers or words (rows,), or one-hot rows, that go with an array; with ``labels=True`` those of the data
            set are learned.
        sample_weight: how much each row counts, (rows,), 0 or more, in proportion; of a file name the column that holds
            it, ``column={"NAME": "weight"}``.  The weighted mean of log p is climbed: a whole weight is as many copies
            of a row, and others are the expected numbers of times that a pass over the rows holds it.
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
    trainer = Trainer(TrainConfig(**settings), rows, labels, sample_weight=sample_weight, out=out, replace=replace)
    for _ in trainer:
        pass
    return trainer.run


@checked
def load(path: str | Path) -> Run:
    """Return the run of a model file or of a run directory; ``load(path).model`` is the machine itself.

    Raises:
        InputError: when the file is missing, damaged, of another format, or holds numbers that are not finite.

    Example:
        >>> import harmonium as hm
        >>> path = hm.save(hm.RBM(6, 4), "model.safetensors")
        >>> hm.load(path).sample(3, gibbs_steps=10).shape
        (3, 6)
    """
    return Run.open(path)


@checked
def save(model: Machine | DBN | Run, path: str | Path) -> Path:
    """Write a model, or a run, to one file and return its path; the same model gives the same bytes.

    Example:
        >>> import harmonium as hm
        >>> hm.save(hm.RBM(6, 4), "model.safetensors").name
        'model.safetensors'
    """
    return (model if isinstance(model, Run) else Run.of(model)).save(path)

"""``harmonium classify``."""

from pathlib import Path
from typing import Literal

from ..runs import Run
from . import console
from .options import Positive


def classify(
    run: Path,
    *,
    readout: Literal["exact", "gibbs"] = "exact",
    split: Literal["train", "valid", "test"] = "test",
    gibbs_steps: Positive = 15,
    json: bool = False,
) -> None:
    """Read the labels of rows with a model that learned labels, and count how many are right.

    Parameters
    ----------
    run
        Directory that `harmonium train --labels` or `harmonium finetune` wrote.
    readout
        exact compares the free energy of every label; gibbs runs a chain from an uninformative one.
    split
        Rows to classify.
    Gibbs steps
        Gibbs steps of the gibbs read-out.
    json
        Print one JSON object and nothing else.
    """
    home = Run.open(run)
    from ..runs.reading import classify as read

    with console.progress_bars() as progress:
        figures = read(home, split, readout=readout, gibbs_steps=gibbs_steps, progress=progress)
    if json:
        console.say_json(figures)
        return
    labels = range(len(figures["confusion"]))
    console.say(f"{split} error {figures['error']:.2%} of {figures['rows']} rows ({readout} read-out)")
    header = ["truth", *(f"as {label}" for label in labels)]
    console.table(header, ([str(label), *map(str, figures["confusion"][label])] for label in labels))

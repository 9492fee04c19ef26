"""``harmonium sample_label``."""

from pathlib import Path

from ..errors import InputError
from ..runs import Run
from . import console
from .options import Positive, refuse_ending


def sample_label(
    run: Path,
    *,
    out: Path,
    label: str = "all",
    count: Positive = 8,
    gibbs_steps: Positive = 1000,
    seed: int | None = None,
) -> None:
    """Draw rows of a given label: the label is clamped, and the chain runs.

    Parameters
    ----------
    run
        Directory that `harmonium train --labels` wrote.
    out
        .png for a picture with a row for each label, .gif for the chains as they run, .npy for the rows.
    label
        A class number, or all.
    count
        Rows drawn for each label.
    Gibbs steps
        Gibbs steps of each chain.
    seed
        Seed; the run's own unless given.
    """
    refuse_ending(out)
    if label != "all" and not label.isdecimal():
        raise InputError(f"--label {label} was given where a class number or all was expected")
    home = Run.open(run)
    from ..runs.drawing import sample_labels, write

    labels = range(home.coder.labels or 1) if label == "all" else [int(label)]
    asked = [one for one in labels for _ in range(count)]
    with console.progress_bars() as progress:
        moments = sample_labels(home, asked, gibbs_steps, seed=seed, progress=progress)
    write(home, out, moments, count)
    console.say(f"{len(asked)} rows of label {label} after {gibbs_steps} Gibbs steps: {out}")

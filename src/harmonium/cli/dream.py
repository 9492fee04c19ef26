"""``harmonium dream``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from ..errors import InputError
from ..runs import Run
from . import console

Positive = Annotated[int, Parameter(validator=Number(gte=1))]


def dream(
    run: Path, *, out: Path, label: str = "all", count: Positive = 8, sweeps: Positive = 1000, seed: int | None = None
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
    sweeps
        Sweeps of each chain.
    seed
        Seed; the run's own unless given.
    """
    if out.suffix.lower() not in (".png", ".gif", ".npy"):
        raise InputError(f"--out {out} ends in {out.suffix!r} where .png, .gif or .npy was expected")
    if label != "all" and not label.isdecimal():
        raise InputError(f"--label {label} was given where a class number or all was expected")
    home = Run.open(run)
    from .. import plots
    from ..runs.drawing import imagine, save_array, shape

    labels = range(home.coder.labels or 1) if label == "all" else [int(label)]
    asked = [one for one in labels for _ in range(count)]
    with console.watching() as watch:
        moments = imagine(home, asked, sweeps, seed=seed, watch=watch)
    last = moments[-1]
    if out.suffix.lower() == ".npy":
        save_array(out, last.states)
    elif out.suffix.lower() == ".gif":
        plots.save_gif(out, [plots.grid(moment.means, shape(home), columns=count) for moment in moments])
    else:
        plots.save_picture(out, plots.grid(last.means, shape(home), columns=count))
    console.say(f"{len(asked)} rows of label {label} after {sweeps} sweeps: {out}")

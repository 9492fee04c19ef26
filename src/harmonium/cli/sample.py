"""``harmonium sample``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from ..errors import InputError
from ..runs import Run
from . import console

Positive = Annotated[int, Parameter(validator=Number(gte=1))]


def sample(run: Path, *, out: Path, count: Positive = 64, sweeps: Positive = 1000, seed: int | None = None) -> None:
    """Draw new rows by Gibbs sampling from random states.

    Parameters
    ----------
    run
        Directory that `harmonium train` wrote.
    out
        .png for a picture of the last sweep's means, .gif for the chains as they run, .npy for the states.
    count
        Number of chains.
    sweeps
        Sweeps of each chain.
    seed
        Seed; the run's own unless given.
    """
    if out.suffix.lower() not in (".png", ".gif", ".npy"):
        raise InputError(f"--out {out} ends in {out.suffix!r} where .png, .gif or .npy was expected")
    home = Run.open(run)
    from .. import plots
    from ..runs.drawing import draw, save_array, shape

    with console.watching() as watch:
        moments = draw(home, count, sweeps, seed=seed, watch=watch)
    last = moments[-1]
    if out.suffix.lower() == ".npy":
        save_array(out, last.states)
    elif out.suffix.lower() == ".gif":
        plots.save_gif(out, [plots.grid(moment.means, shape(home)) for moment in moments])
    else:
        plots.save_picture(out, plots.grid(last.means, shape(home)))
    console.say(f"{count} rows after {sweeps} sweeps: {out}")

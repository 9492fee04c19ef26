"""``harmonium sample``."""

from pathlib import Path

from ..runs import Run
from . import console
from .options import Positive, refuse_ending


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
    refuse_ending(out)
    home = Run.open(run)
    from ..runs.drawing import draw, write

    with console.watching() as watch:
        moments = draw(home, count, sweeps, seed=seed, watch=watch)
    write(home, out, moments)
    console.say(f"{count} rows after {sweeps} sweeps: {out}")

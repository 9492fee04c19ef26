"""``harmonium sample``."""

from pathlib import Path

from ..runs import Run
from . import console
from .options import Positive, refuse_ending


def sample(
    run: Path, *, out: Path, count: Positive = 64, gibbs_steps: Positive = 1000, seed: int | None = None
) -> None:
    """Draw new rows by Gibbs sampling from random states.

    Parameters
    ----------
    run
        Directory that `harmonium train` wrote.
    out
        .png for a picture of the last Gibbs step's means, .gif for the chains as they run, .npy for the states.
    count
        Number of chains.
    Gibbs steps
        Gibbs steps of each chain.
    seed
        Seed; the run's own unless given.
    """
    refuse_ending(out)
    home = Run.open(run)
    from ..runs.drawing import draw, write

    with console.progress_bars() as progress:
        moments = draw(home, count, gibbs_steps, seed=seed, progress=progress)
    write(home, out, moments)
    console.say(f"{count} rows after {gibbs_steps} Gibbs steps: {out}")

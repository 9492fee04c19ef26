"""``harmonium recover``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from ..runs import Run
from . import console
from .options import Positive


def recover(
    run: Path,
    *,
    mask: str = "bottom",
    count: Positive = 32,
    chains: Positive = 16,
    gibbs_steps: Annotated[int, Parameter(validator=Number(gte=2))] = 200,
    split: str = "test",
    seed: int | None = None,
    json: bool = False,
    out: Path | None = None,
) -> None:
    """Fill in hidden units of held-out rows, or take out noise, and measure how far from the truth it comes.

    Parameters
    ----------
    run
        Directory that `harmonium train` wrote.
    mask
        What is hidden: bottom, top, left, right, random:P, noise:P (bits flipped), or a .npy or picture FILE whose
        non-zero values are hidden.
    count
        Number of rows.
    chains
        Chains averaged for each row.
    Gibbs steps
        Gibbs steps of each chain; the second half is averaged.
    split
        Rows to take: train, valid or test.
    seed
        Seed; the run's own unless given.
    json
        Print one JSON object and nothing else on standard output.
    out
        Picture file: truth, what was seen, what was recovered.
    """
    home = Run.open(run)
    from ..runs.recovery import restore

    with console.progress_bars() as progress:
        result = restore(
            home, mask, count, chains=chains, gibbs_steps=gibbs_steps, split=split, seed=seed, progress=progress
        )
    if out is not None:
        from .. import plots

        groups = [("truth", result.truth), ("seen", result.seen), ("recovered", result.recovered)]
        plots.save_picture(out, plots.strips(groups, result.shape))
    if json:
        console.say_json(result.figures)
        return
    error, baseline = result.figures["mean_squared_error"], result.figures["baseline_mean_squared_error"]
    console.say(
        f"mean squared error on what was hidden {error:.4f}, {error / baseline:.3f} of the baseline's {baseline:.4f} "
        f"({result.figures['baseline']}); {result.figures['rows']} {split} rows, mask {mask}"
        + (f": {out}" if out else "")
    )

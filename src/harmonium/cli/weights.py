"""``harmonium weights``."""

from pathlib import Path

from ..runs import Run
from . import console
from .options import Positive


def weights(run: Path, *, out: Path, count: Positive = 100, layer: Positive = 1) -> None:
    """Draw the weights of the hidden units as pictures, the largest first: red raises a pixel, blue lowers it.

    Parameters
    ----------
    run
        Directory that `harmonium train` wrote.
    out
        Picture file, such as weights.png.
    count
        Number of hidden units.
    layer
        Hidden layer, 1 for the lowest; upper ones are projected to the visible row.
    """
    home = Run.open(run)
    from .. import plots
    from ..runs.drawing import fields

    rows, shape = fields(home, count, layer)
    plots.save_picture(out, plots.signed_grid(rows, shape))
    console.say(f"the {len(rows)} largest units of hidden layer {layer} ({home.config.hidden}): {out}")

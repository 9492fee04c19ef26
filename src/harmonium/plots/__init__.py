"""Arrays in, pictures out: tiles of states and weights, curves, and the files that hold them."""

from .charts import COLOURS, DPI, FAINT, INK, curves, histogram, lines, strips, usage
from .files import png, save_gif, save_picture
from .tiles import GAP_GREY, SIGNED_STOPS, grid, signed_grid

__all__ = [
    "COLOURS",
    "DPI",
    "FAINT",
    "GAP_GREY",
    "INK",
    "SIGNED_STOPS",
    "curves",
    "grid",
    "histogram",
    "lines",
    "png",
    "save_gif",
    "save_picture",
    "signed_grid",
    "strips",
    "usage",
]

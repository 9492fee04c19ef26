"""Arrays in, pictures out: tiles of states and weights, curves, and the files that hold them."""

from .charts import curves, lines, mean_activation, strips
from .files import png, save_gif, save_picture
from .frame import COLORS, DPI, FAINT, INK
from .notebook import Picture
from .tiles import GAP_GRAY, SIGNED_STOPS, grid, signed_grid

__all__ = [
    "COLORS",
    "DPI",
    "FAINT",
    "GAP_GRAY",
    "INK",
    "SIGNED_STOPS",
    "Picture",
    "curves",
    "grid",
    "lines",
    "mean_activation",
    "png",
    "save_gif",
    "save_picture",
    "signed_grid",
    "strips",
]

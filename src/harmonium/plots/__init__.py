"""Arrays in, pictures out: tiles of states and weights, curves, and the files that hold them."""

from .charts import curves, lines, mean_activation, strips
from .comparisons import agreement, histograms, matrices, network
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
    "agreement",
    "curves",
    "grid",
    "histograms",
    "lines",
    "matrices",
    "mean_activation",
    "network",
    "png",
    "save_gif",
    "save_picture",
    "signed_grid",
    "strips",
]  # fmt: skip
